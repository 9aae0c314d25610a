"""WaveSpeed: a thousand models of others behind one protocol of jobs; a model's id is its path."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__, "wavespeed", "WaveSpeed", keys=("WAVESPEED_API_KEY",), schemas_of=("wavespeed.ai",)
)
