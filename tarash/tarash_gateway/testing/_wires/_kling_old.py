"""What Kling's older endpoints take (`/v1/...`), which alone make images; as `_kling_bodies`."""

from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing._wires._kling_bodies import (
    RATIOS,
    WATERMARK,
    Fields,
    is_flag,
    is_named,
    is_picture,
    is_share,
    is_text,
    is_url,
    list_of,
    object_of,
    one_of,
    whole,
    wrong,
)

_LONGEST = 2500
_SHOT = 512
_IMAGE_RATIOS = (*RATIOS, "4:3", "3:4", "3:2", "2:3", "21:9")
_COMMON: Fields = {
    "model_name": lambda _: True,
    "callback_url": is_url,
    "external_task_id": is_text(128),
    "watermark_info": WATERMARK,
}
_SECONDS = one_of(*(str(one) for one in range(3, 16)))
_CAMERA = object_of(
    {
        "type": one_of(
            "simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward"
        ),
        "config": lambda value: isinstance(value, dict) and len(value) == 1,
    },
    ["type"],
)
_VIDEO: Fields = {
    **_COMMON,
    "prompt": is_text(_LONGEST),
    "negative_prompt": is_text(_LONGEST),
    "cfg_scale": is_share,
    "mode": one_of("std", "pro", "4k"),
    "sound": one_of("on", "off"),
    "duration": _SECONDS,
    "multi_shot": is_flag,
    "shot_type": one_of("customize", "intelligence"),
    "multi_prompt": list_of(
        6, object_of({"index": whole(1, 6), "prompt": is_text(_SHOT), "duration": _SECONDS})
    ),
}
_ELEMENTS = list_of(3, object_of({"element_id": lambda one: isinstance(one, str | int)}))
_IMAGE: Fields = {
    **_COMMON,
    "prompt": is_text(_LONGEST),
    "n": whole(1, 9),
    "aspect_ratio": one_of(*_IMAGE_RATIOS),
}
OLD: Mapping[str, tuple[Fields, Sequence[str], Sequence[str]]] = {
    "videos/text2video": (
        {**_VIDEO, "aspect_ratio": one_of(*RATIOS), "camera_control": _CAMERA},
        ["prompt"],
        ["kling-v1", "kling-v1-6", "kling-v2-master", "kling-v2-1-master", "kling-v2-5-turbo",
         "kling-v2-6", "kling-v3"],
    ),
    "videos/image2video": (
        {
            **_VIDEO,
            "image": is_picture,
            "image_tail": is_picture,
            "static_mask": is_picture,
            "dynamic_masks": list_of(6, lambda one: isinstance(one, dict)),
            "camera_control": _CAMERA,
            "voice_list": list_of(2, object_of({"voice_id": is_named}, ["voice_id"])),
            "element_list": _ELEMENTS,
        },
        [],
        ["kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master", "kling-v2-1",
         "kling-v2-1-master", "kling-v2-5-turbo", "kling-v2-6", "kling-v3"],
    ),
    "videos/video-extend": (
        {
            **_COMMON,
            **{name: _VIDEO[name] for name in ("prompt", "negative_prompt", "cfg_scale")},
            "video_id": is_text(128),
        },
        ["video_id"],
        ["kling-v1", "kling-v1-5", "kling-v1-6"],
    ),
    "videos/multi-image2video": (
        {
            **_COMMON,
            **{name: _VIDEO[name] for name in ("prompt", "negative_prompt", "mode", "duration")},
            "image_list": list_of(4, object_of({"image": is_picture}, ["image"])),
            "aspect_ratio": one_of(*RATIOS),
        },
        ["image_list", "prompt"],
        ["kling-v1-6"],
    ),
    "videos/omni-video": (
        {
            **_VIDEO,
            "image_list": list_of(
                7,
                object_of(
                    {"image_url": is_picture, "type": one_of("first_frame", "end_frame")},
                    ["image_url"],
                ),
            ),
            "element_list": _ELEMENTS,
            "video_list": list_of(
                1,
                object_of(
                    {
                        "video_url": is_url,
                        "refer_type": one_of("feature", "base"),
                        "keep_original_sound": one_of("yes", "no"),
                    },
                    ["video_url"],
                ),
            ),
            "aspect_ratio": one_of(*RATIOS),
        },
        ["prompt"],
        ["kling-video-o1", "kling-v3-omni"],
    ),
    "images/generations": (
        {
            **_IMAGE,
            "negative_prompt": is_text(_LONGEST),
            "image": is_picture,
            "image_reference": one_of("subject", "face"),
            "image_fidelity": is_share,
            "human_fidelity": is_share,
            "element_list": _ELEMENTS,
            "resolution": one_of("1k", "2k"),
        },
        ["prompt"],
        ["kling-v1", "kling-v1-5", "kling-v2", "kling-v2-new", "kling-v2-1", "kling-v3"],
    ),
    "images/omni-image": (
        {
            **_IMAGE,
            "aspect_ratio": one_of(*_IMAGE_RATIOS, "auto"),
            "resolution": one_of("1k", "2k", "4k"),
            "image_list": list_of(10, object_of({"image": is_picture}, ["image"])),
            "element_list": list_of(10, lambda one: isinstance(one, dict)),
            "result_type": one_of("single", "series"),
            "series_amount": lambda _: True,
        },
        ["prompt"],
        ["kling-image-o1", "kling-v3-omni"],
    ),
    "images/multi-image2image": (
        {
            **_IMAGE,
            "subject_image_list": list_of(
                4, object_of({"subject_image": is_picture}, ["subject_image"])
            ),
            "scene_image": is_picture,
            "style_image": is_picture,
        },
        ["prompt", "subject_image_list"],
        ["kling-v2-1"],
    ),
    "images/kolors-virtual-try-on": (
        {
            **{name: _COMMON[name] for name in ("model_name", "callback_url", "external_task_id")},
            "human_image": is_picture,
            "cloth_image": is_picture,
        },
        ["human_image", "cloth_image"],
        ["kolors-virtual-try-on-v1", "kolors-virtual-try-on-v1-5"],
    ),
}  # fmt: skip
_NO_CFG = ("kling-v2", "kling-v3", "kling-video")
_V3 = ("kling-v3", "kling-v3-omni", "kling-video-o1")


def wrong_old(endpoint: str, body: Mapping[str, Any]) -> str | None:
    """Say what an endpoint of the older design refuses; None for nothing."""
    fields, needed, models = OLD[endpoint]
    # The field `model` is one of other vendors: it is taken, and means nothing here.
    body = {name: value for name, value in body.items() if name != "model"}
    fault = wrong(body, fields, needed)
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
        exclusive = [one for one in ("image_tail", "static_mask", "camera_control") if one in body]
        if not {"image", "image_tail"} & body.keys() or len(exclusive) > 1:
            return "image and image_tail can not both be empty; give one control at most"

    return None
