"""What Kling's endpoints take: a strict reader of bodies, written from the vendor's pages.

The pages of 2026-09-20, and those of the older API of 2026-02-03. What a page doesn't name is
refused, as the API does with values; it shares nothing with the package's declaration.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks

RATIOS = ("16:9", "9:16", "1:1")
LONGEST = 3072
_WORDS = {
    "unknown": "unknown field {}",
    "missing": "{} can not be empty",
    "invalid": "{} value '{}' is invalid",
}
is_picture = checks.any_of(checks.is_url, checks.is_base64)
"""A URL, or base64 without the prefix of a data URI."""
is_named = checks.matches(r"[\w-]{1,64}")


def wrong(body: Mapping[str, Any], fields: checks.Fields) -> str | None:
    return checks.wrong_in(body, fields, _WORDS)


WATERMARK = checks.object_of({"enabled*": checks.is_flag})
_OPTIONS = checks.object_of(
    {
        "callback_url": checks.is_url,
        "external_task_id": checks.text(128),
        "watermark_info": WATERMARK,
    }
)
_PROMPT = checks.text(LONGEST)
_PICTURE: checks.Fields = {"url*": is_picture}
_FILM: checks.Fields = {"url*": checks.is_url, "id": is_named}
_CONTENTS: Mapping[str, checks.Fields] = {
    "prompt": {"text*": _PROMPT},
    **dict.fromkeys(("first_frame", "last_frame", "image"), _PICTURE),
    "video": {"url*": checks.is_url},
    "refer_image": {**_PICTURE, "id": is_named},
    **dict.fromkeys(("feature_video", "base_video"), _FILM),
    "element": {"element_id*": is_named, "id*": is_named},
    "voice": {"voice_id*": is_named, "id*": is_named},
}
_P720 = {"resolution": checks.one_of("720p", "1080p")}
_P4K = {"resolution": checks.one_of("720p", "1080p", "4k")}
_LONG = {"duration": checks.whole(3, 15)}
_SHORT = {"duration": checks.one_of(5, 10)}
_RATIO = {"aspect_ratio": checks.one_of(*RATIOS)}
_SHOTS = {"multi_shot": checks.is_flag}
_SOUND = {"audio": checks.one_of("native", "off")}
_KEPT = {"audio": checks.one_of("original", "off")}
_MOVED = {**_P720, **_KEPT, "character_orientation": checks.one_of("image", "video")}

# The endpoints: what their settings are, and which contents they take; None for a prompt alone.
NEW: Mapping[str, tuple[checks.Fields, tuple[str, ...] | None]] = {
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
        {**_P4K, **_LONG, **_RATIO, **_SHOTS, "audio": checks.one_of("native", "original", "off")},
        ("prompt", "first_frame", "last_frame", "refer_image", "feature_video", "base_video",
         "element"),
    ),
    "omni-video/kling-o1": (
        {**_P720, **_RATIO, **_KEPT, "duration": checks.whole(3, 10)},
        ("prompt", "first_frame", "last_frame", "refer_image", "feature_video", "base_video",
         "element"),
    ),
    "motion-control/kling-3.0": (_MOVED, ("prompt", "image", "video", "element")),
    "motion-control/kling-2.6": (_MOVED, ("prompt", "image", "video")),
}  # fmt: skip


def wrong_new(endpoint: str, body: Mapping[str, Any]) -> str | None:
    """Say what an endpoint of the new design refuses; None for nothing."""
    settings, types = NEW[endpoint]
    inputs: checks.Fields = (
        {"prompt*": _PROMPT} if types is None else {"contents*": checks.anything}
    )
    fault = wrong(body, {**inputs, "settings": checks.object_of(settings), "options": _OPTIONS})
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

        fault = wrong(item, {"type": checks.anything, **_CONTENTS[str(kind)]})
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
    videos = [kind for kind in given if kind in {"feature_video", "base_video"}]
    pictures = given.count("refer_image") + given.count("element")
    framed, audio = "first_frame" in given, settings.get("audio")
    lone = model == "kling-o1" and framed and not videos and not pictures
    both = model == "kling-o1" and "last_frame" in given
    edits = "base_video" in videos
    return checks.first_fault(
        {
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
    )
