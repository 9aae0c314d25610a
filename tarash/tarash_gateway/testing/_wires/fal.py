"""fal's queue: submit, status, status stream, result, cancel, as queue.fal.run speaks them.

Checked against fal_client 1.0.3, which follows the URLs of the submit's answer and judges a job by
the HTTP status of its result. Storage is in `_fal_storage`, bodies are in `_fal_bodies`.
"""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tarash.tarash_gateway.testing._calling import published_keys
from tarash.tarash_gateway.testing._job_record import JobRecord, Phase
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import CancelBehaviour, Script
from tarash.tarash_gateway.testing._wire import Reply, Route
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext
from tarash.tarash_gateway.testing._wires._fal_bodies import (
    failure_of,
    invalid_payload,
    output_of,
    request_error,
)
from tarash.tarash_gateway.testing._wires._fal_models import FalModels
from tarash.tarash_gateway.testing._wires._fal_storage import FalStorage

_NAMESPACES = frozenset({"workflows", "comfy"})
_JOB = "/{app+}/requests/{request_id}"
_CANCEL_BY_PHASE: Mapping[Phase, CancelBehaviour] = {
    "queued": "queued_ok",
    "running": "requested",
    "ended": "too_late",
}
_CANCELLED_MESSAGE = "Request was cancelled by the client"


