"""LocalAI: whatever it serves takes the same parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._data._types import ImageRole
from ...mapping import FieldMapper, n_images_field_mapper, passthrough_field_mapper
from ...media import to_wire
from .._server_models import COMMON, SIZE, Mappers, image_size, whole_seconds

__all__ = ["IMAGE_FALLBACK", "MODELS", "VIDEO_FALLBACK"]

MODELS: Mapping[str, Mappers] = {}
NEGATIVE_MARK = "|"
"""What stands between the prompt of an image and what to avoid."""


def _frame(*roles: ImageRole) -> FieldMapper:
    def convert(_request: object, images: Any) -> str | None:
        fitting = [image["image"] for image in images if image.get("type") in roles]
        return to_wire(fitting[0], "localai") if fitting else None

    return FieldMapper("image_list", convert, roles=roles, most=1)


def _references(_request: object, images: Any) -> list[str] | None:
    # Bare base64: a data URI is known of videos only.
    images_sent = [to_wire(image["image"], "localai") for image in images]
    return [image.partition(";base64,")[2] or image for image in images_sent] or None


def _prompt(request: Any, prompt: str) -> str:
    avoided = request.negative_prompt
    return prompt if avoided is None else f"{prompt}{NEGATIVE_MARK}{avoided}"


VIDEO_FALLBACK: Mappers = {
    **COMMON,
    **SIZE,
    "seconds": whole_seconds(lambda value: str(int(value))),
    "start_image": _frame("first_frame"),
    "end_image": _frame("last_frame"),
    "input_reference": _frame("reference"),
}
IMAGE_FALLBACK: Mappers = {
    "prompt": FieldMapper("prompt", _prompt, required=True, also=("negative_prompt",)),
    "n": n_images_field_mapper(),
    "size": FieldMapper("size", lambda request, _size: image_size(request), also=("aspect_ratio",)),
    "seed": passthrough_field_mapper("seed"),
    "ref_images": FieldMapper("image_list", _references, roles=("reference", "asset")),
}
