"""What servers of `/v1/videos` and `/v1/images` share on the wire; each server has its own module.

From the sources of vLLM-Omni 0.30 and SGLang 0.5.23. Errors are FastAPI's: `detail` is text, or a
list of what is wrong where. What a server accepts is here field by field, also for LocalAI: values
of a form are text; those of JSON are what they are.
"""

import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._public import serve_bytes
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, read_form
from tarash.tarash_gateway.testing._wires import _checks as checks
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

Body = dict[str, Any]
Endpoint = Literal["videos", "images/generations", "images/edits"]

_PAGE, _LONGEST_PAGE = 20, 100
_SIDES = (1280, 720)


_WORDS = {
    "missing": "{}: Field required",
    "unknown": "{}: Extra inputs are not permitted",
    "invalid": "{}: Input is not valid",
}
_size = checks.any_of(checks.one_of("auto"), checks.matches(r"[1-9]\d*x[1-9]\d*"))
_yes_no = checks.any_of(checks.is_flag, checks.one_of("true", "false"))


def _number(low: float, high: float) -> checks.Check:
    def holds(value: Any) -> bool:
        try:
            return not isinstance(value, bool) and low <= float(value) <= high
        except (TypeError, ValueError):
            return False

    return holds


def _whole(low: int, high: int) -> checks.Check:
    def holds(value: Any) -> bool:
        text = str(value)
        is_whole = not isinstance(value, bool) and re.fullmatch(r"-?\d+", text) is not None
        return is_whole and low <= int(text) <= high

    return holds


