"""What a URL says about who may see our credentials, and how to get there."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ._contract import Account

Origin = tuple[str, str, int | None]
HEAD = re.compile(r"[a-z]+://[^/?#\s\\]+(?=[/?#]|$)")
"""What an origin is read from: the same for every job of a provider. Odd URLs are read whole."""


def is_trusted(url: str, account: Account) -> bool:
    """Tell whether an account's credentials may go to this URL."""
    try:
        ours = origin(url) == origin(account.base_url)
    except ValueError:  # it came out of a provider's answer, and is no URL
        return False

    if ours:
        return True

    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" and any(
        host == trusted or host.endswith(f".{trusted}") for trusted in account.trusted_hosts
    )


def origin(url: str) -> Origin:
    """Return scheme, host and port: what credentials are bound to."""
    head = HEAD.match(url)
    return _origin(url if head is None else head[0])


@lru_cache(maxsize=256)
def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.scheme, parts.hostname or "", parts.port or default)


def join(base_url: str, path: str) -> str:
    """Return the URL of a path under a base URL; a version that ends the one isn't repeated."""
    base_url, path = base_url.rstrip("/"), path.lstrip("/")
    version = re.match(r"v\d\w*(?=/)", path)
    if version is not None:
        base_url = base_url.removesuffix(f"/{version[0]}")

    return f"{base_url}/{path}"
