"""What the declaration of MiniMax can't say: plain links of its storage, failures without words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...exceptions import GenerationFailedError, TarashException

STORAGE = re.compile(r"http(?=://[\w.-]+\.aliyuncs\.com/)")
"""The vendor's own client asks for its storage by https, whatever the link says."""


def urls(adapter: Any, body: Any, kind: str, model: str = "") -> list[str]:
    """Return the media of the asked kind, without links that anybody on the way could read."""
    addresses: list[str] = type(adapter).urls(adapter, body, kind, model)
    return [STORAGE.sub("https", url) for url in addresses]


def failure(adapter: Any, body: Mapping[str, Any]) -> TarashException:
    """Return the error of a failed job; V1 says `success` of the answer that tells of it."""
    error: TarashException = type(adapter).failure(adapter, body)
    if type(error) is GenerationFailedError and body.get("status") == "Fail":
        return GenerationFailedError(
            "MiniMax could not make it, and gives no reason", raw_response=body
        )

    return error
