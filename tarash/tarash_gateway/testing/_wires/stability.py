"""Stability AI's v2beta image endpoints: forms in, an image or a job's id out.

Follows the provider's OpenAPI document (tag Stable Image, recorded 2026-11-20). There is no
official SDK to check it with.
"""

import base64
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, read_form
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

_LARGEST_BODY = 10 * 1024 * 1024
_SLOW = frozenset({"upscale/creative", "edit/replace-background-and-relight"})
_GENERATE = frozenset({"generate/core", "generate/sd3", "generate/ultra"})
_SD3_MODELS = frozenset(
    f"sd3{version}-{size}"
    for version in ("", ".5")
    for size in ("large", "large-turbo", "medium", "flash")
)
_RATIOS = {
    "16:9": (1344, 768),
    "1:1": (1024, 1024),
    "21:9": (1536, 640),
    "2:3": (832, 1216),
    "3:2": (1216, 832),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
_NAMES = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    413: "payload_too_large",
    429: "rate_limit_exceeded",
}
_MESSAGES = {
    "content_moderation": "Your request was flagged by our content moderation system, as a result "
    "your request was denied and you were not charged.",
    "invalid_language": "prompt: English is the only supported language",
    "public_figure": "Our system detected the likeness of a public figure in your image.",
}
_STATUS_OF_NAME = {"content_moderation": 403, "invalid_language": 422, "public_figure": 422}


class StabilityWire(BaseWire):
    """The image endpoints, the results of the slow ones, and the balance."""

    nowhere = "path: {path} does not exist"

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("POST", "/v2beta/stable-image/{group}/{name}", self._submit, step="submit"),
            Route("GET", "/v2beta/results/{job_id}", self._result, step="poll"),
            Route("GET", "/v1/user/balance", always({"credits": 42.5})),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with the envelope of v2beta."""
        return Reply.json(_envelope(_NAMES.get(status, "internal_error"), message), status)

    async def _submit(self, request: RecordedRequest) -> Reply:
        endpoint = f"{request.path_values['group']}/{request.path_values['name']}"
        fields = _fields(request)
        refused = self._refused(endpoint, request, fields)
        if refused is not None or fields is None:
            return refused or self.error(400, "content-type: must be multipart/form-data")

        def result(script: Script) -> tuple[int, Any]:
            return _result_of(script, fields)

        job = self._context.state.accept(uuid.uuid4().hex * 2, endpoint, fields, request, result)
        if endpoint in _SLOW:
            return Reply.json({"id": job.id})

        # The answer waits for the picture: there is no job to ask after.
        await self._context.until_ended(job)
        return _reply(job, request)

    async def _result(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["job_id"])
        if job is None:
            return self.error(404, "id: not found")

        if self._phase(job) != "ended":
            return Reply.json({"id": job.id, "status": "in-progress"}, 202)

        return _reply(job, request)

    def _refused(
        self, endpoint: str, request: RecordedRequest, fields: Mapping[str, Any] | None
    ) -> Reply | None:
        if len(request.body) > _LARGEST_BODY:
            return self.error(413, "body: cannot be larger than 10MiB")

        if fields is None:
            return self.error(400, "content-type: must be multipart/form-data")

        if request.headers.get("accept") not in ("image/*", "application/json", "*/*"):
            return self.error(400, "accept: must be one of image/*, application/json")

        if endpoint in _GENERATE:
            return next(map(self._bad, _complaints(endpoint, fields)), None)

        if not isinstance(fields.get("image"), Mapping):
            return self._bad("image: is required")

        return None

    def _bad(self, message: str) -> Reply:
        return self.error(400, message)


def _complaints(endpoint: str, fields: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the fields of one of the generate endpoints."""
    has_image = isinstance(fields.get("image"), Mapping)
    from_image = fields.get("mode", "text-to-image") == "image-to-image"
    wants_image = from_image if endpoint == "generate/sd3" else has_image
    checks = {
        "prompt: is required": not fields.get("prompt"),
        "image: is required": wants_image and not has_image,
        "image: is not allowed": has_image and (endpoint == "generate/core" or not wants_image),
        "strength: is required": wants_image and "strength" not in fields,
        "aspect_ratio: is not allowed": "aspect_ratio" in fields and from_image,
        "aspect_ratio: is not one of the possible values": fields.get("aspect_ratio", "1:1")
        not in _RATIOS,
        "mode: is not allowed": "mode" in fields and endpoint != "generate/sd3",
        "model: is not one of the possible values": fields.get("model", "sd3.5-large")
        not in _SD3_MODELS,
    }
    return [message for message, is_wrong in checks.items() if is_wrong]


def _fields(request: RecordedRequest) -> dict[str, Any] | None:
    """Return the form's fields as text and its files as bytes with their type; None for no form."""
    form = read_form(request)
    if form is None:
        return None

    files = {
        name: {"content": file.content, "content_type": file.content_type, "filename": file.name}
        for name, (file, *_) in form.files.items()
    }
    return {**form.fields, **files}


def _result_of(script: Script, fields: Mapping[str, Any]) -> tuple[int, Any]:
    if script.outcome == "moderated" and script.error_type != "CONTENT_FILTERED":
        return _failure(script, "content_moderation", 403)

    if script.outcome == "failed":
        return _failure(script, "internal_error", 500)

    if script.result is not None:
        return 200, dict(script.result)

    seed = str(fields.get("seed") or "0")
    body: dict[str, Any] = {
        "finish_reason": script.error_type if script.outcome == "moderated" else "SUCCESS",
        "seed": int(seed) or 343940597 if seed.isdigit() else 343940597,
    }
    if script.outcome == "no_media":
        return 200, body

    width, height = _RATIOS[fields.get("aspect_ratio", "1:1")]
    picture = _media.base64_of(_media.image_bytes(width, height))
    return 200, {"image": picture, **body}


def _failure(script: Script, name: str, status: int) -> tuple[int, Any]:
    name = script.error_type or name
    message = script.error_message or _MESSAGES.get(name, "An unexpected server error occurred.")
    return script.error_status or _STATUS_OF_NAME.get(name, status), _envelope(name, message)


def _envelope(name: str, message: str) -> dict[str, Any]:
    return {"id": uuid.uuid4().hex, "name": name, "errors": [message]}


def _reply(job: JobRecord, request: RecordedRequest) -> Reply:
    headers = {"x-request-id": uuid.uuid4().hex}
    image = job.result_body.get("image")
    if image is None or request.headers.get("accept") == "application/json":
        # The parameter is the provider's own way to name what is inside.
        kind = "application/json; type=image/png" if image else "application/json"
        return Reply.json(job.result_body, job.result_status, {**headers, "Content-Type": kind})

    return Reply(
        body=base64.b64decode(image),
        headers={
            **headers,
            "Content-Type": _media.IMAGE_CONTENT_TYPE,
            "finish-reason": job.result_body["finish_reason"],
            "seed": str(job.result_body["seed"]),
        },
    )


wire = StabilityWire
