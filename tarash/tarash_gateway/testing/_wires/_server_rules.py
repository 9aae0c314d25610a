"""What self-hosted servers of videos and images accept, field by field, as their sources read.

Pure. Values of a form are text; those of JSON are what they are.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]

_SIZE = re.compile(r"[1-9]\d*x[1-9]\d*")


def _number(low: float, high: float) -> Check:
    def holds(value: Any) -> bool:
        try:
            return not isinstance(value, bool) and low <= float(value) <= high
        except (TypeError, ValueError):
            return False

    return holds


def _whole(low: int, high: int) -> Check:
    def holds(value: Any) -> bool:
        text = str(value)
        is_whole = not isinstance(value, bool) and re.fullmatch(r"-?\d+", text) is not None
        return is_whole and low <= int(text) <= high

    return holds


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _one_of(*words: str) -> Check:
    return lambda value: value in words


def _size(value: Any) -> bool:
    return isinstance(value, str) and (value == "auto" or _SIZE.fullmatch(value) is not None)


def _yes_no(value: Any) -> bool:
    return value in (True, False, "true", "false")


def _object(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return False

    return isinstance(value, dict)


def _seconds_text(value: Any) -> bool:
    return isinstance(value, str) and _whole(1, 10_000)(value)


def _seconds_number(value: Any) -> bool:
    return _whole(1, 10_000)(value)


_MANY, _INT64 = 100_000, 2**63 - 1
_SHARED: dict[str, Check] = {
    "prompt": _text,
    "model": _text,
    "negative_prompt": _text,
    "size": _size,
    "seed": _whole(0, _INT64),
    "num_inference_steps": _whole(1, 200),
    "guidance_scale": _number(0, 20),
    "true_cfg_scale": _number(0, 20),
    "flow_shift": _number(0, 100),
    "extra_params": _object,
    "user": _text,
}
_VIDEO: dict[str, Check] = {
    **_SHARED,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
    "fps": _whole(1, 240),
    "num_frames": _whole(1, _MANY),
    "guidance_scale_2": _number(0, 20),
    "num_outputs_per_prompt": _whole(1, 10),
    "enable_frame_interpolation": _yes_no,
}
VLLM_VIDEO: Mapping[str, Check] = {
    **_VIDEO,
    "seconds": _seconds_text,
    "short_edge": _whole(1, _MANY),
    "aspect_ratio": _text,
    "boundary_ratio": _number(0, 1),
    "quality": _one_of("lossless", "high"),
    "generate_sound": _yes_no,
    "sound_duration": _number(0, _MANY),
    "lora": _object,
    "image_reference": _object,
    "video_reference": _object,
    "audio_reference": _object,
    "control_type": _text,
}
SGLANG_VIDEO: Mapping[str, Check] = {
    **_VIDEO,
    "seconds": _seconds_number,
    "n": _whole(1, 10),
    "task_type": _text,
    "reference_url": _text,
    "video_url": _text,
    "enhance_prompt": _yes_no,
    "enable_teacache": _yes_no,
    "enable_upscaling": _yes_no,
    "output_compression": _whole(0, 100),
    "diffusers_kwargs": _object,
}
_IMAGE: dict[str, Check] = {
    **_SHARED,
    "n": _whole(1, 10),
    "output_format": _one_of("png", "jpeg", "webp"),
    "output_compression": _whole(0, 100),
    "strength": _number(0, 1),
    "background": _text,
}
VLLM_IMAGE: Mapping[str, Check] = {
    **_IMAGE,
    "response_format": _one_of("b64_json", "file"),
    "layers": _whole(2, 10),
    "lora": _object,
}
SGLANG_IMAGE: Mapping[str, Check] = {
    **_IMAGE,
    "response_format": _one_of("b64_json"),
    "quality": _text,
    "style": _text,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
}
LOCALAI_VIDEO: Mapping[str, Check] = {
    "model": _text,
    "prompt": _text,
    "negative_prompt": _text,
    "start_image": _text,
    "end_image": _text,
    "audio": _text,
    "input_reference": _text,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
    "size": _size,
    "num_frames": _whole(1, _MANY),
    "fps": _whole(1, 240),
    "seconds": _seconds_text,
    "seed": _whole(0, _INT64),
    "cfg_scale": _number(0, 100),
    "step": _whole(1, 1000),
    "response_format": _one_of("url", "b64_json"),
    "params": _object,
}
LOCALAI_IMAGE: Mapping[str, Check] = {
    "model": _text,
    "prompt": _text,
    "n": _whole(1, 10),
    "size": _size,
    "seed": _whole(0, _INT64),
    "step": _whole(1, 1000),
    "mode": _whole(0, 10),
    "file": _text,
    "files": lambda value: isinstance(value, list),
    "ref_images": lambda value: isinstance(value, list),
    "response_format": _one_of("url", "b64_json"),
}


def wrong(body: Mapping[str, Any], known: Mapping[str, Check], files: tuple[str, ...] = ()) -> str:
    """Return what a server says of a body that it can't take; empty where it can."""
    if not _text(body.get("prompt")):
        return "prompt: Field required"

    for name, value in body.items():
        if name in files:
            continue

        if name not in known:
            return f"{name}: Extra inputs are not permitted"

        if not known[name](value):
            return f"{name}: Input is not valid"

    return ""
