"""ByteDance: Seedance videos and Seedream images, on BytePlus ModelArk and Volcengine Ark."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__,
    "bytedance",
    "ByteDance",
    keys=("ARK_API_KEY", "BYTEPLUS_API_KEY", "VOLCENGINE_ARK_API_KEY"),
    aliases=("byteplus", "volcengine"),
)
