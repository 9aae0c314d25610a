"""xAI's REST API for Grok Imagine: videos as jobs, images at once.

Follows the provider's reference (recorded 2026-11-20). Its SDK speaks gRPC, so it can't be used to
check this wire.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, read_form
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

_TICKS_PER_UNIT = 500_000_000
_MODERATED = "imagine:content-moderated"
_REJECTED = "The generated {kind} was rejected by content moderation."
_CODES = {
    400: "Client specified an invalid argument",
    401: "Unauthenticated",
    402: "Payment required",
    403: "The caller does not have permission to execute the specified operation",
    404: "Some requested entity was not found",
    422: "Unprocessable entity",
    429: "Some resource has been exhausted",
}
_KEPT_FROM_SOURCE = ("duration", "aspect_ratio", "resolution")
_UNSUPPORTED_FOR_IMAGES = ("size", "style", "seed", "mask", "negative_prompt")
_SIZES = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720)}


class XaiWire(BaseWire):
    """The endpoints of videos and images, and the list of models."""

    nowhere = "The requested resource was not found: {path}"

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("POST", "/v1/files", self._upload, step="upload"),
            Route("POST", "/v1/videos/{task}", self._start, step="submit"),
            Route("GET", "/v1/videos/{request_id}", self._look, step="poll"),
            Route("POST", "/v1/images/{task}", self._images, step="submit"),
            Route(
                "GET",
                "/v1/models",
                always({"object": "list", "data": [{"id": "grok-imagine-video"}]}),
            ),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with the flat envelope; a key that is there and wrong is a 400."""
        if status == 401 and "not valid" in message:  # noqa: PLR2004
            status, message = 400, "Incorrect API key provided. Get one from the console."

        code = _CODES.get(status, "Internal error")
        return Reply.json({"code": code, "error": message}, status)

    async def _upload(self, request: RecordedRequest) -> Reply:
        form = read_form(request)
        files = form.files.get("file") if form is not None else None
        if form is None or not files:
            return self.error(422, "Failed to read the form: missing field `file`")

        expires = form.fields.get("expires_after", "3600")
        if not expires.isdigit() or not 3600 <= int(expires) <= 2_592_000:  # noqa: PLR2004
            return self.error(400, "expires_after must be from 3600 to 2592000")

        file_id = f"file-{uuid.uuid4()}"
        size, now = len(files[0].content), int(time.time())
        return Reply.json(
            {
                "id": file_id,
                "object": "file",
                "bytes": size,
                "created_at": now,
                "expires_at": now + int(expires),
                "filename": files[0].name,
            }
        )

    async def _start(self, request: RecordedRequest) -> Reply:
        task = request.path_values["task"]
        body = self._body(request)
        if isinstance(body, Reply):
            return body

        if task not in {"generations", "edits", "extensions"}:
            return self.not_found(request)

        wrong = _wrong_video(task, body)
        if wrong is not None:
            return self.error(400, wrong)

        request_id = str(uuid.uuid4())

        def result(script: Script) -> tuple[int, Any]:
            def publish(content: bytes) -> str:
                return self._context.publish(request_id, "video.mp4", content)

            return _video(script, body, publish)

        self._context.state.accept(request_id, f"videos/{task}", body, request, result)
        return Reply.json({"request_id": request_id})

    async def _look(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["request_id"])
        if job is None:
            return self.error(404, "Deferred request not found")

        now = self._context.state.clock()
        phase = job.phase(now)
        if phase == "queued":
            return Reply(status=202)

        if phase == "running":
            return Reply.json({"status": "pending", "progress": int(100 * job.progress(now))}, 202)

        return Reply.json(job.result_body, job.result_status)

    async def _images(self, request: RecordedRequest) -> Reply:
        task = request.path_values["task"]
        body = self._body(request)
        if isinstance(body, Reply):
            return body

        if task not in {"generations", "edits"}:
            return self.not_found(request)

        wrong = _wrong_image(task, body)
        if wrong is not None:
            return self.error(400, wrong)

        job_id = str(uuid.uuid4())

        def result(script: Script) -> tuple[int, Any]:
            def publish(index: int, content: bytes) -> str:
                return self._context.publish(job_id, f"{index}.png", content)

            return _pictures(script, body, publish)

        return await self._at_once(job_id, f"images/{task}", body, request, result)

    def _body(self, request: RecordedRequest) -> dict[str, Any] | Reply:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return self.error(415, "Expected request with `Content-Type: application/json`")

        try:
            body = request.json()
        except ValueError:
            return self.error(422, "Failed to parse the request body as JSON")

        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            return self.error(422, "Failed to deserialize the JSON body: missing field `model`")

        return body


