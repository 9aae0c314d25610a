"""aiohttp, loaded by the first use of one of its names: it takes as long as all of ours together.

What is planned, mocked or looked up opens no connection, and needs none of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["aiohttp"]

if TYPE_CHECKING:
    import aiohttp
else:

    class _Late:
        def __getattr__(self, name: str) -> Any:
            # Kept, so that the next use of a name finds it as an attribute of any module.
            attribute = self.__dict__[name] = getattr(import_module("aiohttp"), name)
            return attribute

    aiohttp = _Late()
