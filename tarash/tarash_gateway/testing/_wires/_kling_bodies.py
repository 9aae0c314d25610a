"""What Kling's endpoints take: a strict reader of bodies, written from the vendor's pages.

The pages of 2026-09-20, and those of the older API of 2026-02-03 (`/v1/...`), which alone makes
images. What a page doesn't name is
refused, as the API does with values; it shares nothing with the package's declaration.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks

RATIOS = ("16:9", "9:16", "1:1")
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
_PROMPT = checks.text(3072)
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


# ------------------------------------------------------------------------------- the older design
_OLD_PROMPT = checks.text(2500)
_SHOT = 512
_SHARE = checks.number(0, 1)
_IMAGE_RATIOS = (*RATIOS, "4:3", "3:4", "3:2", "2:3", "21:9")
_COMMON: checks.Fields = {
    "model_name": checks.anything,
    "callback_url": checks.is_url,
    "external_task_id": checks.text(128),
    "watermark_info": WATERMARK,
}
_SECONDS = checks.one_of(*map(str, range(3, 16)))
_CAMERA = checks.object_of(
    {
        "type*": checks.one_of(
            "simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward"
        ),
        "config": lambda value: isinstance(value, dict) and len(value) == 1,
    }
)
_VIDEO: checks.Fields = {
    **_COMMON,
    "prompt": _OLD_PROMPT,
    "negative_prompt": _OLD_PROMPT,
    "cfg_scale": _SHARE,
    "mode": checks.one_of("std", "pro", "4k"),
    "sound": checks.one_of("on", "off"),
    "duration": _SECONDS,
    "multi_shot": checks.is_flag,
    "shot_type": checks.one_of("customize", "intelligence"),
    "multi_prompt": checks.list_of(
        checks.object_of(
            {"index": checks.whole(1, 6), "prompt": checks.text(_SHOT), "duration": _SECONDS}
        ),
        6,
    ),
}
_ELEMENTS = checks.list_of(
    checks.object_of({"element_id": checks.any_of(checks.is_text, checks.is_whole)}), 3
)
_IMAGE: checks.Fields = {
    **_COMMON,
    "prompt*": _OLD_PROMPT,
    "n": checks.whole(1, 9),
    "aspect_ratio": checks.one_of(*_IMAGE_RATIOS),
}
OLD: Mapping[str, tuple[checks.Fields, Sequence[str]]] = {
    "videos/text2video": (
        {
            **_VIDEO,
            "prompt*": _OLD_PROMPT,
            "aspect_ratio": checks.one_of(*RATIOS),
            "camera_control": _CAMERA,
        },
        ["kling-v1", "kling-v1-6", "kling-v2-master", "kling-v2-1-master", "kling-v2-5-turbo",
         "kling-v2-6", "kling-v3"],
    ),
    "videos/image2video": (
        {
            **_VIDEO,
            "image": is_picture,
            "image_tail": is_picture,
            "static_mask": is_picture,
            "dynamic_masks": checks.list_of(checks.is_object, 6),
            "camera_control": _CAMERA,
            "voice_list": checks.list_of(checks.object_of({"voice_id*": is_named}), 2),
            "element_list": _ELEMENTS,
        },
        ["kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master", "kling-v2-1",
         "kling-v2-1-master", "kling-v2-5-turbo", "kling-v2-6", "kling-v3"],
    ),
    "videos/video-extend": (
        {
            **_COMMON,
            **{name: _VIDEO[name] for name in ("prompt", "negative_prompt", "cfg_scale")},
            "video_id*": checks.text(128),
        },
        ["kling-v1", "kling-v1-5", "kling-v1-6"],
    ),
    "videos/multi-image2video": (
        {
            **_COMMON,
            **{name: _VIDEO[name] for name in ("negative_prompt", "mode", "duration")},
            "prompt*": _OLD_PROMPT,
            "image_list*": checks.list_of(checks.object_of({"image*": is_picture}), 4),
            "aspect_ratio": checks.one_of(*RATIOS),
        },
        ["kling-v1-6"],
    ),
    "videos/omni-video": (
        {
            **_VIDEO,
            "prompt*": _OLD_PROMPT,
            "image_list": checks.list_of(
                checks.object_of(
                    {"image_url*": is_picture, "type": checks.one_of("first_frame", "end_frame")}
                ),
                7,
            ),
            "element_list": _ELEMENTS,
            "video_list": checks.list_of(
                checks.object_of(
                    {
                        "video_url*": checks.is_url,
                        "refer_type": checks.one_of("feature", "base"),
                        "keep_original_sound": checks.one_of("yes", "no"),
                    }
                ),
                1,
            ),
            "aspect_ratio": checks.one_of(*RATIOS),
        },
        ["kling-video-o1", "kling-v3-omni"],
    ),
    "images/generations": (
        {
            **_IMAGE,
            "negative_prompt": _OLD_PROMPT,
            "image": is_picture,
            "image_reference": checks.one_of("subject", "face"),
            "image_fidelity": _SHARE,
            "human_fidelity": _SHARE,
            "element_list": _ELEMENTS,
            "resolution": checks.one_of("1k", "2k"),
        },
        ["kling-v1", "kling-v1-5", "kling-v2", "kling-v2-new", "kling-v2-1", "kling-v3"],
    ),
    "images/omni-image": (
        {
            **_IMAGE,
            "aspect_ratio": checks.one_of(*_IMAGE_RATIOS, "auto"),
            "resolution": checks.one_of("1k", "2k", "4k"),
            "image_list": checks.list_of(checks.object_of({"image*": is_picture}), 10),
            "element_list": checks.list_of(checks.is_object, 10),
            "result_type": checks.one_of("single", "series"),
            "series_amount": checks.anything,
        },
        ["kling-image-o1", "kling-v3-omni"],
    ),
    "images/multi-image2image": (
        {
            **_IMAGE,
            "subject_image_list*": checks.list_of(
                checks.object_of({"subject_image*": is_picture}), 4
            ),
            "scene_image": is_picture,
            "style_image": is_picture,
        },
        ["kling-v2-1"],
    ),
    "images/kolors-virtual-try-on": (
        {
            **{name: _COMMON[name] for name in ("model_name", "callback_url", "external_task_id")},
            "human_image*": is_picture,
            "cloth_image*": is_picture,
        },
        ["kolors-virtual-try-on-v1", "kolors-virtual-try-on-v1-5"],
    ),
}  # fmt: skip
_NO_CFG = ("kling-v2", "kling-v3", "kling-video")
_V3 = ("kling-v3", "kling-v3-omni", "kling-video-o1")


def wrong_old(endpoint: str, body: Mapping[str, Any]) -> str | None:
    """Say what an endpoint of the older design refuses; None for nothing."""
    fields, models = OLD[endpoint]
    # The field `model` is one of other vendors: it is taken, and means nothing here.
    body = {name: value for name, value in body.items() if name != "model"}
    fault = wrong(body, fields)
    if fault is not None:
        return fault

    model = body.get("model_name", "kling-v1")
    if model not in models:
        return f"model_name value '{model}' is invalid"

    return _wrong_of_model(endpoint, model, body)


def _wrong_of_model(endpoint: str, model: str, body: Mapping[str, Any]) -> str | None:
    if body.get("cfg_scale") is not None and model.startswith(_NO_CFG):
        return "cfg_scale is not supported by the model"

    if "duration" in body and model not in _V3 and body["duration"] not in {"5", "10"}:
        return "duration value is invalid"

    loud = body.get("sound") == "on" and model == "kling-v2-6"
    if loud and (body.get("mode", "std") != "pro" or "image_tail" in body):
        return "sound needs mode pro, and no image_tail"

    if "sound" in body and model not in {"kling-v2-6", *_V3}:
        return "sound is not supported by the model"

    if endpoint == "videos/image2video":
        exclusive = [
            control
            for control in ("image_tail", "static_mask", "camera_control")
            if control in body
        ]
        if not {"image", "image_tail"} & body.keys() or len(exclusive) > 1:
            return "image and image_tail can not both be empty; give one control at most"

    return None
