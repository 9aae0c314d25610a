"""Recraft: images and drawings at once, in the shape of OpenAI's API, with what each has cost."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__,
    "recraft",
    "Recraft",
    keys=("RECRAFT_API_TOKEN", "RECRAFT_API_KEY"),
    modalities=("image",),
)