def _wrong_video(task: str, body: Mapping[str, Any]) -> str | None:
    if not body.get("prompt"):
        return "Argument not supported: empty prompt"

    if task == "generations":
        both = "image" in body and "reference_images" in body
        if both and body["model"] == "grok-imagine-video":
            return "image and reference_images are mutually exclusive"

        too_long = "reference_images" in body and body.get("duration", 8) > 10  # noqa: PLR2004
        return "Duration exceeds limit of 10 seconds" if too_long else None

    if not _is_link(body.get("video")):
        return "Missing video"

    kept = _KEPT_FROM_SOURCE if task == "edits" else _KEPT_FROM_SOURCE[1:]
    refused = [name for name in kept if name in body]
    return f"Argument not supported: {refused[0]}" if refused else None


def _wrong_image(task: str, body: Mapping[str, Any]) -> str | None:
    refused = [name for name in _UNSUPPORTED_FOR_IMAGES if name in body]
    if refused:
        return f"Argument not supported: {refused[0]}"

    has_sources = _is_link(body.get("image")) or bool(body.get("images"))
    return "Missing image" if task == "edits" and not has_sources else None


def _is_link(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value.get("url") or value.get("file_id"))


def _usage(script: Script) -> dict[str, Any]:
    units = script.billable_units
    return {} if units is None else {"usage": {"cost_in_usd_ticks": int(units * _TICKS_PER_UNIT)}}


def _video(script: Script, body: Mapping[str, Any], publish: Any) -> tuple[int, Any]:
    model = {"model": body["model"]}
    if script.outcome == "moderated":
        return _moderated_video(script, model)

    if script.outcome == "failed":
        if script.error_type == "expired":
            return 200, {"status": "expired", **model}

        code, message = script.error_type or "internal", script.error_message or "Failed"
        failure = {"code": code, "message": message}
        return script.error_status or 200, {"status": "failed", "error": failure, **model}

    if script.result is not None:
        return 200, dict(script.result)

    done = {"status": "done", "progress": 100, **model, **_usage(script)}
    if script.outcome == "no_media":
        return 200, done

    width, height = _SIZES.get(body.get("aspect_ratio", "16:9"), (1280, 720))
    seconds = body.get("duration", 8)
    url = publish(_media.video_bytes(width, height, seconds))
    video = {"url": url, "duration": seconds, "respect_moderation": True}
    return 200, {**done, "video": video}


def _moderated_video(script: Script, model: Mapping[str, Any]) -> tuple[int, Any]:
    """Refuse in the way that `error_type` names: `done`, `failed`, or as a code of its own."""
    message = script.error_message or _REJECTED.format(kind="video")
    if script.error_type == "done":
        video = {"url": "", "duration": 0, "respect_moderation": False}
        return 200, {"status": "done", "video": video, **model, **_usage(script)}

    if script.error_type == "failed":
        failure = {"code": "content_moderated", "message": message}
        return 200, {"status": "failed", "error": failure, **model, **_usage(script)}

    return _moderated_request(script, message)


def _moderated_request(script: Script, message: str) -> tuple[int, Any]:
    error = {"code": script.error_type or _MODERATED, "error": message}
    return script.error_status or 400, {**error, **_usage(script)}


def _pictures(script: Script, body: Mapping[str, Any], publish: Any) -> tuple[int, Any]:
    if script.outcome == "moderated" and script.error_type != "done":
        return _moderated_request(script, script.error_message or _REJECTED.format(kind="image"))

    if script.outcome == "failed":
        error = {"code": script.error_type or "Internal error", "error": "Failed"}
        return script.error_status or 500, error

    if script.result is not None:
        return 200, dict(script.result)

    count = body.get("n", 1) if script.outputs is None else script.outputs
    wanted = body.get("n", 1)
    refused = wanted if script.outcome == "moderated" else max(0, wanted - count)
    made = 0 if script.outcome in {"moderated", "no_media"} else count
    content = _media.image_bytes(*_SIZES.get(body.get("aspect_ratio", "1:1"), (720, 720)))
    data: list[dict[str, Any]] = []
    for index in range(made):
        item: dict[str, Any] = {"mime_type": _media.IMAGE_CONTENT_TYPE, "respect_moderation": True}
        if body.get("response_format") == "b64_json":
            item["b64_json"] = _media.base64_of(content)
        else:
            item["url"] = publish(index, content)

        data.append(item)

    if script.outcome != "no_media":
        data += [{"url": "", "respect_moderation": False}] * refused

    return 200, {"data": data, **_usage(script)}


wire = XaiWire
