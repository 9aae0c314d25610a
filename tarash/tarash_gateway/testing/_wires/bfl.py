"""Black Forest Labs' API: every model one job, polled where the answer to its submit says.

Written from the vendor's pages, and public clients that were written against its released OpenAPI
(2026-11). Any other field is refused, as by FLUX 3. Jobs live on hosts of their own: here, an
address without the job's cluster finds nothing. Results open without the key.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in
from tarash.tarash_gateway.testing._wires import _checks as checks
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

_VIDEO_MODEL = "flux-3-video"
_CLUSTER = "us7"
_GUESS = 4
_FINE = 200
_SIDES = {"768sq": 768, "1k": 1024, "1.5k": 1536, "2k": 2048, "4k": 4096}
_LONGEST_SIDE = 1024


_MOST_PIXELS = 4 * 1024 * 1024
_LAST_SECOND = 20
_UNTIMED = 2
_RATIO = re.compile(r"([1-9]\d?):([1-9]\d?)")
_WIDEST = 21 / 9


_PROMPT = checks.text(15_000)
_is_medium = checks.any_of(checks.is_url, checks.is_base64)
"""A URL, or base64 without the prefix of a data URI."""


def _is_ratio(value: Any) -> bool:
    match = _RATIO.fullmatch(value) if isinstance(value, str) else None
    return match is not None and 1 / _WIDEST <= int(match[1]) / int(match[2]) <= _WIDEST


def _is_keyframes(value: Any) -> bool:
    """Take one image, up to ten, or up to ten with rising times."""
    if checks.any_of(_is_medium, checks.list_of(_is_medium, 10))(value):
        return True

    if not checks.list_of(_is_timed, 10)(value):
        return False

    return all(frame[0] < other[0] for frame, other in pairwise(value))


def _is_timed(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != len(("second", "image")):
        return False

    return checks.number(0, _LAST_SECOND)(value[0]) and _is_medium(value[1])


def _images(most: int) -> dict[str, checks.Check]:
    return {
        f"input_image{f'_{place}' if place > 1 else ''}": _is_medium for place in range(1, most + 1)
    }


_IMAGE: checks.Fields = {
    "prompt": _PROMPT,
    "seed": checks.is_whole,
    "output_format": checks.one_of("jpeg", "png"),
    "webhook_url": checks.is_hook,
    "webhook_secret": _PROMPT,
}
_SIDE = checks.whole(64, 65_536, 16)
_FLUX_2: checks.Fields = {
    **_IMAGE,
    "width": _SIDE,
    "height": _SIDE,
    "safety_tolerance": checks.whole(0, 5),
}
_OLD: checks.Fields = {
    **_IMAGE,
    "safety_tolerance": checks.whole(0, 6),
    "prompt_upsampling": checks.is_flag,
}
_OLD_SIDES: checks.Fields = {
    "width": checks.whole(256, 1440, 32),
    "height": checks.whole(256, 1440, 32),
}
_STEPS: checks.Fields = {"steps": checks.whole(1, 50), "guidance": checks.number(1.5, 100)}
_PRO: checks.Fields = {**_FLUX_2, **_images(8)}
_KLEIN: checks.Fields = {**_FLUX_2, **_images(4)}
_FLEX: checks.Fields = {
    "steps": checks.whole(1, 50),
    "guidance": checks.number(1.5, 10),
    "prompt_upsampling": checks.is_flag,
}
_KONTEXT: checks.Fields = {**_OLD, **_images(4), "aspect_ratio": _is_ratio}
_FLUX_3_RATIOS = (
    "auto 21:9 2:1 16:9 3:2 7:5 4:3 5:4 1:1 4:5 3:4 5:7 2:3 9:16 1:2 9:21".split()  # noqa: SIM905
)

_IMAGES: Mapping[str, checks.Fields] = {
    **dict.fromkeys(("flux-2-pro", "flux-2-pro-preview", "flux-2-max"), _PRO),
    "flux-2-flex": {**_PRO, **_FLEX},
    **dict.fromkeys(
        ("flux-2-klein-4b", "flux-2-klein-9b", "flux-2-klein-9b-preview"),
        _KLEIN,
    ),
    "flux-pro-1.1": {**_OLD, **_OLD_SIDES},
    "flux-pro-1.1-ultra": {
        **_OLD,
        "aspect_ratio": _is_ratio,
        "raw": checks.is_flag,
        "image_prompt": _is_medium,
        "image_prompt_strength": checks.number(0, 1),
    },
    **dict.fromkeys(("flux-kontext-pro", "flux-kontext-max"), _KONTEXT),
    "flux-pro-1.0-fill": {**_OLD, **_STEPS, "image": _is_medium, "mask": _is_medium},
    "flux-pro-1.0-expand": {
        **_OLD,
        **_STEPS,
        "image": _is_medium,
        **dict.fromkeys(("top", "bottom", "left", "right"), checks.whole(0, 2048)),
    },
    "flux-dev": {**_OLD, **_OLD_SIDES, **_STEPS, "image_prompt": _is_medium},
    "flux-3-image": {
        "prompt": _PROMPT,
        "images": checks.any_of(_is_medium, checks.list_of(_is_medium, 10)),
        "aspect_ratio": checks.one_of(*_FLUX_3_RATIOS),
        "resolution": checks.one_of("768sq", "1k", "1.5k", "2k", "4k"),
        "grounding": checks.is_flag,
        "safety_tolerance": checks.whole(0, 4),
    },
}
_WORDS = {
    "unknown": ("Extra inputs are not permitted", "extra_forbidden"),
    "missing": ("Field required", "missing"),
    "invalid": ("Input is not valid", "value_error"),
}
_NEEDED: Mapping[str, Sequence[str]] = {
    "flux-pro-1.0-fill": ("image",),
    "flux-pro-1.0-expand": ("image",),
}

_MODES = {
    "text-to-video": "t2v",
    "image-continuation": "i2v",
    "video-continuation": "v2v",
    "draft-enhance": "draft_enhance",
}
_SHARED: checks.Fields = {
    "mode": checks.one_of(*_MODES, *_MODES.values()),
    "resolution": checks.one_of("hd", "fhd"),
    "safety_tolerance": checks.whole(0, 4),
    "version": checks.one_of("latest"),
}
_MADE: checks.Fields = {
    **_SHARED,
    "prompt": _PROMPT,
    "generate_audio": checks.is_flag,
    "draft": checks.is_flag,
}


def _seconds(low: int, high: int) -> checks.Check:
    return checks.any_of(checks.one_of("auto"), checks.whole(low, high))


_MODES_OF_VIDEO: Mapping[str, tuple[checks.Fields, Sequence[str]]] = {
    "t2v": (
        {
            **_MADE,
            "duration": _seconds(5, 20),
            "aspect_ratio": checks.one_of(
                "auto", "21:9", "2:1", "16:9", "4:3", "1:1", "3:4", "9:16"
            ),
        },
        ("prompt",),
    ),
    "i2v": (
        {**_MADE, "duration": _seconds(5, 20), "keyframes": _is_keyframes},
        ("prompt", "keyframes"),
    ),
    "v2v": (
        {**_MADE, "duration": _seconds(5, 15), "start_video": _is_medium},
        ("prompt", "start_video"),
    ),
    "draft_enhance": ({**_SHARED, "draft_cache": _is_medium}, ("draft_cache",)),
}


def _wrong_in(model: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what an endpoint refuses of a body, as the vendor lists it."""
    if model != _VIDEO_MODEL:
        return _wrong(body, _IMAGES[model], ("prompt", *_NEEDED.get(model, ()))) or _wrong_size(
            body
        )

    mode = str(body.get("mode"))
    fields, needed = _MODES_OF_VIDEO.get(_MODES.get(mode, mode), (_SHARED, ("mode",)))
    faults = _wrong(body, fields, ("mode", *needed))
    frames = body.get("keyframes")
    untimed = isinstance(frames, list) and all(isinstance(frame, str) for frame in frames)
    if not faults and untimed and len(frames or ()) > _UNTIMED and body.get("duration") == "auto":
        return [_item("duration", "a fixed duration is needed for untimed keyframes")]

    return faults


