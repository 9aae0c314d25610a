"""Black Forest Labs: FLUX images and videos, each a job on the host that took it."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__,
    "bfl",
    "Black Forest Labs",
    keys=("BFL_API_KEY",),
    aliases=("black-forest-labs",),
)
