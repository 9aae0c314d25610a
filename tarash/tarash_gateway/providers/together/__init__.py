"""Together AI: videos of many vendors as jobs, images at once."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__, "together", "Together AI", keys=("TOGETHER_API_KEY",), aliases=("togetherai",)
)
