"""ByteDance's ModelArk: Seedance videos as tasks, Seedream images at once.

Follows the documentation of 2026-10-08. BytePlus and Volcengine speak alike, so one origin serves
both. Deleting a task that has ended erases its record; one that runs can't be stopped.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires._bytedance_rules import (
    VideoModel,
    image_model,
    series,
    video_model,
    wrong_image,
    wrong_video,
)
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext

_TASKS = "/api/v3/contents/generations/tasks"
_CODES = {
    400: "InvalidParameter",
    401: "AuthenticationError",
    402: "AccountOverdueError",
    403: "AccessDenied",
    404: "InvalidEndpointOrModel.NotFound",
    429: "ModelAccountRpmRateLimitExceeded",
    503: "ServerOverloaded",
}
_PIXELS = {"480p": (864, 496), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
_MOST_LISTED = 500
_INPUT = "InputTextSensitiveContentDetected.PolicyViolation"
_OUTPUT = "Output{}SensitiveContentDetected"
_SENSITIVE = "The request failed because the {} may contain sensitive information."
_ECHOED = (
    "generate_audio",
    "draft",
    "service_tier",
    "execution_expires_after",
    "priority",
    "output_format",
    "safety_identifier",
)


class BytedanceWire(BaseWire):
    """The endpoints of tasks and images."""

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self._deleted: set[str] = set()
        task = f"{_TASKS}/{{task_id}}"
        self.routes: Sequence[Route] = [
            Route("POST", _TASKS, self._create, step="submit"),
            Route("GET", _TASKS, self._list, step="list"),
            Route("GET", task, self._look, step="poll"),
            Route("DELETE", task, self._delete, step="cancel"),
            Route("POST", "/api/v3/images/generations", self._images, step="submit"),
        ]

    def error(self, status: int, message: str, code: str | None = None) -> Reply:
        """Answer with the envelope of all errors."""
        return Reply.json(_refusal(status, message, code), status)

    def not_found(self, request: RecordedRequest) -> Reply:
        """Answer to a path that leads nowhere."""
        return self.error(404, f"The path {request.path} does not exist.", "NotFound")

    def _body(self, request: RecordedRequest) -> dict[str, Any] | Reply:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return self.error(400, "The Content-Type must be application/json.")

        body = object_in(request)
        if body is None or not isinstance(body.get("model"), str):
            message = "The request is missing `model` parameter."
            return self.error(400, message, "MissingParameter.model")

        return body

    # ------------------------------------------------------------------------------------- videos
    async def _create(self, request: RecordedRequest) -> Reply:
        body = self._body(request)
        if isinstance(body, Reply):
            return body

        model = video_model(body["model"])
        if model is None:
            return self.error(404, f"The model or endpoint {body['model']} does not exist.")

        wrong = wrong_video(body, model)
        if wrong is not None:
            return self.error(400, wrong[1], wrong[0])

        task_id, created = f"cgt-{time.strftime('%Y%m%d')}-{uuid.uuid4().hex[:10]}", time.time()

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended(task_id, body, model, script, int(created))

        job = self._context.state.accept(task_id, "tasks", body, request, result)
        code = job.script.error_type or ""
        if job.script.outcome == "moderated" and code.startswith("Input"):
            self._deleted.add(task_id)  # there is no task
            return self.error(400, _SENSITIVE.format("input text"), code)

        return Reply.json({"id": task_id})

    def _open(self, job: JobRecord, status: str) -> dict[str, Any]:
        created = int(job.submitted_at.timestamp())
        return {
            "id": job.id,
            "model": job.payload["model"],
            "status": status,
            "created_at": created,
            "updated_at": created,
            **{name: job.payload[name] for name in _ECHOED if name in job.payload},
        }

    def _state(self, job: JobRecord) -> str:
        phase = self._phase(job)
        if phase == "ended":
            return "cancelled" if job.cancelled else str(job.result_body["status"])

        return phase

    def _task(self, job: JobRecord) -> dict[str, Any]:
        state = self._state(job)
        is_over = state not in ("queued", "running", "cancelled")
        return dict(job.result_body) if is_over else self._open(job, state)

    async def _look(self, request: RecordedRequest) -> Reply:
        task_id = request.path_values["task_id"]
        job = self._context.state.look(task_id)
        if job is None or task_id in self._deleted:
            return self.error(404, f"The task {task_id} does not exist.", "ResourceNotFound")

        return Reply.json(self._task(job))

    async def _list(self, request: RecordedRequest) -> Reply:
        try:
            page = int(request.query.get("page_num", 1))
            size = int(request.query.get("page_size", 20))
        except ValueError:
            return self.error(400, "page_num and page_size must be numbers.")

        if not (1 <= page <= _MOST_LISTED and 1 <= size <= _MOST_LISTED):
            return self.error(400, "page_num and page_size must be from 1 to 500.")

        model, status = (request.query.get(f"filter.{name}") for name in ("model", "status"))
        tasks = [
            self._task(job)
            for job in self._context.state.listed()
            if job.endpoint == "tasks"
            and job.id not in self._deleted
            and model in (None, job.payload["model"])
            and status in (None, self._state(job))
        ]
        first = (page - 1) * size
        return Reply.json({"total": len(tasks), "items": tasks[first : first + size]})

    async def _delete(self, request: RecordedRequest) -> Reply:
        task_id = request.path_values["task_id"]
        job = self._context.state.find(task_id)
        if job is None or task_id in self._deleted:
            return self.error(404, f"The task {task_id} does not exist.", "ResourceNotFound")

        now, answer = self._context.state.clock(), job.script.cancel
        job.ask_to_cancel(now)
        state = self._state(job)
        if state in ("queued", "running"):
            if state == "queued" or answer in ("queued_ok", "requested"):
                job.end(now, cancelled=answer != "ignored")
                return Reply.json({})

            return self.error(400, "A task that is running can't be cancelled.")

        if state == "cancelled":
            return self.error(400, "A task that is cancelled can't be deleted.")

        self._deleted.add(task_id)
        return Reply.json({})

    def _ended(
        self,
        task_id: str,
        body: Mapping[str, Any],
        model: VideoModel,
        script: Script,
        created: int,
    ) -> dict[str, Any]:
        task: dict[str, Any] = {
            "id": task_id,
            "model": body["model"],
            "status": "succeeded",
            "error": None,
            "created_at": created,
            "updated_at": created + 90,
            **{name: body[name] for name in _ECHOED if name in body},
        }
        failure = _failure(body, script)
        if failure is not None:
            status = "expired" if script.error_type == "expired" else "failed"
            code, message = failure
            shown = None if status == "expired" else {"code": code, "message": message}
            return {**task, "status": status, "error": shown}

        resolution = body.get("resolution", model.usual[0])
        seconds = body.get("duration", model.usual[1])
        seconds = model.usual[1] if seconds == -1 else seconds
        seconds = body["frames"] // 24 if "frames" in body else seconds
        width, height = _PIXELS[resolution]
        tokens = width * height * 24 * seconds // 1024
        task |= {
            "content": {},
            "usage": {"completion_tokens": tokens, "total_tokens": tokens},
            "seed": body.get("seed", 11),
            "resolution": resolution,
            "ratio": body.get("ratio", "16:9").replace("adaptive", "16:9"),
            "duration": seconds,
            "framespersecond": 24,
        }
        if script.outcome != "no_media":
            video = _media.video_bytes(width, height, seconds)
            task["content"]["video_url"] = self._context.publish(task_id, "video.mp4", video)
            if body.get("return_last_frame"):
                frame = self._context.publish(task_id, "last.png", _media.image_bytes())
                task["content"]["last_frame_url"] = frame

        return {**task, **(script.result or {})}

    # ------------------------------------------------------------------------------------- images
    async def _images(self, request: RecordedRequest) -> Reply:
        body = self._body(request)
        if isinstance(body, Reply):
            return body

        family = image_model(body["model"])
        if family is None:
            return self.error(404, f"The model or endpoint {body['model']} does not exist.")

        wrong = wrong_image(body, family)
        if wrong is not None:
            return self.error(400, wrong[1], wrong[0])

        job_id = uuid.uuid4().hex

        def result(script: Script) -> tuple[int, Any]:
            return self._pictures(job_id, body, script)

        return await self._at_once(job_id, "images", body, request, result)

    def _pictures(self, job_id: str, body: Mapping[str, Any], script: Script) -> tuple[int, Any]:
        in_items = script.error_type == "items"
        if script.outcome in ("failed", "moderated") and not in_items:
            status = script.error_status or (400 if script.outcome == "moderated" else 500)
            usual = "InternalServiceError" if script.outcome == "failed" else _INPUT
            message = script.error_message or _SENSITIVE.format("input text")
            return status, _refusal(status, message, script.error_type or usual)

        count = series(body)
        made = count if script.outputs is None else min(script.outputs, count)
        made = 0 if script.outcome != "completed" else made
        refused = {
            "code": _OUTPUT.format("Image"),
            "message": _SENSITIVE.format("output image"),
        }
        data: list[dict[str, Any]] = [self._picture(job_id, number, body) for number in range(made)]
        if script.outcome != "no_media":
            data += [{"error": refused}] * (count - made)

        sources = body.get("image", [])
        usage = {
            "generated_images": made,
            "input_images": len(sources) if isinstance(sources, list) else 1,
            "output_tokens": 4096 * made,
            "total_tokens": 4096 * made,
        }
        answer = {"model": body["model"], "created": int(time.time()), "data": data, "usage": usage}
        return 200, {**answer, **(script.result or {})}

    def _picture(self, job_id: str, number: int, body: Mapping[str, Any]) -> dict[str, Any]:
        width, height = _media.size_in(body.get("size"), (2048, 2048))
        content = _media.image_bytes(64, 64)
        shown: dict[str, Any] = {"size": f"{width}x{height}"}
        if body.get("response_format") == "b64_json":
            return {"b64_json": _media.base64_of(content), **shown}

        return {"url": self._context.publish(job_id, f"{number}.png", content), **shown}


def _refusal(status: int, message: str, code: str | None) -> dict[str, Any]:
    error = {
        "code": code or _CODES.get(status, "InternalServiceError"),
        "message": f"{message} Request id: 0217{uuid.uuid4().hex[:20]}",
        "param": "",
        "type": "BadRequest" if status < 500 else "InternalServerError",  # noqa: PLR2004
    }
    return {"error": error}


def _failure(body: Mapping[str, Any], script: Script) -> tuple[str, str] | None:
    """Return code and words of a task that fails, also for what shows only after acceptance."""
    if script.outcome == "moderated":
        usual = _SENSITIVE.format("output video")
        return script.error_type or _OUTPUT.format("Video"), script.error_message or usual

    if script.outcome == "failed":
        code = script.error_type or "InternalServiceError"
        return code, script.error_message or "The service encountered an internal error."

    roles = [part.get("role") for part in body["content"]]
    is_free = body.get("ratio", "adaptive") == "adaptive"
    if "seedance-2-5" in body["model"] and "first_frame" in roles and not is_free:
        return (
            "InvalidParameter.TaskTypeConstraint",
            "With a first frame the ratio must be adaptive.",
        )

    if body.get("omni_reference_task_type") in ("edit", "extend") and not is_free:
        return "InvalidParameter.TaskTypeConstraint", "Edits and extensions keep the ratio."

    return None


wire = BytedanceWire
