"""Replicate's predictions, files, models and account, as api.replicate.com speaks them.

Checked against replicate 1.0.7. A prediction's whole object is its status and its result at once.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._public import serve_bytes
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always
from tarash.tarash_gateway.testing._wires._replicate_models import ReplicateModels

_STATUS_BY_PHASE = {"queued": "starting", "running": "processing"}
_MODERATED = (
    "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
)
_LONGEST_WAIT = 60
_PAGE = 100
_TITLES = {
    401: "Unauthenticated",
    402: "Insufficient credit",
    404: "Not found",
    422: "Input validation failed",
    429: "Too many requests",
}
_IMAGE_MODELS = ("flux", "image", "photon", "banana", "seedream", "ideogram", "recraft", "sdxl")
_SINGLE_OUTPUTS = ("pro", "max", "ultra", "banana")
"""Words in the names of image models that put out one URL; the others put out a list."""
_LARGEST_COUNT = 4


class ReplicateWire(BaseWire):
    """One origin for all of Replicate's API; older clients send `Token <token>`."""

    nowhere = "The requested resource {path} could not be found."
    schemes = ("bearer", "token")

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self._files: dict[str, tuple[bytes, str, str]] = {}
        self._deployments: dict[str, str] = {}
        self._begun: set[str] = set()  # of those that were cancelled
        job = "/v1/predictions/{prediction_id}"
        self.routes: Sequence[Route] = [
            Route("POST", "/v1/predictions", self._create, step="submit"),
            Route("POST", "/v1/models/{owner}/{name}/predictions", self._create, step="submit"),
            Route(
                "POST", "/v1/deployments/{owner}/{name}/predictions", self._create, step="submit"
            ),
            Route("GET", "/v1/predictions", self._list, step="list"),
            Route("GET", job, self._look, step="poll"),
            Route("POST", f"{job}/cancel", self._cancel, step="cancel"),
            Route("POST", "/v1/files", self._upload, step="upload"),
            Route("GET", "/v1/files/{file_id}", self._file),
            Route("GET", "/v1/files/{file_id}/content", self._file_content),
            *ReplicateModels(context, self.not_found).routes,
            Route(
                "GET",
                "/v1/account",
                always(
                    {"type": "user", "username": "simulated", "name": "Simulated", "github_url": ""}
                ),
            ),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with Replicate's problem details."""
        title = _TITLES.get(status, HTTPStatus(status).phrase)
        return Reply.json({"title": title, "detail": message, "status": status}, status)

    async def _create(self, request: RecordedRequest) -> Reply:
        body = object_in(request)
        if body is None:
            return self.error(400, "The request body is not valid JSON.")

        endpoint = _endpoint(request, body)
        if not isinstance(body.get("input"), dict) or not endpoint:
            return self.error(422, "- input is required\n- version is required\n")

        if not str(body.get("webhook") or "https://").startswith("https://"):
            return self.error(422, "- webhook must be a valid HTTPS URL\n")

        prediction_id = secrets.token_hex(13)
        if request.path.startswith("/v1/deployments/"):
            self._deployments[prediction_id] = endpoint

        now = datetime.now(UTC)

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended(prediction_id, endpoint, body["input"], script, now)

        job = self._context.state.accept(prediction_id, endpoint, body, request, result)
        await self._hold(job, request.headers.get("prefer", ""))
        return Reply.json(self._body(job), 201)

    async def _hold(self, job: JobRecord, prefer: str) -> None:
        """Wait for the end of the job as long as the client wants."""
        match = re.fullmatch(r"wait(?:=(\d+))?", prefer)
        if match is None or job.script.by_polls or job.script.outcome == "lost":
            return

        with suppress(TimeoutError):
            async with asyncio.timeout(float(match[1] or _LONGEST_WAIT)):
                await self._context.until_ended(job)

    async def _look(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["prediction_id"])
        return self.not_found(request) if job is None else Reply.json(self._body(job))

    async def _list(self, request: RecordedRequest) -> Reply:
        """Answer with a page; `next` is the whole address of the one that follows."""
        query = request.query
        try:
            after = _moment(query.get("created_after", "1970-01-01"))
            before = _moment(query.get("created_before", "9999-01-01"))
        except ValueError:
            return self.error(400, "created_after and created_before must be dates")

        # What is made here is made by the API, never in the web interface.
        listed = [] if query.get("source") == "web" else self._context.state.listed()
        jobs = [job for job in listed if after <= job.submitted_at < before]
        ids = [job.id for job in jobs]
        start = ids.index(query["cursor"]) if query.get("cursor") in ids else 0
        further = ids[start + _PAGE : start + _PAGE + 1]
        url = f"{self._context.origin}/v1/predictions?"
        return Reply.json(
            {
                "results": [self._body(job) for job in jobs[start : start + _PAGE]],
                "next": url + urlencode({**query, "cursor": further[0]}) if further else None,
                "previous": None,
            }
        )

    async def _cancel(self, request: RecordedRequest) -> Reply:
        job = self._context.state.find(request.path_values["prediction_id"])
        if job is None:
            return self.not_found(request)

        now = self._context.state.clock()
        was_running = job.phase(now) == "running"
        if job.ask_to_cancel(now) == "ended":
            return Reply.json(self._body(job))

        if was_running:
            self._begun.add(job.id)

        before = self._body(job)
        if job.script.cancel != "ignored":
            job.end(now, cancelled=True)

        return Reply.json(before if job.script.cancel == "requested" else self._body(job))

    async def _upload(self, request: RecordedRequest) -> Reply:
        match = re.search(
            rb'name="content"; filename="([^"]*)"\r\n(?:Content-Length: \d+\r\n)?'
            rb"Content-Type: ([^\r]*)\r\n\r\n(.*)\r\n--",
            request.body,
            re.DOTALL,
        )
        if match is None:
            return self.error(400, "Missing content")

        file_id = secrets.token_urlsafe(24)
        name, content_type = match[1].decode(), match[2].decode()
        self._files[file_id] = (match[3], content_type, name)
        return Reply.json(self._file_body(file_id), 201)

    async def _file(self, request: RecordedRequest) -> Reply:
        file_id = request.path_values["file_id"]
        if file_id not in self._files:
            return self.not_found(request)

        return Reply.json(self._file_body(file_id))

    async def _file_content(self, request: RecordedRequest) -> Reply:
        stored = self._files.get(request.path_values["file_id"])
        return (
            self.not_found(request) if stored is None else serve_bytes(stored[0], stored[1], None)
        )

    def _body(self, job: JobRecord) -> dict[str, Any]:
        """Return the prediction as it stands now."""
        phase = self._phase(job)
        if phase == "ended" and not job.cancelled:
            return dict(job.result_body)

        started = job.submitted_at + timedelta(seconds=job.script.queue_seconds)
        status = "canceled" if job.cancelled else _STATUS_BY_PHASE[phase]
        running = phase == "running"
        return {
            **self._open(job.id, job.endpoint, job.payload["input"], job.submitted_at),
            "status": status,
            "logs": " 40%|####      | 20/50 [00:01<00:02]" if running else "",
            "started_at": _time(started) if running or job.id in self._begun else None,
            "completed_at": _time(datetime.now(UTC)) if job.cancelled else None,
        }

    def _open(
        self, prediction_id: str, endpoint: str, given: Mapping[str, Any], created: datetime
    ) -> dict[str, Any]:
        url = f"{self._context.origin}/v1/predictions/{prediction_id}"
        deployment = self._deployments.get(prediction_id)
        named = "/" in endpoint
        return {
            "id": prediction_id,
            "model": endpoint.partition(":")[0] if named and not deployment else "simulated/model",
            **({"deployment": deployment} if deployment else {}),
            "version": "hidden" if named else endpoint,
            "input": dict(given),
            "logs": "",
            "output": None,
            "data_removed": False,
            "error": None,
            "source": "api",
            "status": "starting",
            "created_at": _time(created),
            "started_at": None,
            "completed_at": None,
            "metrics": {},
            "urls": {
                "cancel": f"{url}/cancel",
                "get": url,
                "web": f"https://replicate.com/p/{prediction_id}",
            },
        }

    def _ended(
        self,
        prediction_id: str,
        endpoint: str,
        given: Mapping[str, Any],
        script: Script,
        created: datetime,
    ) -> dict[str, Any]:
        """Return the prediction as it will be when it has ended by itself."""
        started = created + timedelta(seconds=script.queue_seconds)
        body = self._open(prediction_id, endpoint, given, created) | {
            "status": "succeeded",
            "logs": "Using seed: 42\n100%|##########| 50/50 [00:03<00:00]",
            "started_at": _time(started),
            "completed_at": _time(started + timedelta(seconds=script.run_seconds)),
            "metrics": {"predict_time": script.run_seconds, "total_time": script.run_seconds},
        }
        if script.outcome in ("failed", "moderated"):
            usual = _MODERATED if script.outcome == "moderated" else "Prediction failed"
            code = f" ({script.error_type})" if script.error_type else ""
            body |= {"status": "failed", "error": (script.error_message or usual) + code}
        elif script.outcome != "no_media":
            body["output"] = self._output(prediction_id, endpoint, given, script)

        return {**body, **(script.result or {})}

    def _output(
        self, prediction_id: str, endpoint: str, given: Mapping[str, Any], script: Script
    ) -> Any:
        name = endpoint.partition("/")[2]
        kind = script.kind or ("image" if any(w in name for w in _IMAGE_MODELS) else "video")
        if kind == "video":
            content = _media.video_for(given, "replicate", endpoint)
            return self._context.publish(prediction_id, "output.mp4", content)

        wanted = _media.count_of(script, given.get("num_outputs", 1))
        count = min(wanted, _LARGEST_COUNT) if isinstance(wanted, int) else 1
        urls = [
            self._context.publish(prediction_id, f"out-{index}.png", _media.image_bytes())
            for index in range(count)
        ]
        single = script.outputs is None and any(word in name for word in _SINGLE_OUTPUTS)
        return urls[0] if single else urls

    def _file_body(self, file_id: str) -> dict[str, Any]:
        content, content_type, name = self._files[file_id]
        now = datetime.now(UTC)
        return {
            "id": file_id,
            "name": name,
            "content_type": content_type,
            "size": len(content),
            "etag": file_id,
            "checksums": {},
            "metadata": {},
            "created_at": _time(now),
            "expires_at": _time(now + timedelta(days=1)),
            "urls": {"get": f"{self._context.origin}/v1/files/{file_id}"},
        }


def _endpoint(request: RecordedRequest, body: Mapping[str, Any]) -> str | None:
    """Return what a prediction is made with: `owner/name`, or the version that the body names."""
    if request.path_values:
        return f"{request.path_values['owner']}/{request.path_values['name']}"

    version = body.get("version")
    return version if isinstance(version, str) else None


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


wire = ReplicateWire
