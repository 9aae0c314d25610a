"""Ideogram: the API v2, whose pictures and videos are made by its models and by others'."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(__name__, "ideogram", "Ideogram", keys=("IDEOGRAM_API_KEY",))
