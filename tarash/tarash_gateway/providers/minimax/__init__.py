"""MiniMax: H3 videos on its API V2, Hailuo and the 01 series on V1, and image-01."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__, "minimax", "MiniMax", keys=("MINIMAX_API_KEY",), aliases=("hailuo",)
)
