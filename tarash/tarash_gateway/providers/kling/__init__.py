"""Kling: the API 2.0, whose models stand in the path, and the older one, which makes images."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__, "kling", "Kling", keys=("KLINGAI_API_KEY", "KLING_API_KEY"), aliases=("klingai",)
)
