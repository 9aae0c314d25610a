"""Where predictions of a model are made, and which models make what. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..._data._hints import use_function
from ..._http._client import segments
from ...exceptions import ValidationError
from ...mapping import longest_prefix
from .models import IMAGE_MODELS, MODELS
from .schemas import MODEL

if TYPE_CHECKING:
    from ..._data._exchange import Call

VERSION = re.compile(r"[0-9a-f]{64}")


def check_kind(call: Call, model: str) -> None:
    """Refuse what would be billed and be of no use: an image for a video, or the reverse."""
    makes = "image" if model.startswith(IMAGE_MODELS) else "video"
    known = makes == "image" or longest_prefix(model, MODELS) is not None
    if known and makes != call.kind:
        raise ValidationError(f"{model} makes {makes}s", hints=[use_function(makes)])


def place_of(model: str) -> tuple[str, str | None]:
    """Return where predictions of a model are made, and the version to name there, if any."""
    if VERSION.fullmatch(model):
        return "v1/predictions", model

    match = MODEL.fullmatch(model)
    if match is None:
        raise ValidationError(
            f"{model!r} is no model of Replicate; write owner/name, owner/name:version, a "
            "version's 64 characters, or deployments/owner/name"
        )

    if match["version"]:
        return "v1/predictions", match["version"]

    kind = "deployments" if match["deployment"] else "models"
    name = segments(f"{match['owner']}/{match['name']}")
    return f"v1/{kind}/{name}/predictions", None
