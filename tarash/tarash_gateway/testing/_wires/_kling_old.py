"""What Kling's older endpoints take (`/v1/...`), which alone make images; as `_kling_bodies`."""

from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks
from tarash.tarash_gateway.testing._wires._kling_bodies import (
    RATIOS,
    WATERMARK,
    is_named,
    is_picture,
    wrong,
)

_PROMPT = checks.text(2500)
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
    "prompt": _PROMPT,
    "negative_prompt": _PROMPT,
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
    "prompt*": _PROMPT,
    "n": checks.whole(1, 9),
    "aspect_ratio": checks.one_of(*_IMAGE_RATIOS),
}
OLD: Mapping[str, tuple[checks.Fields, Sequence[str]]] = {
    "videos/text2video": (
        {
            **_VIDEO,
            "prompt*": _PROMPT,
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
            "prompt*": _PROMPT,
            "image_list*": checks.list_of(checks.object_of({"image*": is_picture}), 4),
            "aspect_ratio": checks.one_of(*RATIOS),
        },
        ["kling-v1-6"],
    ),
    "videos/omni-video": (
        {
            **_VIDEO,
            "prompt*": _PROMPT,
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
            "negative_prompt": _PROMPT,
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