def _wrong(
    body: Mapping[str, Any], fields: checks.Fields, needed: Sequence[str]
) -> list[dict[str, Any]]:
    listed = {f"{name}*" if name in needed else name: check for name, check in fields.items()}
    return [_item(name, *_WORDS[kind]) for kind, name in checks.faults_in(body, listed)]


def _wrong_size(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    width, height = body.get("width", 0), body.get("height", 0)
    return [_item("width", "more than 4 megapixels")] if width * height > _MOST_PIXELS else []


def _item(name: str, message: str, kind: str = "value_error") -> dict[str, Any]:
    return {"loc": ["body", name], "msg": message, "type": kind}


class BflWire(BaseWire):
    """An endpoint for each model, one for results, and one for credits."""

    credential_header = "x-key"
    schemes = ()

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("GET", "/v1/credits", always({"credits": 120.5})),
            Route("GET", "/v1/get_result", self._look, step="poll"),
            Route("POST", "/v1/{model+}", self._create, step="submit"),
        ]

    async def _create(self, request: RecordedRequest) -> Reply:
        model = request.path_values["model"]
        if model != _VIDEO_MODEL and model not in _IMAGES:
            return self.error(404, "Not Found")

        body = object_in(request)
        if body is None:
            return self.error(422, "Input should be a valid dictionary")

        wrong = _wrong_in(model, body)
        if wrong:
            return Reply.json({"detail": wrong}, 422)

        job_id = f"{len(self._context.state.jobs()):08x}-5f4e-4c8a-9b7d-0123456789ab"
        job = self._context.state.accept(
            job_id,
            model,
            body,
            request,
            lambda script: (_FINE, self._ended(job_id, model, body, script)),
        )
        where = f"{self._context.origin}/v1/get_result?id={job.id}&cluster={_CLUSTER}"
        # What it will probably cost; what it has cost stands in the result.
        return Reply.json({"id": job.id, "polling_url": where, "cost": _GUESS, "input_mp": 0})

    async def _look(self, request: RecordedRequest) -> Reply:
        wanted = request.query.get("id", "")
        is_here = request.query.get("cluster") == _CLUSTER
        job = self._context.state.look(wanted) if is_here else None
        if job is None:
            return Reply.json(_body(wanted, "Task not found"))

        phase = self._phase(job)
        if phase == "ended":
            return Reply.json(job.result_body, job.script.error_status or _FINE)

        return Reply.json(_body(job.id, _word(job, phase)))

    def _ended(
        self, job_id: str, model: str, body: Mapping[str, Any], script: Script
    ) -> dict[str, Any]:
        if script.result is not None:
            return dict(script.result)

        if script.outcome == "failed":
            word = script.error_type or "Error"
            return _body(job_id, word, details=script.error_message or "Generation failed")

        if script.outcome == "moderated":
            word = script.error_type or "Content Moderated"
            return _body(job_id, word, details={"Moderation Reasons": ["Violence"]})

        units = script.billable_units
        ready = {**_body(job_id, "Ready"), "cost": None if units is None else units}
        if script.outcome == "no_media":
            return {**ready, "result": {}}

        result = {"seed": body.get("seed", 42), "prompt": body.get("prompt", "")}
        if model != _VIDEO_MODEL:
            content = _media.image_bytes(*_size(body))
            sample = self._context.publish(job_id, "sample.png", content)
            return {**ready, "result": {"sample": sample, **result}}

        seconds = body.get("duration", 5)
        seconds = 5 if seconds == "auto" else seconds
        lines = {"hd": "720p", "fhd": "1080p"}[body.get("resolution", "hd")]
        asked = {"generate_audio": True, **body, "resolution": lines, "duration": seconds}
        if asked.get("aspect_ratio") == "auto":
            del asked["aspect_ratio"]

        film = self._context.publish(job_id, "sample.mp4", _media.video_for(asked))
        made = {"sample": film, "duration": seconds, "prompt": body.get("prompt", "")}
        if body.get("draft"):
            made["draft_cache"] = self._context.publish(job_id, "draft.bin", b"draft")

        return {**ready, "result": made}


def _word(job: JobRecord, phase: str) -> str:
    # Only FLUX 3 says more than that it isn't ready.
    if phase == "queued" or not job.endpoint.startswith("flux-3"):
        return "Pending"

    return "Generating"


def _body(job_id: str, status: str, details: Any = None) -> dict[str, Any]:
    return {
        "id": job_id,
        "status": status,
        "result": None,
        "progress": None,
        "details": details,
    }


def _size(body: Mapping[str, Any]) -> tuple[int, int]:
    side = _SIDES.get(str(body.get("resolution")), _LONGEST_SIDE)
    width, height = body.get("width", side), body.get("height", side)
    return min(width, _LONGEST_SIDE), min(height, _LONGEST_SIDE)


wire = BflWire