def _object(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return False

    return isinstance(value, dict)


def _seconds_text(value: Any) -> bool:
    return isinstance(value, str) and _whole(1, 10_000)(value)


_MANY, _INT64 = 100_000, 2**63 - 1
_SHARED: checks.Fields = {
    "prompt*": checks.is_text,
    "model": checks.is_text,
    "negative_prompt": checks.is_text,
    "size": _size,
    "seed": _whole(0, _INT64),
    "num_inference_steps": _whole(1, 200),
    "guidance_scale": _number(0, 20),
    "true_cfg_scale": _number(0, 20),
    "flow_shift": _number(0, 100),
    "extra_params": _object,
    "user": checks.is_text,
}
_VIDEO: checks.Fields = {
    **_SHARED,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
    "fps": _whole(1, 240),
    "num_frames": _whole(1, _MANY),
    "guidance_scale_2": _number(0, 20),
    "num_outputs_per_prompt": _whole(1, 10),
    "enable_frame_interpolation": _yes_no,
}
VLLM_VIDEO: checks.Fields = {
    **_VIDEO,
    "seconds": _seconds_text,
    "short_edge": _whole(1, _MANY),
    "aspect_ratio": checks.is_text,
    "boundary_ratio": _number(0, 1),
    "quality": checks.one_of("lossless", "high"),
    "generate_sound": _yes_no,
    "sound_duration": _number(0, _MANY),
    "lora": _object,
    "image_reference": _object,
    "video_reference": _object,
    "audio_reference": _object,
    "control_type": checks.is_text,
}
SGLANG_VIDEO: checks.Fields = {
    **_VIDEO,
    "seconds": _whole(1, 10_000),
    "n": _whole(1, 10),
    "task_type": checks.is_text,
    "reference_url": checks.is_text,
    "video_url": checks.is_text,
    "enhance_prompt": _yes_no,
    "enable_teacache": _yes_no,
    "enable_upscaling": _yes_no,
    "output_compression": _whole(0, 100),
    "diffusers_kwargs": _object,
}
_IMAGE: checks.Fields = {
    **_SHARED,
    "n": _whole(1, 10),
    "output_format": checks.one_of("png", "jpeg", "webp"),
    "output_compression": _whole(0, 100),
    "strength": _number(0, 1),
    "background": checks.is_text,
}
VLLM_IMAGE: checks.Fields = {
    **_IMAGE,
    "response_format": checks.one_of("b64_json", "file"),
    "layers": _whole(2, 10),
    "lora": _object,
}
SGLANG_IMAGE: checks.Fields = {
    **_IMAGE,
    "response_format": checks.one_of("b64_json"),
    "quality": checks.is_text,
    "style": checks.is_text,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
}
LOCALAI_VIDEO: checks.Fields = {
    "model": checks.is_text,
    "prompt*": checks.is_text,
    "negative_prompt": checks.is_text,
    "start_image": checks.is_text,
    "end_image": checks.is_text,
    "audio": checks.is_text,
    "input_reference": checks.is_text,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
    "size": _size,
    "num_frames": _whole(1, _MANY),
    "fps": _whole(1, 240),
    "seconds": _seconds_text,
    "seed": _whole(0, _INT64),
    "cfg_scale": _number(0, 100),
    "step": _whole(1, 1000),
    "response_format": checks.one_of("url", "b64_json"),
    "params": _object,
}
LOCALAI_IMAGE: checks.Fields = {
    "model": checks.is_text,
    "prompt*": checks.is_text,
    "n": _whole(1, 10),
    "size": _size,
    "seed": _whole(0, _INT64),
    "step": _whole(1, 1000),
    "mode": _whole(0, 10),
    "file": checks.is_text,
    "files": checks.list_of(checks.anything),
    "ref_images": checks.list_of(checks.anything),
    "response_format": checks.one_of("url", "b64_json"),
}


def wrong(body: Mapping[str, Any], known: checks.Fields, files: tuple[str, ...] = ()) -> str:
    """Return what a server says of a body that it can't take; empty where it can."""
    return checks.wrong_in(body, {**known, **dict.fromkeys(files, checks.anything)}, _WORDS) or ""


class VideoServerWire(BaseWire):
    """One server; it wants a key only where the simulator knows of one."""

    keyless = True
    video: checks.Fields
    image: checks.Fields
    files: Mapping[Endpoint, tuple[str, ...]] = {}
    prefix = "video_"

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.deleted: set[str] = set()
        video = "/v1/videos/{video_id}"
        self.routes: Sequence[Route] = [
            Route("POST", "/v1/videos", self._create, step="submit"),
            Route("GET", "/v1/videos", self._list, step="list"),
            Route("GET", video, self._retrieve, step="poll"),
            Route("GET", f"{video}/content", self._content, step="result"),
            Route("DELETE", video, self._delete, step="cancel"),
            Route(
                "POST",
                "/v1/images/generations",
                partial(self._make, endpoint="images/generations"),
                step="submit",
            ),
            Route(
                "POST",
                "/v1/images/edits",
                partial(self._make, endpoint="images/edits"),
                step="submit",
            ),
            Route(
                "GET",
                "/v1/models",
                always({"object": "list", "data": [{"id": "served", "object": "model"}]}),
            ),
        ]

    def reads(self, request: RecordedRequest, endpoint: Endpoint) -> Body | Reply:
        """Return the body of a request for an endpoint, or why it is refused."""
        form = read_form(request)
        if form is None and (endpoint == "images/edits" or not self.takes_json(endpoint)):
            return Reply.json(
                {"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]}, 422
            )

        if form is not None:
            return form.plain()

        try:
            body = request.json()
        except ValueError:
            return self.error(400, "Invalid JSON")

        return body if isinstance(body, dict) else self.error(422, "Input should be an object")

    def takes_json(self, endpoint: Endpoint) -> bool:
        """Tell whether an endpoint reads JSON."""
        return endpoint != "images/edits"

    def checked(self, request: RecordedRequest, endpoint: Endpoint) -> Body | Reply:
        """Return a body that can be taken, or why it can't."""
        body = self.reads(request, endpoint)
        if isinstance(body, Reply):
            return body

        known = self.video if endpoint == "videos" else self.image
        fault = wrong(body, known, self.files.get(endpoint, ()))
        if not fault:
            return body

        place, _, message = fault.partition(": ")
        return Reply.json({"detail": [{"loc": ["body", place], "msg": message}]}, 422)

    # -------------------------------------------------------------------------------------- videos
    async def _create(self, request: RecordedRequest) -> Reply:
        body = self.checked(request, "videos")
        if isinstance(body, Reply):
            return body

        video_id, created = f"{self.prefix}{uuid.uuid4().hex}", int(time.time())

        def result(script: Script) -> tuple[int, Any]:
            return self.ended(video_id, body, script, created)

        self._context.state.accept(video_id, "videos", body, request, result)
        return Reply.json(self.job(video_id, body, created, "queued"))

    def job(self, video_id: str, body: Body, created: int, status: str) -> Body:
        """Return a job's object as long as it has not ended."""
        raise NotImplementedError

    def ended(self, video_id: str, body: Body, script: Script, created: int) -> tuple[int, Body]:
        """Return status and object of a job that has ended."""
        raise NotImplementedError

    def seen(self, record: JobRecord) -> tuple[int, Body]:
        """Return status and object of a job as it stands."""
        phase = self._phase(record)
        if phase == "ended":
            return record.result_status, dict(record.result_body)

        created = int(record.submitted_at.timestamp())
        status = "queued" if phase == "queued" else "in_progress"
        return 200, self.job(record.id, record.payload, created, status)

    def known(self, video_id: str) -> JobRecord | None:
        """Return a job that the server remembers."""
        return None if video_id in self.deleted else self._context.state.find(video_id)

    async def _retrieve(self, request: RecordedRequest) -> Reply:
        video_id = request.path_values["video_id"]
        record = self._context.state.look(video_id)
        if record is None or video_id in self.deleted:
            return self.error(404, "Video not found")

        status, body = self.seen(record)
        return Reply.json(body, status)

    async def _list(self, request: RecordedRequest) -> Reply:
        limit = request.query.get("limit", str(_PAGE))
        if not limit.isdigit() or not 1 <= int(limit) <= _LONGEST_PAGE:
            return self.error(422, "limit: Input should be from 1 to 100")

        records = [
            record for record in self._context.state.listed() if record.id.startswith(self.prefix)
        ]
        records = [record for record in records if record.id not in self.deleted]
        ids = [record.id for record in records]
        after = request.query.get("after")
        start = 0 if after is None else ids.index(after) + 1 if after in ids else len(ids)
        page = records[start : start + int(limit)]
        return Reply.json(
            {
                "data": [self.seen(record)[1] for record in page],
                "has_more": start + len(page) < len(records),
                "first_id": page[0].id if page else None,
                "last_id": page[-1].id if page else None,
            }
        )

    async def _content(self, request: RecordedRequest) -> Reply:
        record = self.known(request.path_values["video_id"])
        if record is None:
            return self.error(404, "Video not found")

        _, body = self.seen(record)
        if body["status"] != "completed":
            return self.error(404, "Generation is still in-progress")

        if record.script.outcome == "no_media":
            return Reply(headers={"Content-Type": _media.VIDEO_CONTENT_TYPE})

        refused = self.wrong_variant(request, record)
        if refused is not None:
            return refused

        width, height = _sides(record.payload)
        content = _media.video_bytes(width, height, float(record.payload.get("seconds", 4)))
        return serve_bytes(content, _media.VIDEO_CONTENT_TYPE, request.headers.get("range"))

    def wrong_variant(self, request: RecordedRequest, record: JobRecord) -> Reply | None:
        """Return the refusal of a variant that a job does not have."""
        del request, record
        return None

    async def _delete(self, request: RecordedRequest) -> Reply:
        record = self.known(request.path_values["video_id"])
        return self.error(404, "Video not found") if record is None else self.delete(record)

    def delete(self, record: JobRecord) -> Reply:
        """Answer to a DELETE of a job that is there."""
        raise NotImplementedError

    # -------------------------------------------------------------------------------------- images
    async def _make(self, request: RecordedRequest, *, endpoint: Endpoint) -> Reply:
        body = self.checked(request, endpoint)
        if isinstance(body, Reply):
            return body

        if endpoint == "images/edits" and not any(name.startswith("image") for name in body):
            return self.error(422, "Field 'image' or 'url' is required")

        return await self._at_once(
            f"image_{uuid.uuid4().hex}",
            endpoint,
            body,
            request,
            lambda script: image_result(script, body),
        )


def _sides(body: Mapping[str, Any], usual: tuple[int, int] = _SIDES) -> tuple[int, int]:
    return _media.size_in(body.get("size"), usual)


def image_result(script: Script, body: Mapping[str, Any]) -> tuple[int, Any]:
    """Return status and body of an answer with images, or of what became of them."""
    if script.outcome in ("failed", "moderated"):
        message = script.error_message or "CUDA error: an illegal memory access was encountered"
        return script.error_status or 500, {"detail": message}

    if script.result is not None:
        return 200, dict(script.result)

    packed = _media.base64_of(_media.image_bytes(*_sides(body, (1024, 1024))))
    count = _media.count_of(script, int(body.get("n", 1)))
    data = [{"b64_json": packed, "revised_prompt": None}] * count
    return 200, {"created": 1_790_000_000, "data": data}
