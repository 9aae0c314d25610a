"""Together AI's API: videos of the second version as jobs, images at once.

Written from the vendor's pages, its skill and its client's types (2026-11), by which `seconds` are
text. What they don't name is refused. There is no cancel and no list.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires import _checks as checks
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

_WORDS = {"queued": "queued", "running": "in_progress"}
_REFUSED = "The prompt was flagged by our safety system"
_FINE = 200
_SIDES = {"480p": 480, "720p": 720, "1080p": 1080, "4k": 2160}

_is_medium = checks.any_of(
    checks.is_url,
    checks.is_base64,
    checks.matches(r"data:\w+/[\w.+-]+;base64,[A-Za-z0-9+/]+={0,2}"),
)
_FRAME = checks.object_of(
    {
        "input_image*": _is_medium,
        "frame": checks.any_of(checks.one_of("first", "last"), checks.is_whole),
    }
)
_FILM = checks.object_of({"video*": _is_medium})
_MEDIA = checks.object_of(
    {
        "frame_images": checks.list_of(_FRAME),
        "frame_videos": checks.list_of(_FILM),
        "reference_images": checks.list_of(_is_medium),
        "reference_videos": checks.list_of(_FILM),
        "source_video": checks.any_of(_is_medium, _FILM),
        "audio_inputs": checks.list_of(_is_medium),
        "reference_audios": checks.list_of(_is_medium),
    }
)
_VIDEO: checks.Fields = {
    "model*": checks.is_text,
    "prompt*": checks.is_text,
    "seconds": checks.matches(r"\d+"),
    "width": checks.whole(256, 2160),
    "height": checks.whole(256, 2160),
    "ratio": checks.matches(r"\d+:\d+"),
    "resolution": checks.one_of(*_SIDES),
    "fps": checks.whole(15, 60),
    "steps": checks.whole(10, 50),
    "guidance_scale": checks.is_number,
    "seed": checks.is_whole,
    "negative_prompt": checks.is_text,
    "generate_audio": checks.is_flag,
    "settings": checks.object_of({"audio": checks.is_flag}),
    "output_format": checks.one_of("MP4", "WEBM"),
    "output_quality": checks.whole(0, 100),
    "media": _MEDIA,
}
_IMAGE: checks.Fields = {
    "model*": checks.is_text,
    "prompt*": checks.is_text,
    "width": checks.whole(256, 1920, 8),
    "height": checks.whole(256, 1920, 8),
    "aspect_ratio": checks.one_of("1:1", "16:9", "9:16", "4:3", "3:2"),
    "n": checks.whole(1, 4),
    "steps": checks.whole(1, 50),
    "seed": checks.is_whole,
    "negative_prompt": checks.is_text,
    "guidance_scale": checks.is_number,
    "guidance": checks.is_number,
    "prompt_upsampling": checks.is_flag,
    "image_url": _is_medium,
    "reference_images": checks.list_of(_is_medium),
    "image_loras": checks.list_of(checks.anything, 2),
    "response_format": checks.one_of("base64", "url"),
    "output_format": checks.one_of("jpeg", "png"),
    "disable_safety_checker": checks.is_flag,
}
_HD = ((1280, 720), (720, 1280))
_FULL = ((1920, 1080), (1080, 1080), (1080, 1920))
# Seconds and sizes of those models whose page lists them.
_LISTS: Mapping[str, tuple[str, Sequence[tuple[int, int]], str]] = {
    "google/veo-3.0": ("8", (*_HD, (1920, 1080), (1080, 1920)), "F"),
    "google/veo-2.0": ("5", _HD, "FL"),
    "openai/sora-2": ("8", _HD, "F"),
    "minimax/hailuo-02": ("10", ((1366, 768), (1920, 1080)), "F"),
    "minimax/video-01-director": ("5", ((1366, 768),), "F"),
    "kwaivgI/kling-2.1-pro": ("5", _FULL, "FL"),
    "kwaivgI/kling-2.1": ("5", _FULL, "F"),
    "kwaivgI/kling-1.6": ("5", _FULL, "F"),
    "kwaivgI/kling-2.0": ("5", ((1280, 720), (720, 720), (720, 1280)), "F"),
    "vidu/vidu-q1": ("5", _FULL, "FL"),
}
_OTHERS = ("ByteDance/Seedance-", "pixverse/pixverse-v5", "vidu/vidu-2.0", "Wan-AI/Wan2.2-")
_LONGEST = {"ByteDance/Seedance-2.0": 15, "ByteDance/Seedance-2.5": 30}
_SHORTEST = 4


def _wrong_for_list(body: Mapping[str, Any], frames: Sequence[Any], refers: bool) -> str | None:
    known = next((name for name in _LISTS if body["model"].startswith(name)), None)
    if known is None:
        return None

    seconds, sizes, places = _LISTS[known]
    if body.get("seconds", seconds) != seconds:
        return "invalidDuration"

    fits = (body.get("width"), body.get("height")) in sizes and not refers
    fits = fits and not ("last" in frames and places == "F")
    return None if fits else f"{known} does not take this size or these media"


def _wrong_video(body: Mapping[str, Any]) -> str | None:
    fault = checks.wrong_in(body, _VIDEO)
    if fault is not None:
        return fault

    model, media = body["model"], body.get("media", {})
    frames = [frame.get("frame") for frame in media.get("frame_images", ())]
    references = media.keys() & {"reference_images", "reference_videos"}
    fault = _wrong_for_list(body, frames, bool(references))
    if fault is not None:
        return fault

    if model in _LONGEST:
        if not _SHORTEST <= int(body.get("seconds", 5)) <= _LONGEST[model]:
            return "invalidDuration"

        if frames and references:
            return "frame_images can not be mixed with references"

    of_2_5 = {"ratio", "width", "height", "settings", "generate_audio"}
    if model == "ByteDance/Seedance-2.5" and body.keys() & of_2_5:
        return f"{model} does not take {min(body.keys() & of_2_5)}"

    return "last needs a first frame" if "last" in frames and "first" not in frames else None


class TogetherWire(BaseWire):
    """The endpoints of videos, of images, and of the models."""

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route(
                "GET",
                "/v1/models",
                always([{"id": name, "object": "model", "type": "video"} for name in _LISTS]),
            ),
            Route("POST", "/v2/videos", self._create, step="submit"),
            Route("GET", "/v2/videos/{id}", self._look, step="poll"),
            Route("POST", "/v1/images/generations", self._images, step="submit"),
        ]

    def error(self, status: int, message: str, code: str | None = None) -> Reply:
        """Answer with the envelope of OpenAI's API."""
        kind = "server_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004
        error = {"message": message, "type": kind, "param": None, "code": code}
        return Reply.json({"error": error}, status)

    async def _create(self, request: RecordedRequest) -> Reply:
        body = object_in(request) or {}
        model = str(body.get("model"))
        if not model.startswith((*_LISTS, *_OTHERS)):
            message = f"Unable to access model {model}. Please visit the list of models"
            return self.error(404, message, "model_not_available")

        wrong = _wrong_video(body)
        if wrong is not None:
            return self.error(400, wrong, wrong if wrong.startswith("invalid") else None)

        job_id = f"0199-{len(self._context.state.jobs())}"
        job = self._context.state.accept(
            job_id,
            "videos",
            body,
            request,
            lambda script: (_FINE, self._ended(job_id, body, script)),
        )
        if job.script.outcome == "moderated" and job.script.error_type == "submit":
            return self.error(422, _REFUSED)

        return Reply.json(_plain(job_id, body, "queued"))

    async def _look(self, request: RecordedRequest) -> Reply:
        job = self._context.state.look(request.path_values["id"])
        if job is None or job.endpoint != "videos":
            return self.error(404, "The video was not found")

        phase = self._phase(job)
        ended = phase == "ended"
        return Reply.json(job.result_body if ended else _plain(job.id, job.payload, _WORDS[phase]))

    def _ended(self, job_id: str, body: Mapping[str, Any], script: Script) -> dict[str, Any]:
        if script.result is not None:
            return dict(script.result)

        if script.outcome in {"failed", "moderated"}:
            refused = script.outcome == "moderated"
            if script.error_type == "cancelled":
                return _plain(job_id, body, "cancelled")

            code = script.error_type or ("content_moderation" if refused else "internal_error")
            message = script.error_message or (_REFUSED if refused else "Generation failed")
            return {**_plain(job_id, body, "failed"), "error": {"code": code, "message": message}}

        done = {**_plain(job_id, body, "completed"), "completed_at": int(time.time())}
        if script.outcome == "no_media":
            return {**done, "outputs": {"cost": script.billable_units}}

        side = min(body.get("width", 720), body.get("height", 720))
        asked = {
            "duration": body.get("seconds", "5"),
            "aspect_ratio": body.get("ratio", f"{body.get('width', 16)}:{body.get('height', 9)}"),
            "resolution": body.get("resolution", f"{side}p"),
            "generate_audio": body.get("settings", {}).get("audio", False),
        }
        film = self._context.publish(job_id, "video.mp4", _media.video_for(asked))
        return {**done, "outputs": {"cost": script.billable_units, "video_url": film}}

    async def _images(self, request: RecordedRequest) -> Reply:
        body = object_in(request) or {}
        wrong = checks.wrong_in(body, _IMAGE)
        if wrong is not None:
            return self.error(400, wrong)

        job_id = f"img-{len(self._context.state.jobs())}"
        return await self._at_once(
            job_id, "images", body, request, lambda script: self._made(job_id, body, script)
        )

    def _made(self, job_id: str, body: Mapping[str, Any], script: Script) -> tuple[int, Any]:
        if script.result is not None:
            return _FINE, dict(script.result)

        if script.outcome in {"failed", "moderated"}:
            refused = script.outcome == "moderated"
            message = script.error_message or (_REFUSED if refused else "Internal server error")
            inside = script.error_type == "inside"
            status = _FINE if inside else 422 if refused else 500
            return status, {"error": {"message": message, "type": "error", "code": None}}

        count = _media.count_of(script, body.get("n", 1))
        content = _media.image_bytes(body.get("width", 1024), body.get("height", 1024))
        name, values = "url", self._urls(job_id, content, count)
        if body.get("response_format") == "base64":
            name, values = "b64_json", [_media.base64_of(content)] * count

        images = [{"index": at, "type": name, name: value} for at, value in enumerate(values)]
        return _FINE, {"id": job_id, "model": body["model"], "object": "list", "data": images}


def _plain(job_id: str, body: Mapping[str, Any], status: str) -> dict[str, Any]:
    return {
        "id": job_id,
        "object": "video",
        "model": body["model"],
        "status": status,
        "created_at": 1_767_000_000,
        "seconds": body.get("seconds", "5"),
        "size": f"{body.get('width', 1280)}x{body.get('height', 720)}",
    }


wire = TogetherWire
