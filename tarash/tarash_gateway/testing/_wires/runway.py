"""Runway's tasks: submit at one path a kind of work, look, delete, uploads, as its API speaks them.

Checked against runwayml 5.24.0. A deleted task is gone, whether it had ended or not.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext

_VIDEO_ENDPOINTS = (
    "text_to_video",
    "image_to_video",
    "video_to_video",
    "video_upscale",
    "video_to_hdr",
    "character_performance",
)
_IMAGE_ENDPOINTS = ("text_to_image", "image_upscale")
_DOCS = "https://docs.dev.runwayml.com/errors/errors"
_LARGEST_SIDE = 4096
_CREDITS_KEPT = {"moderated": 5, "failed": 0}


class RunwayWire(BaseWire):
    """What api.dev.runwayml.com does, and the storage that its uploads go to."""

    nowhere = "Not found: {path}"

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self._deleted: set[str] = set()
        self._uploads: dict[str, bytes] = {}
        self.routes: Sequence[Route] = [
            *(
                Route("POST", f"/v1/{endpoint}", self._submit, step="submit")
                for endpoint in (*_VIDEO_ENDPOINTS, *_IMAGE_ENDPOINTS)
            ),
            Route("GET", "/v1/tasks/{task}", self._look, step="poll"),
            Route("DELETE", "/v1/tasks/{task}", self._delete, step="cancel"),
            Route("GET", "/v1/organization", self._organization),
            Route("POST", "/v1/uploads", self._start_upload, step="upload_init"),
            Route("POST", "/storage/{upload}", self._take_upload, step="upload", public=True),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with Runway's envelope."""
        return Reply.json({"error": message, "docUrl": _DOCS}, status)

    async def _submit(self, request: RecordedRequest) -> Reply:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal

        payload = request.json()
        endpoint = request.path.rpartition("/")[2]
        task = str(uuid.uuid4())
        created = datetime.now(UTC).isoformat()

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended_body(task, created, script, endpoint, payload)

        self._context.state.accept(task, endpoint, payload, request, result)
        return Reply.json({"id": task, "estimatedCost": {"credits": 25}})

    def _refusal(self, request: RecordedRequest) -> Reply | None:
        if not request.headers.get("x-runway-version"):
            return self.error(400, "This API requires the X-Runway-Version header.")

        try:
            payload = request.json()
        except ValueError:
            return self.error(400, "The body is not valid JSON.")

        if not isinstance(payload, dict) or not isinstance(payload.get("model"), str):
            issue = {"code": "invalid_type", "path": ["model"], "message": "Required"}
            body = {"error": "Validation of body failed", "issues": [issue], "docUrl": _DOCS}
            return Reply.json(body, 400)

        return None

    async def _look(self, request: RecordedRequest) -> Reply:
        job = self._find(request)
        if job is None:
            return self.error(404, "The task was not found.")

        now = self._context.state.clock()
        job.look(now)
        phase = job.phase(now)
        if phase == "ended":
            return Reply.json(job.result_body)

        body: dict[str, Any] = {
            "id": job.id,
            "createdAt": job.submitted_at.isoformat(),
            "estimatedCost": {"credits": 25},
            "status": "PENDING" if phase == "queued" else "RUNNING",
        }
        if phase == "running":
            body["progress"] = round(job.progress(now), 2)

        return Reply.json(body)

    async def _delete(self, request: RecordedRequest) -> Reply:
        job = self._find(request)
        if job is None:
            return self.error(404, "The task was not found.")

        job.cancel_requested = True
        now = self._context.state.clock()
        if job.script.cancel != "ignored":
            if job.script.cancel == "queued_ok" and job.phase(now) != "ended":
                job.result_body = self._cancelled_body(job, job.phase(now) == "running")
            else:
                self._deleted.add(job.id)

            if job.phase(now) != "ended":
                job.end(now, cancelled=job.script.cancel != "too_late")

        return Reply(status=204)

    def _cancelled_body(self, job: JobRecord, has_begun: bool) -> dict[str, Any]:
        """Return a stopped task as it stays: credits come back where it had not begun."""
        created, spent = job.submitted_at.isoformat(), job.script.billable_units or 0
        kept = {"credits": spent if has_begun else 0}
        return {"id": job.id, "createdAt": created, "status": "CANCELLED", "cost": kept}

    def _find(self, request: RecordedRequest) -> JobRecord | None:
        task = request.path_values["task"]
        return None if task in self._deleted else self._context.state.find(task)

    async def _organization(self, _request: RecordedRequest) -> Reply:
        most = self._context.state.most_in_flight
        models = {} if most is None else {"gen4.5": {"maxConcurrentGenerations": most}}
        tier = {"maxMonthlyCreditSpend": 10_000, "models": models}
        return Reply.json({"creditBalance": 1000, "tier": tier, "usage": {"models": {}}})

    async def _start_upload(self, request: RecordedRequest) -> Reply:
        payload = request.json()
        if payload.get("type") != "ephemeral" or not payload.get("filename"):
            return self.error(400, "Validation of body failed")

        upload = str(uuid.uuid4())
        return Reply.json(
            {
                "uploadUrl": f"{self._context.origin}/storage/{upload}",
                "fields": {"key": upload, "policy": "simulated"},
                "runwayUri": f"runway://{upload}",
            }
        )

    async def _take_upload(self, request: RecordedRequest) -> Reply:
        self._uploads[request.path_values["upload"]] = request.body
        return Reply(status=204)

    def _ended_body(
        self, task: str, created: str, script: Script, endpoint: str, payload: Mapping[str, Any]
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"id": task, "createdAt": created}
        if script.outcome in _CREDITS_KEPT:
            code = "SAFETY.INPUT.TEXT" if script.outcome == "moderated" else "INTERNAL.BAD_OUTPUT"
            code = code if script.error_type is None else script.error_type
            body |= {
                "status": "FAILED",
                "failure": script.error_message or "The task failed.",
                "cost": {"credits": _CREDITS_KEPT[script.outcome]},
            }
            return {**body, "failureCode": code} if code else body

        if script.billable_units is not None:
            body["cost"] = {"credits": script.billable_units}

        if script.result is not None:
            return {**body, "status": "SUCCEEDED", **script.result}

        has_media = script.outcome != "no_media"
        output = self._output(task, script, endpoint, payload) if has_media else []
        return {**body, "status": "SUCCEEDED", "output": output}

    def _output(
        self, task: str, script: Script, endpoint: str, payload: Mapping[str, Any]
    ) -> list[str]:
        width, height = _size(payload.get("ratio"))
        if (script.kind or _kind_of(endpoint)) == "video":
            seconds = payload.get("duration")
            length = (
                float(seconds)
                if isinstance(seconds, int | float)
                else _media.usual_seconds("runway", payload["model"], payload)
            )
            content = _media.video_bytes(width, height, length)
            return [self._context.publish(task, "output.mp4", content)]

        count = int(_media.count_of(script, payload.get("outputCount", 1)))
        return self._urls(task, _media.image_bytes(width, height), count)


def _kind_of(endpoint: str) -> str:
    return "image" if endpoint in _IMAGE_ENDPOINTS else "video"


def _size(ratio: Any) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,}):(\d{2,})", str(ratio))
    if not match or min(int(match[1]), int(match[2])) < 64:  # noqa: PLR2004 - a bare proportion
        return 1280, 720

    return min(int(match[1]), _LARGEST_SIDE), min(int(match[2]), _LARGEST_SIDE)


wire = RunwayWire
