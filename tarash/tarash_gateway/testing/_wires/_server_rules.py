"""What self-hosted servers of videos and images accept, field by field, as their sources read.

Pure. Values of a form are text; those of JSON are what they are.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tarash.tarash_gateway.testing._wires import _checks as checks

_WORDS = {
    "missing": "{}: Field required",
    "unknown": "{}: Extra inputs are not permitted",
    "invalid": "{}: Input is not valid",
}
_size = checks.any_of(checks.one_of("auto"), checks.matches(r"[1-9]\d*x[1-9]\d*"))
_yes_no = checks.any_of(checks.is_flag, checks.one_of("true", "false"))


def _number(low: float, high: float) -> checks.Check:
    def holds(value: Any) -> bool:
        try:
            return not isinstance(value, bool) and low <= float(value) <= high
        except (TypeError, ValueError):
            return False

    return holds


def _whole(low: int, high: int) -> checks.Check:
    def holds(value: Any) -> bool:
        text = str(value)
        is_whole = not isinstance(value, bool) and re.fullmatch(r"-?\d+", text) is not None
        return is_whole and low <= int(text) <= high

    return holds


def _object(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return False

    return isinstance(value, dict)


def _seconds_text(value: Any) -> bool:
    return isinstance(value, str) and _whole(1, 10_000)(value)


_MANY, _INT64 = 100_000, 2**63 - 1
_SHARED: checks.Fields = {
    "prompt*": checks.is_text,
    "model": checks.is_text,
    "negative_prompt": checks.is_text,
    "size": _size,
    "seed": _whole(0, _INT64),
    "num_inference_steps": _whole(1, 200),
    "guidance_scale": _number(0, 20),
    "true_cfg_scale": _number(0, 20),
    "flow_shift": _number(0, 100),
    "extra_params": _object,
    "user": checks.is_text,
}
_VIDEO: checks.Fields = {
    **_SHARED,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
    "fps": _whole(1, 240),
    "num_frames": _whole(1, _MANY),
    "guidance_scale_2": _number(0, 20),
    "num_outputs_per_prompt": _whole(1, 10),
    "enable_frame_interpolation": _yes_no,
}
VLLM_VIDEO: checks.Fields = {
    **_VIDEO,
    "seconds": _seconds_text,
    "short_edge": _whole(1, _MANY),
    "aspect_ratio": checks.is_text,
    "boundary_ratio": _number(0, 1),
    "quality": checks.one_of("lossless", "high"),
    "generate_sound": _yes_no,
    "sound_duration": _number(0, _MANY),
    "lora": _object,
    "image_reference": _object,
    "video_reference": _object,
    "audio_reference": _object,
    "control_type": checks.is_text,
}
SGLANG_VIDEO: checks.Fields = {
    **_VIDEO,
    "seconds": _whole(1, 10_000),
    "n": _whole(1, 10),
    "task_type": checks.is_text,
    "reference_url": checks.is_text,
    "video_url": checks.is_text,
    "enhance_prompt": _yes_no,
    "enable_teacache": _yes_no,
    "enable_upscaling": _yes_no,
    "output_compression": _whole(0, 100),
    "diffusers_kwargs": _object,
}
_IMAGE: checks.Fields = {
    **_SHARED,
    "n": _whole(1, 10),
    "output_format": checks.one_of("png", "jpeg", "webp"),
    "output_compression": _whole(0, 100),
    "strength": _number(0, 1),
    "background": checks.is_text,
}
VLLM_IMAGE: checks.Fields = {
    **_IMAGE,
    "response_format": checks.one_of("b64_json", "file"),
    "layers": _whole(2, 10),
    "lora": _object,
}
SGLANG_IMAGE: checks.Fields = {
    **_IMAGE,
    "response_format": checks.one_of("b64_json"),
    "quality": checks.is_text,
    "style": checks.is_text,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
}
LOCALAI_VIDEO: checks.Fields = {
    "model": checks.is_text,
    "prompt*": checks.is_text,
    "negative_prompt": checks.is_text,
    "start_image": checks.is_text,
    "end_image": checks.is_text,
    "audio": checks.is_text,
    "input_reference": checks.is_text,
    "width": _whole(1, _MANY),
    "height": _whole(1, _MANY),
    "size": _size,
    "num_frames": _whole(1, _MANY),
    "fps": _whole(1, 240),
    "seconds": _seconds_text,
    "seed": _whole(0, _INT64),
    "cfg_scale": _number(0, 100),
    "step": _whole(1, 1000),
    "response_format": checks.one_of("url", "b64_json"),
    "params": _object,
}
LOCALAI_IMAGE: checks.Fields = {
    "model": checks.is_text,
    "prompt*": checks.is_text,
    "n": _whole(1, 10),
    "size": _size,
    "seed": _whole(0, _INT64),
    "step": _whole(1, 1000),
    "mode": _whole(0, 10),
    "file": checks.is_text,
    "files": checks.list_of(checks.anything),
    "ref_images": checks.list_of(checks.anything),
    "response_format": checks.one_of("url", "b64_json"),
}


def wrong(body: Mapping[str, Any], known: checks.Fields, files: tuple[str, ...] = ()) -> str:
    """Return what a server says of a body that it can't take; empty where it can."""
    return checks.wrong_in(body, {**known, **dict.fromkeys(files, checks.anything)}, _WORDS) or ""
