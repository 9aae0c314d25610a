"""xAI: Grok Imagine videos and images, over plain REST; its SDK speaks gRPC only."""

from __future__ import annotations

from .._folders import declared_folder

__all__ = ["provider"]

provider = declared_folder(__name__, "xai", "xAI", keys=("XAI_API_KEY",), extra="xai")