class FalWire(BaseWire):
    """One origin for what fal spreads over queue.fal.run, rest.fal.ai and v3.fal.media."""

    nowhere = "Path {path} not found"
    schemes = ("key", "bearer")

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("GET", f"{_JOB}/status/stream", self._stream, step="stream"),
            Route("GET", f"{_JOB}/status", self._status, step="poll"),
            Route("PUT", f"{_JOB}/cancel", self._cancel, step="cancel"),
            Route("GET", _JOB, self._result, step="result"),
            *FalStorage(context).routes,
            *FalModels(context).routes,
            Route("GET", "/.well-known/jwks.json", self._webhook_keys, public=True),
            Route("POST", "/{endpoint+}", self._submit, step="submit"),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer as fal's infrastructure does."""
        return request_error(status, message)

    async def _webhook_keys(self, _request: RecordedRequest) -> Reply:
        return Reply.json(published_keys())

    async def _submit(self, request: RecordedRequest) -> Reply:
        endpoint = request.path_values["endpoint"].strip("/")
        app = _app_of(endpoint)
        if app is None:
            return request_error(404, f"Application {endpoint!r} not found")

        try:
            payload = request.json()
        except ValueError:
            return invalid_payload("json_invalid", "JSON decode error")

        if not isinstance(payload, dict):
            return invalid_payload("dict_type", "Input should be a valid dictionary")

        request_id = str(uuid.uuid4())

        def result(script: Script) -> tuple[int, Any]:
            failure = failure_of(script, payload)
            if failure is not None:
                return failure.status, failure.body

            def publish(name: str, content: bytes) -> str:
                return self._context.publish(request_id, name, content)

            return 200, output_of(script, endpoint, payload, publish)

        job = self._context.state.accept(request_id, endpoint, payload, request, result)
        origin = self._context.urls["foreign"] if job.script.foreign_urls else None
        return Reply.json(
            {
                "status": "IN_QUEUE",
                **self._links(job, origin or self._context.origin),
                "queue_position": job.queue_position(self._context.state.clock()),
                "gateway_request_id": request_id,
            },
            headers={"x-fal-request-id": request_id},
        )

    async def _status(self, request: RecordedRequest) -> Reply:
        job = self._find(request)
        if isinstance(job, Reply):
            return job

        job.look(self._context.state.clock())
        body = self._status_body(job, request)
        done = body["status"] == "COMPLETED"
        return Reply.json(body, 200 if done else 202, {"x-fal-request-id": job.id})

    async def _stream(self, request: RecordedRequest) -> Reply:
        job = self._find(request)
        if isinstance(job, Reply):
            return job

        if not job.script.stream:
            return request_error(404, f"Path {request.path} not found")

        headers = {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-cache",
            "x-fal-request-id": job.id,
        }
        return Reply(headers=headers, events=self._events(job, request))

    async def _events(self, job: JobRecord, request: RecordedRequest) -> AsyncIterator[bytes]:
        clock = self._context.state.clock
        last_phase = None
        while True:
            phase = job.phase(clock())
            if phase != last_phase:
                last_phase = phase
                body = self._status_body(job, request)
                yield f"data: {json.dumps(body)}\n\n".encode()
                if body["status"] == "COMPLETED" and job.script.stream != "silent":
                    return

            if job.script.stream == "silent":
                await asyncio.get_running_loop().create_future()

            if job.phase(clock()) == last_phase:
                await self._context.until_changed(job)

    async def _result(self, request: RecordedRequest) -> Reply:
        job = self._find(request)
        if isinstance(job, Reply):
            return job

        if self._phase(job) != "ended":
            return request_error(400, "Request is still in progress", error_type=None)

        headers = {"x-fal-request-id": job.id}
        if job.cancelled:
            reply = request_error(499, _CANCELLED_MESSAGE)
            return Reply(status=reply.status, body=reply.body, headers={**reply.headers, **headers})

        failure = failure_of(job.script, job.payload)
        if failure is not None:
            headers |= failure.headers
        elif job.script.billable_units is not None:
            headers["X-Fal-Billable-Units"] = f"{job.script.billable_units:g}"

        return Reply.json(job.result_body, job.result_status, headers)

    async def _cancel(self, request: RecordedRequest) -> Reply:
        job = self._find(request)
        if isinstance(job, Reply):
            return job

        now = self._context.state.clock()
        phase = job.ask_to_cancel(now)
        behaviour = job.script.cancel or _CANCEL_BY_PHASE[phase]
        if behaviour == "too_late":
            return Reply.json({"status": "ALREADY_COMPLETED"}, 400)

        if behaviour != "ignored" and phase != "ended":
            job.end(now, cancelled=True)

        if behaviour == "queued_ok":
            return Reply.json({"status": "OK"})

        return Reply.json({"status": "CANCELLATION_REQUESTED"}, 202)

    def _find(self, request: RecordedRequest) -> JobRecord | Reply:
        job = self._context.state.find(request.path_values["request_id"])
        if job is None:
            return Reply.json({"status": "NOT_FOUND", "detail": "Request not found"}, 404)

        app = request.path_values["app"]
        if app == _app_of(job.endpoint):
            return job

        if app == job.endpoint:
            # The real queue knows its jobs by owner and alias only; SDKs drop the rest of the path.
            return request_error(405, "Method Not Allowed")

        return Reply.json({"status": "NOT_FOUND", "detail": "Request not found"}, 404)

    def _links(self, job: JobRecord, origin: str) -> dict[str, str]:
        base = f"{origin}/{_app_of(job.endpoint)}/requests/{job.id}"
        return {
            "request_id": job.id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
        }

    def _status_body(self, job: JobRecord, request: RecordedRequest) -> dict[str, Any]:
        now = self._context.state.clock()
        phase = job.phase(now)
        body: dict[str, Any] = self._links(job, self._context.origin)
        if phase == "queued":
            return {"status": "IN_QUEUE", **body, "queue_position": job.queue_position(now)}

        wants_logs = request.query.get("logs", "").lower() in ("1", "true")
        body["logs"] = _logs(job, ended=phase == "ended") if wants_logs else None
        if phase == "running":
            return {"status": "IN_PROGRESS", **body}

        body["metrics"] = {"inference_time": job.script.run_seconds}
        if job.cancelled:
            body |= {"error": _CANCELLED_MESSAGE, "error_type": "client_cancelled"}
        elif (failure := failure_of(job.script, job.payload)) is not None:
            body |= {"error": failure.message, "error_type": failure.error_type}

        return {"status": "COMPLETED", **body}


def _app_of(endpoint: str) -> str | None:
    """Return what the queue files a job under: owner and alias, after a namespace if any."""
    parts = endpoint.split("/")
    legacy = re.fullmatch(r"(\d+)-([a-zA-Z0-9-]+)", endpoint)
    if legacy:
        return "/".join(legacy.groups())

    length = 3 if parts[0] in _NAMESPACES else 2
    return "/".join(parts[:length]) if len(parts) >= length and all(parts) else None


def _logs(job: JobRecord, *, ended: bool) -> list[dict[str, str]]:
    started = job.submitted_at + timedelta(seconds=job.script.queue_seconds)
    messages = ["Loading model", "Finished"] if ended else ["Loading model"]
    return [
        {
            "message": message,
            "level": "INFO",
            "source": "USER",
            "timestamp": started.isoformat(),
        }
        for message in messages
    ]


wire = FalWire
