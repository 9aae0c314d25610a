"""What MiniMax's endpoints take: a strict reader of bodies, written from the vendor's pages.

The pages of 2026-10-08. What a page doesn't name is refused; it shares nothing with the package's
declaration.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Check = Callable[[Any], bool]
_DATA = re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/]+={0,2}")
_PIXELS = (512, 2048)
_LONGEST = {"v2": 7000, "v1": 2000, "image": 1500}


def _one_of(*values: Any) -> Check:
    return lambda value: any(value == one and type(value) is type(one) for one in values)


def _whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text(longest: int) -> Check:
    return lambda value: isinstance(value, str) and 0 < len(value) <= longest


def _url(value: Any) -> bool:
    return isinstance(value, str) and re.match(r"https?://", value) is not None


def _medium(value: Any) -> bool:
    return _url(value) or (isinstance(value, str) and _DATA.fullmatch(value) is not None)


def _medium_or_file(value: Any) -> bool:
    return _medium(value) or (
        isinstance(value, str) and re.match(r"mm_file://\d+", value) is not None
    )


def _wrong(
    body: Mapping[str, Any], fields: Mapping[str, Check], needed: Sequence[str]
) -> str | None:
    unknown = sorted(body.keys() - fields.keys())
    if unknown:
        return f"unknown field {unknown[0]}"

    missing = [name for name in needed if name not in body]
    if missing:
        return f"{missing[0]} is required"

    bad = [name for name, value in body.items() if not fields[name](value)]
    return f"{bad[0]} is invalid" if bad else None


def _first_fault(rules: Mapping[str, Any]) -> str | None:
    """Return the first thing that is wrong."""
    return next((fault for fault, holds in rules.items() if holds), None)


# ---------------------------------------------------------------------------------------------- V2
V2: Mapping[str, tuple[tuple[str, ...], tuple[int, int]]] = {
    "MiniMax-H3": (("768P", "2K"), (4, 15)),
    "MiniMax-H3-Max": (("480P", "768P"), (5, 15)),
}
_RATIOS = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
_ROLES = {
    "image_url": ("first_frame", "last_frame", "reference_image"),
    "video_url": ("reference_video",),
    "audio_url": ("reference_audio",),
}
_MOST = {"first_frame": 1, "last_frame": 1, "reference_image": 9, "reference_video": 3,
         "reference_audio": 3}  # fmt: skip
_MOST_FILES = 12


def wrong_v2(body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a body of `/v2/video_generation`; None for nothing."""
    if body.get("model") not in V2:
        return "invalid params, model is not supported"

    resolutions, seconds = V2[body["model"]]
    fields: dict[str, Check] = {
        "model": lambda _: True,
        "content": lambda value: isinstance(value, list) and bool(value),
        "resolution": _one_of(*resolutions),
        "duration": _whole(*seconds),
        "ratio": _one_of(*_RATIOS, "adaptive"),
        "callback_url": _url,
    }
    if body["model"] == "MiniMax-H3-Max":
        fields["extra"] = lambda value: (
            isinstance(value, dict)
            and value.keys() == {"prompt_expansion_mode"}
            and value["prompt_expansion_mode"] in {"disabled", "balanced", "quality"}
        )

    fault = _wrong(body, fields, ["content", "resolution", "duration"])
    return fault or _wrong_content(body["content"], body.get("ratio"))


def _wrong_content(content: Sequence[Any], ratio: Any) -> str | None:
    if not all(map(_is_item, content)):
        return "content is invalid"

    roles = [_role_of(item) for item in content]
    media = [role for role in roles if role != "text"]
    frames = {"first_frame", "last_frame"} & set(media)
    return _first_fault(
        {
            "content must have exactly one text": roles.count("text") != 1,
            "too many files": len(media) > _MOST_FILES
            or any(media.count(role) > most for role, most in _MOST.items()),
            "frames and references exclude each other": frames and set(media) - frames,
            "last_frame needs a first_frame": frames == {"last_frame"},
            "audio needs an image or a video": set(media) == {"reference_audio"},
            "ratio is required": not media and ratio in {None, "adaptive"},
        }
    )


def _role_of(item: Mapping[str, Any]) -> str:
    return "text" if item["type"] == "text" else str(item.get("role", "first_frame"))


