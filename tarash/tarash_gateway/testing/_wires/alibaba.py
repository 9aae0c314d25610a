"""Alibaba Cloud's Model Studio (DashScope): video tasks, images at once, and older image tasks.

Follows the documentation of 2026-10-12. A task that nobody knows is an `UNKNOWN` one with a good
status, and only one that waits can be cancelled.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires._alibaba_rules import (
    FRAMES,
    MESSAGES,
    OLD_EDIT,
    OLD_IMAGE,
    VIDEO,
    Model,
    model_of,
    wrong,
)
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext

_CODES = {
    400: "InvalidParameter",
    401: "InvalidApiKey",
    402: "Arrearage",
    403: "AccessDenied",
    404: "ModelNotFound",
    429: "Throttling.RateQuota",
    503: "ServiceUnavailable",
}
_CHINA = timezone(timedelta(hours=8))
_LINES = {"480P": (832, 480), "720P": (1280, 720), "1080P": (1920, 1080)}
_SIDES = (64, 64)
_SENSITIVE = "{} data may contain inappropriate content."


class AlibabaWire(BaseWire):
    """The services of videos and images, and the tasks."""

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        task = "/api/v1/tasks/{task_id}"
        self.routes: Sequence[Route] = [
            *(
                Route("POST", path, self._create, step="submit")
                for path in (VIDEO, FRAMES, OLD_IMAGE, OLD_EDIT)
            ),
            Route("POST", MESSAGES, self._images, step="submit"),
            Route("GET", "/api/v1/tasks", self._list, step="list"),
            Route("GET", task, self._look, step="poll"),
            Route("POST", f"{task}/cancel", self._cancel, step="cancel"),
        ]

    def error(self, status: int, message: str, code: str | None = None) -> Reply:
        """Answer with the flat envelope."""
        return Reply.json(_refusal(code or _CODES.get(status, "InternalError"), message), status)

    def not_found(self, request: RecordedRequest) -> Reply:
        """Answer to a path that leads nowhere."""
        return self.error(404, f"{request.path} does not exist.", "NotFound")

    def _checked(self, request: RecordedRequest) -> tuple[dict[str, Any], Model] | Reply:
        body = object_in(request)
        if body is None or not isinstance(body.get("model"), str):
            return self.error(400, "Required parameter model is missing.")

        model = model_of(body["model"])
        if model is None:
            return self.error(404, f"Model {body['model']} does not exist.")

        if model.path != request.path:
            return self.error(400, "url error, please check url!")

        resolves = request.headers.get("x-dashscope-ossresourceresolve") == "enable"
        if b'"oss://' in request.body and not resolves:
            return self.error(400, "url error, please check url!")

        is_async = request.headers.get("x-dashscope-async") == "enable"
        if is_async is (model.path == MESSAGES):
            kind = "asynchronous" if is_async else "synchronous"
            return self.error(403, f"current user api does not support {kind} calls")

        fault = wrong(body, model)
        return (body, model) if fault is None else self.error(400, fault[1], fault[0])

    # -------------------------------------------------------------------------------------- tasks
    async def _create(self, request: RecordedRequest) -> Reply:
        checked = self._checked(request)
        if isinstance(checked, Reply):
            return checked

        body, model = checked
        task_id, begun = str(uuid.uuid4()), datetime.now(UTC)

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._ended(task_id, body, model, script, begun)

        job = self._context.state.accept(task_id, model.path, body, request, result)
        if job.script.outcome == "moderated" and job.script.error_type == "submit":
            return self.error(400, _SENSITIVE.format("Input"), "DataInspectionFailed")

        return Reply.json({"output": {"task_id": task_id, "task_status": "PENDING"}, **_request()})

    def _task(self, job: JobRecord) -> dict[str, Any]:
        phase = self._phase(job)
        if phase == "ended" and not job.cancelled:
            return dict(job.result_body)

        status = {"queued": "PENDING", "running": "RUNNING", "ended": "CANCELED"}[phase]
        return {**_request(), "output": _output(job.id, status, job.submitted_at)}

    async def _look(self, request: RecordedRequest) -> Reply:
        task_id = request.path_values["task_id"]
        job = self._context.state.look(task_id)
        if job is None:
            unknown = {"task_id": task_id, "task_status": "UNKNOWN"}
            return Reply.json({**_request(), "output": unknown})

        return Reply.json(self._task(job))

    async def _list(self, request: RecordedRequest) -> Reply:
        size = int(request.query.get("page_size", 10))
        first = (int(request.query.get("page_no", 1)) - 1) * size
        jobs = [job for job in self._context.state.listed() if job.endpoint != MESSAGES]
        tasks = [{**self._task(job)["output"], "model_name": job.payload["model"]} for job in jobs]
        return Reply.json({"total": len(jobs), "tasks": tasks[first : first + size], **_request()})

    async def _cancel(self, request: RecordedRequest) -> Reply:
        job = self._context.state.find(request.path_values["task_id"])
        if job is None:
            return self.error(404, "The task does not exist.", "NotFound")

        now, how = self._context.state.clock(), job.script.cancel
        phase = job.ask_to_cancel(now)
        if phase != "ended" and (phase == "queued" or how in ("queued_ok", "requested")):
            job.end(now, cancelled=True)
            return Reply.json(_request())

        return self.error(
            400, f"Failed to cancel the task, status of task {job.id} is not PENDING.",
            "UnsupportedOperation",
        )  # fmt: skip

    def _ended(
        self,
        task_id: str,
        body: Mapping[str, Any],
        model: Model,
        script: Script,
        begun: datetime,
    ) -> dict[str, Any]:
        output = _output(task_id, "SUCCEEDED", begun)
        if script.outcome in ("failed", "moderated"):
            output["task_status"] = "FAILED"
            if script.error_type != "silent":
                output |= _failure(script)

            return {**_request(), "output": output}

        options = body.get("parameters", {})
        if model.path in (OLD_IMAGE, OLD_EDIT):
            return {**_request(), **self._older(task_id, output, options, model, script)}

        size = str(options.get("size") or options.get("resolution") or "1080P")
        width, height = (
            map(int, size.split("*")) if "*" in size else _LINES.get(size, _LINES["1080P"])
        )
        seconds = options.get("duration", 5)
        seconds = 30 if seconds < 0 else seconds
        output["orig_prompt"] = body["input"].get("prompt", "")
        if script.outcome != "no_media":
            video = _media.video_bytes(width, height, seconds)
            output["video_url"] = self._context.publish(task_id, "video.mp4", video)

        usage = {
            "duration": seconds,
            "input_video_duration": 0,
            "output_video_duration": seconds,
            "video_count": 1,
            "SR": min(width, height),
            "ratio": options.get("ratio", "16:9"),
        }
        return {**_request(), "output": output, "usage": usage, **(script.result or {})}

    def _older(
        self,
        task_id: str,
        output: dict[str, Any],
        options: Mapping[str, Any],
        model: Model,
        script: Script,
    ) -> dict[str, Any]:
        """Return a task of the older image services, of which single images may have failed."""
        count = options.get("n", model.usual)
        made = min(count, _media.count_of(script, count))
        pictures = self._urls(task_id, _media.image_bytes(*_SIDES), made)
        failed = {"code": "DataInspectionFailed", "message": _SENSITIVE.format("Output")}
        results: list[Any] = [{"url": url} for url in pictures] + [failed] * (count - made)
        metrics = {"TOTAL": count, "SUCCEEDED": made, "FAILED": count - made}
        done: dict[str, Any] = dict(output, results=results, task_metrics=metrics)
        return {"output": done, "usage": {"image_count": made}}

    # ------------------------------------------------------------------------------------- images
    async def _images(self, request: RecordedRequest) -> Reply:
        checked = self._checked(request)
        if isinstance(checked, Reply):
            return checked

        body, model = checked
        job_id = str(uuid.uuid4())

        def result(script: Script) -> tuple[int, Any]:
            return self._pictures(job_id, body, model, script)

        return await self._at_once(job_id, MESSAGES, body, request, result)

    def _pictures(
        self, job_id: str, body: Mapping[str, Any], model: Model, script: Script
    ) -> tuple[int, Any]:
        if script.outcome == "failed":
            status = script.error_status or 500
            message = script.error_message or "An internal error has occurred."
            return status, _refusal(script.error_type or "InternalError", message)

        if script.outcome == "moderated":
            inside = script.error_type == "inside"
            failure = _failure(script)
            return 200 if inside else 400, _refusal(failure["code"], failure["message"])

        options = body.get("parameters", {})
        wanted = options.get("max_images") or options.get("n", model.usual)
        count = min(wanted, _media.count_of(script, wanted))
        urls = self._urls(job_id, _media.image_bytes(*_SIDES), count)
        choices: list[list[dict[str, str]]] = [[{"image": url}] for url in urls]
        if body["model"].startswith("qwen") and urls:
            choices = [[{"image": url} for url in urls]]

        told_choices = [
            {"finish_reason": "stop", "message": {"role": "assistant", "content": content}}
            for content in choices
        ]
        usage = {"image_count": count, "width": 1024, "height": 1024}
        answer = {**_request(), "output": {"choices": told_choices}, "usage": usage}
        return 200, {**answer, **(script.result or {})}


def _request() -> dict[str, Any]:
    return {"request_id": str(uuid.uuid4())}


def _refusal(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, **_request()}


def _failure(script: Script) -> dict[str, str]:
    if script.outcome == "moderated":
        named = script.error_type or "DataInspectionFailed"
        code = "DataInspectionFailed" if named in ("inside", "input") else named
        place = "Input" if named == "input" else "Output"
        return {"code": code, "message": script.error_message or _SENSITIVE.format(place)}

    message = script.error_message or "An internal error has occurred."
    return {"code": script.error_type or "InternalError", "message": message}


def _output(task_id: str, status: str, begun: datetime) -> dict[str, Any]:
    """Return what all tasks have; times are Beijing's, and don't say so."""
    at = begun.astimezone(_CHINA)
    shown = {"task_id": task_id, "task_status": status, "submit_time": _time(at)}
    if status not in ("PENDING", "RUNNING"):
        shown["end_time"] = _time(at + timedelta(seconds=130))

    return shown


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"


wire = AlibabaWire
