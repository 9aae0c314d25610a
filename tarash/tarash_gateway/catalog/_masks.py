"""Which pixels of a mask a model changes: as its provider says, else as its schema does. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..mapping import longest_prefix
from ._sources import is_described, module_of

if TYPE_CHECKING:
    from ..media._mask import MaskForm
    from ._spec import ModelSpec

CHANGED = "inpaint|paint|edit|replac|fill|chang|modif|regenerat|remov|eras|sketch|transparen"


def _changing(colour: str, other: str) -> re.Pattern[str]:
    kept = f"{other}|keep|kept|preserv"
    return re.compile(rf"\b{colour}\b(?:(?!{kept})[^.;])*?\b\w*?(?:{CHANGED})", re.IGNORECASE)


BLACK, WHITE = _changing("black", "white"), _changing("white", "black")


def mask_form_of(spec: ModelSpec) -> MaskForm:
    """Return which pixels of a mask a model changes; white ones where nobody says."""
    if is_described(spec.provider):
        declared: Mapping[str, MaskForm] = getattr(module_of(spec.provider), "MASKS", {})
        matched = longest_prefix(spec.model, declared)
        if matched is not None:
            return declared[matched]

    properties: Mapping[str, Any] = (spec.schema or {}).get("properties") or {}
    for parameter, mapper in spec.mappers.items():
        if mapper.source_field == "mask_image":
            description = str((properties.get(parameter) or {}).get("description") or "")
            return (
                "black" if BLACK.search(description) and not WHITE.search(description) else "white"
            )

    return "white"
