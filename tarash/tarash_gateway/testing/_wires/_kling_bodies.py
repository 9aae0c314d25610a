"""What Kling's endpoints take: a strict reader of bodies, written from the vendor's pages.

The pages of 2026-09-20, and those of the older API of 2026-02-03. What a page doesn't name is
refused, as the API does with values; it shares nothing with the package's declaration.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Check = Callable[[Any], bool]
Fields = Mapping[str, Check]
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
RATIOS = ("16:9", "9:16", "1:1")
LONGEST = 3072


def is_text(longest: int = LONGEST) -> Check:
    return lambda value: isinstance(value, str) and 0 < len(value) <= longest


def one_of(*values: Any) -> Check:
    return lambda value: any(value == one and type(value) is type(one) for one in values)


def whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_url(value: Any) -> bool:
    return isinstance(value, str) and re.match(r"https?://", value) is not None


def is_picture(value: Any) -> bool:
    """Take a URL, or base64 without the prefix of a data URI."""
    return is_url(value) or (isinstance(value, str) and _BASE64.fullmatch(value) is not None)


def list_of(most: int, check: Check) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(check, value))


def object_of(fields: Fields, needed: Sequence[str] = ()) -> Check:
    def check(value: Any) -> bool:
        return isinstance(value, dict) and wrong(value, fields, needed) is None

    return check


def wrong(body: Mapping[str, Any], fields: Fields, needed: Sequence[str]) -> str | None:
    unknown = sorted(body.keys() - fields.keys())
    if unknown:
        return f"unknown field {unknown[0]}"

    missing = [name for name in needed if name not in body]
    if missing:
        return f"{missing[0]} can not be empty"

    bad = [name for name, value in body.items() if not fields[name](value)]
    return f"{bad[0]} value '{str(body[bad[0]])[:40]}' is invalid" if bad else None


WATERMARK = object_of({"enabled": is_flag}, ["enabled"])
_OPTIONS = object_of(
    {"callback_url": is_url, "external_task_id": is_text(128), "watermark_info": WATERMARK}
)
_ID = re.compile(r"[\w-]{1,64}")


def is_named(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


_CONTENTS: Mapping[str, tuple[Fields, Sequence[str]]] = {
    "prompt": ({"text": is_text()}, ["text"]),
    **dict.fromkeys(("first_frame", "last_frame", "image"), ({"url": is_picture}, ["url"])),
    "video": ({"url": is_url}, ["url"]),
    "refer_image": ({"url": is_picture, "id": is_named}, ["url"]),
    **dict.fromkeys(("feature_video", "base_video"), ({"url": is_url, "id": is_named}, ["url"])),
    "element": ({"element_id": is_named, "id": is_named}, ["element_id", "id"]),
    "voice": ({"voice_id": is_named, "id": is_named}, ["voice_id", "id"]),
}
_P720 = {"resolution": one_of("720p", "1080p")}
_P4K = {"resolution": one_of("720p", "1080p", "4k")}
_LONG = {"duration": whole(3, 15)}
_SHORT = {"duration": one_of(5, 10)}
_RATIO = {"aspect_ratio": one_of(*RATIOS)}
_SHOTS = {"multi_shot": is_flag}
_SOUND = {"audio": one_of("native", "off")}
_KEPT = {"audio": one_of("original", "off")}
_MOVED = {**_P720, **_KEPT, "character_orientation": one_of("image", "video")}

# The endpoints: what their settings are, and which contents they take; None for a prompt alone.
NEW: Mapping[str, tuple[Fields, tuple[str, ...] | None]] = {
    "text-to-video/kling-3.0-turbo": ({**_P720, **_LONG, **_RATIO}, None),
    "text-to-video/kling-3.0": ({**_P4K, **_LONG, **_RATIO, **_SOUND, **_SHOTS}, None),
    "text-to-video/kling-2.6": ({**_P720, **_SHORT, **_RATIO, **_SOUND}, None),
    "text-to-video/kling-2.5-turbo": ({**_P720, **_SHORT, **_RATIO}, None),
    "image-to-video/kling-3.0-turbo": ({**_P720, **_LONG}, ("prompt", "first_frame")),
    "image-to-video/kling-3.0": (
        {**_P4K, **_LONG, **_SOUND, **_SHOTS},
        ("prompt", "first_frame", "last_frame", "element"),
    ),
    "image-to-video/kling-2.6": (
        {**_P720, **_SHORT, **_SOUND},
        ("prompt", "first_frame", "last_frame", "voice"),
    ),
    "image-to-video/kling-2.5-turbo": (
        {**_P720, **_SHORT},
        ("prompt", "first_frame", "last_frame"),
    ),
    "omni-video/kling-3.0-omni": (
        {**_P4K, **_LONG, **_RATIO, **_SHOTS, "audio": one_of("native", "original", "off")},
        ("prompt", "first_frame", "last_frame", "refer_image", "feature_video", "base_video",
         "element"),
    ),
    "omni-video/kling-o1": (
        {**_P720, **_RATIO, **_KEPT, "duration": whole(3, 10)},
        ("prompt", "first_frame", "last_frame", "refer_image", "feature_video", "base_video",
         "element"),
    ),
    "motion-control/kling-3.0": (_MOVED, ("prompt", "image", "video", "element")),
    "motion-control/kling-2.6": (_MOVED, ("prompt", "image", "video")),
}  # fmt: skip


def wrong_new(endpoint: str, body: Mapping[str, Any]) -> str | None:
    """Say what an endpoint of the new design refuses; None for nothing."""
    settings, types = NEW[endpoint]
    inputs: Fields = {"prompt": is_text()} if types is None else {"contents": lambda _: True}
    needed = [*inputs]
    fields = {**inputs, "settings": object_of(settings), "options": _OPTIONS}
    fault = wrong(body, fields, needed)
    if fault is None and types is not None:
        fault = _wrong_contents(body["contents"], types)

    if fault is None:
        fault = _wrong_together(endpoint, body.get("settings", {}), body.get("contents", ()))

    return fault


def _wrong_contents(contents: Any, types: Sequence[str]) -> str | None:
    if not isinstance(contents, list) or not contents:
        return "contents can not be empty"

    for item in contents:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind not in types:
            return f"contents.type value '{kind}' is invalid"

        fields, needed = _CONTENTS[str(kind)]
        fault = wrong(item, {"type": lambda _: True, **fields}, needed)
        if fault is not None:
            return f"contents.{kind}: {fault}"

    return None


def _wrong_together(
    endpoint: str, settings: Mapping[str, Any], contents: Sequence[Mapping[str, Any]]
) -> str | None:
    given = [str(item["type"]) for item in contents]
    task, _, model = endpoint.partition("/")
    checks = {
        "motion-control": lambda: _wrong_motion(given, settings),
        "omni-video": lambda: _wrong_omni(model, given, settings),
        "image-to-video": lambda: _wrong_frames(given),
    }
    fault = checks.get(task, lambda: None)()
    native = model == "kling-2.6" and settings.get("audio") == "native"
    if native and (settings.get("resolution") != "1080p" or "last_frame" in given):
        fault = fault or "audio native needs 1080p, and no last frame"

    if fault is None and model in {"kling-2.6", "kling-2.5-turbo"} and "last_frame" in given:
        return None if settings.get("resolution") == "1080p" else "last_frame needs 1080p"

    return fault


def _wrong_frames(given: Sequence[str]) -> str | None:
    if given.count("first_frame") != 1 or given.count("last_frame") > 1:
        return "first_frame can not be empty"

    return "element: at most 3" if given.count("element") > 3 else None  # noqa: PLR2004


def _wrong_motion(given: Sequence[str], settings: Mapping[str, Any]) -> str | None:
    if given.count("image") != 1 or given.count("video") != 1:
        return "image and video can not be empty"

    return None if "character_orientation" in settings else "character_orientation can not be empty"


def _wrong_omni(model: str, given: Sequence[str], settings: Mapping[str, Any]) -> str | None:
    videos = [one for one in given if one in {"feature_video", "base_video"}]
    pictures = given.count("refer_image") + given.count("element")
    framed, audio = "first_frame" in given, settings.get("audio")
    lone = model == "kling-o1" and framed and not videos and not pictures
    both = model == "kling-o1" and "last_frame" in given
    edits = "base_video" in videos
    rules = {
        "too many references": len(videos) > 1 or pictures > (4 if videos else 7),
        "last frame only is not supported": "last_frame" in given and not framed,
        "base_video takes no frames and no multi_shot": edits
        and (framed or settings.get("multi_shot", model != "kling-o1")),
        "audio native is not supported with a video": videos and audio == "native",
        "audio original needs a video": not videos and audio == "original",
        "aspect_ratio can not be empty": not videos
        and not framed
        and "aspect_ratio" not in settings,
        "duration value is invalid": lone and settings.get("duration", 5) not in {5, 10},
        "last_frame takes no references": both and pictures,
    }
    return next((fault for fault, holds in rules.items() if holds), None)
