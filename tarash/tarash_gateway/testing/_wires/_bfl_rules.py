"""What Black Forest Labs' endpoints take: a strict reader of bodies, from the vendor's pages.

And from public clients that were written against its released OpenAPI. Any other field is refused,
as by FLUX 3; it shares nothing with the package's declaration.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks

_MOST_PIXELS = 4 * 1024 * 1024
_LAST_SECOND = 20
_UNTIMED = 2
_RATIO = re.compile(r"([1-9]\d?):([1-9]\d?)")
_WIDEST = 21 / 9


_PROMPT = checks.text(15_000)
is_medium = checks.any_of(checks.is_url, checks.is_base64)
"""A URL, or base64 without the prefix of a data URI."""


def is_ratio(value: Any) -> bool:
    match = _RATIO.fullmatch(value) if isinstance(value, str) else None
    return match is not None and 1 / _WIDEST <= int(match[1]) / int(match[2]) <= _WIDEST


def is_keyframes(value: Any) -> bool:
    """Take one image, up to ten, or up to ten with rising times."""
    if checks.any_of(is_medium, checks.list_of(is_medium, 10))(value):
        return True

    if not checks.list_of(_is_timed, 10)(value):
        return False

    return all(frame[0] < other[0] for frame, other in pairwise(value))


def _is_timed(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != len(("second", "image")):
        return False

    return checks.number(0, _LAST_SECOND)(value[0]) and is_medium(value[1])


def _images(most: int) -> dict[str, checks.Check]:
    return {
        f"input_image{f'_{place}' if place > 1 else ''}": is_medium for place in range(1, most + 1)
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
_KONTEXT: checks.Fields = {**_OLD, **_images(4), "aspect_ratio": is_ratio}
_FLUX_3_RATIOS = (
    "auto 21:9 2:1 16:9 3:2 7:5 4:3 5:4 1:1 4:5 3:4 5:7 2:3 9:16 1:2 9:21".split()  # noqa: SIM905
)

IMAGES: Mapping[str, checks.Fields] = {
    **dict.fromkeys(("flux-2-pro", "flux-2-pro-preview", "flux-2-max"), _PRO),
    "flux-2-flex": {**_PRO, **_FLEX},
    **dict.fromkeys(
        ("flux-2-klein-4b", "flux-2-klein-9b", "flux-2-klein-9b-preview"),
        _KLEIN,
    ),
    "flux-pro-1.1": {**_OLD, **_OLD_SIDES},
    "flux-pro-1.1-ultra": {
        **_OLD,
        "aspect_ratio": is_ratio,
        "raw": checks.is_flag,
        "image_prompt": is_medium,
        "image_prompt_strength": checks.number(0, 1),
    },
    **dict.fromkeys(("flux-kontext-pro", "flux-kontext-max"), _KONTEXT),
    "flux-pro-1.0-fill": {**_OLD, **_STEPS, "image": is_medium, "mask": is_medium},
    "flux-pro-1.0-expand": {
        **_OLD,
        **_STEPS,
        "image": is_medium,
        **dict.fromkeys(("top", "bottom", "left", "right"), checks.whole(0, 2048)),
    },
    "flux-dev": {**_OLD, **_OLD_SIDES, **_STEPS, "image_prompt": is_medium},
    "flux-3-image": {
        "prompt": _PROMPT,
        "images": checks.any_of(is_medium, checks.list_of(is_medium, 10)),
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


_VIDEO: Mapping[str, tuple[checks.Fields, Sequence[str]]] = {
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
        {**_MADE, "duration": _seconds(5, 20), "keyframes": is_keyframes},
        ("prompt", "keyframes"),
    ),
    "v2v": (
        {**_MADE, "duration": _seconds(5, 15), "start_video": is_medium},
        ("prompt", "start_video"),
    ),
    "draft_enhance": ({**_SHARED, "draft_cache": is_medium}, ("draft_cache",)),
}


def wrong_in(model: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what an endpoint refuses of a body, as the vendor lists it."""
    if model != "flux-3-video":
        return _wrong(body, IMAGES[model], ("prompt", *_NEEDED.get(model, ()))) or _wrong_size(body)

    mode = str(body.get("mode"))
    fields, needed = _VIDEO.get(_MODES.get(mode, mode), (_SHARED, ("mode",)))
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
