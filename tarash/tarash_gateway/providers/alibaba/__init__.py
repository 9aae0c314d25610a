"""Alibaba: Wan and HappyHorse videos, Qwen-Image and Wan images, on Cloud Model Studio."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(
    __name__,
    "alibaba",
    "Alibaba",
    keys=("DASHSCOPE_API_KEY",),
    aliases=("dashscope",),
    open_settings=("workspace", "region"),
)