def _is_item(item: Any) -> bool:
    kind = item.get("type") if isinstance(item, dict) else None
    if kind == "text":
        return item.keys() == {"type", "text"} and _text(_LONGEST["v2"])(item["text"])

    if kind not in _ROLES or not item.keys() <= {"type", "role", kind}:
        return False

    holder = item.get(kind)
    holds = isinstance(holder, dict) and holder.keys() == {"url"} and _medium_or_file(holder["url"])
    return holds and item.get("role", "first_frame") in _ROLES[str(kind)]


# ---------------------------------------------------------------------------------------------- V1
HAILUO = ("MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3-Fast", "MiniMax-Hailuo-02")
V1 = (
    *HAILUO,
    *("T2V-01", "T2V-01-Director", "I2V-01", "I2V-01-Director", "I2V-01-live", "S2V-01"),
)
_V1_FIELDS: Mapping[str, Check] = {
    "model": lambda _: True,
    "prompt": _text(_LONGEST["v1"]),
    "duration": _one_of(6, 10),
    "resolution": _one_of("512P", "768P", "1080P"),
    "first_frame_image": _medium,
    "last_frame_image": _medium,
    "subject_reference": lambda value: (
        isinstance(value, list)
        and len(value) == 1
        and value[0].keys() == {"type", "image"}
        and value[0]["type"] == "character"
        and len(value[0]["image"]) == 1
        and _medium(value[0]["image"][0])
    ),
    "prompt_optimizer": _flag,
    "fast_pretreatment": _flag,
    "callback_url": _url,
}


def wrong_v1(body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a body of `/v1/video_generation`; None for nothing."""
    model = body.get("model")
    if model not in V1:
        return "invalid params, model is not supported"

    fault = _wrong(body, _V1_FIELDS, [])
    if fault is not None:
        return fault

    framed = "first_frame_image" in body
    hailuo = model in HAILUO
    sizes = {"duration", "resolution"} & body.keys()
    resolution = body.get("resolution", "768P")
    return _first_fault(
        {
            "duration and resolution are fixed": sizes and not hailuo,
            "fast_pretreatment is not supported": "fast_pretreatment" in body and not hailuo,
            "1080P takes 6 seconds": resolution == "1080P" and body.get("duration", 6) != 6,  # noqa: PLR2004
            "512P needs MiniMax-Hailuo-02 and an image": resolution == "512P"
            and (model != "MiniMax-Hailuo-02" or not framed or "last_frame_image" in body),
            "first_frame_image is required": not framed
            and (str(model).startswith("I2V") or str(model).endswith("Fast")),
            "first_frame_image is not supported": framed and str(model).startswith(("T2V", "S2V")),
            "last_frame_image is not supported": "last_frame_image" in body
            and (model != "MiniMax-Hailuo-02" or not framed),
            "subject_reference": ("subject_reference" in body) != (model == "S2V-01"),
            "prompt is required": not framed and "prompt" not in body,
        }
    )


# ------------------------------------------------------------------------------------------ images
_IMAGE_FIELDS: Mapping[str, Check] = {
    "model": _one_of("image-01", "image-01-live"),
    "prompt": _text(_LONGEST["image"]),
    "aspect_ratio": _one_of(*_RATIOS, "3:2", "2:3"),
    "width": _whole(*_PIXELS),
    "height": _whole(*_PIXELS),
    "response_format": _one_of("url", "base64"),
    "seed": _whole(-(2**63), 2**63 - 1),
    "n": _whole(1, 9),
    "prompt_optimizer": _flag,
    "subject_reference": lambda value: (
        isinstance(value, list)
        and len(value) == 1
        and value[0].keys() == {"type", "image_file"}
        and value[0]["type"] == "character"
        and _medium(value[0]["image_file"])
    ),
}


def wrong_image(body: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a body of `/v1/image_generation`; None for nothing."""
    fault = _wrong(body, _IMAGE_FIELDS, ["model", "prompt"])
    if fault is not None:
        return fault

    sides = {"width", "height"} & body.keys()
    live = body["model"] == "image-01-live"
    return _first_fault(
        {
            "width and height go together": len(sides) == 1,
            "width and height must be multiples of 8": any(body[side] % 8 for side in sides),
            "give aspect_ratio, or width and height": sides and "aspect_ratio" in body,
            "width and height are not supported": sides and live,
            "21:9 is not supported": live and body.get("aspect_ratio") == "21:9",
        }
    )
