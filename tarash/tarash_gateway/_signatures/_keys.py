"""The public keys that providers publish as JWKS: read strictly, kept for a day, asked for rarely.

Whoever forges a signature makes nobody ask for keys more often than `REFRESH_SECONDS` allows.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from ..exceptions import TarashException
from ._delivery import from_base64
from ._ed25519 import PublicKeys
from ._refused import WebhookRefusedError

KEPT_SECONDS = 24 * 3600
"""As long as providers allow; they replace keys rarely, and publish the new ones before."""
REFRESH_SECONDS = 60
"""For a signature that is none of the known keys', they are asked for again, so rarely."""
MOST_KEYS = 32
KEY_BYTES = 32

Fetch = Callable[[str], Awaitable[Any]]
"""Returns the JSON at an address."""


def keys_of(document: Any) -> PublicKeys:
    """Return the Ed25519 keys of a JWKS document; others in it are passed over.

    Raises:
        WebhookRefusedError: It holds none.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    found: dict[str, bytes] = {}
    for place, one in enumerate(listed[:MOST_KEYS] if isinstance(listed, list) else ()):
        if not isinstance(one, dict) or (one.get("kty"), one.get("crv")) != ("OKP", "Ed25519"):
            continue

        raw = from_base64(one["x"]) if isinstance(one.get("x"), str) else None
        if raw is not None and len(raw) == KEY_BYTES:
            found[str(one.get("kid", place))] = raw

    if not found:
        raise WebhookRefusedError(
            "What the provider publishes as its keys holds no Ed25519 key", reason="no_key"
        )

    return found


class KeyRing:
    """The keys of several addresses. Belongs to one event loop at a time."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none.

        Args:
            fetch: Returns the JSON at an address.
            clock: Monotonic seconds.
        """
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, tuple[float, PublicKeys]] = {}
        self._asked: dict[str, float] = {}

    async def keys(self, url: str, *, anew: bool = False) -> PublicKeys:
        """Return the keys at an address.

        Args:
            url: The address.
            anew: Whether a signature was none of the known keys'.

        Raises:
            WebhookRefusedError: They can't be had now; the sender tries again later.
        """
        now = self._clock()
        read_at, known = self._keys.get(url, (0.0, None))
        is_fresh = known is not None and now - read_at < KEPT_SECONDS
        asked_at = self._asked.get(url)
        is_too_soon = asked_at is not None and now - asked_at < REFRESH_SECONDS
        if known is not None and ((is_fresh and not anew) or is_too_soon):
            return known

        if known is None and is_too_soon and asked_at is not None:
            await self._settled(url)
            if url in self._keys:
                return self._keys[url][1]

            raise _no_keys(url, "they could not be had a moment ago")

        return await self._renewed(url, known)

    async def _renewed(self, url: str, known: PublicKeys | None) -> PublicKeys:
        self._asked[url] = self._clock()
        try:
            found = keys_of(await self._fetch(url))
        except TarashException as error:
            if known is not None:
                return known  # yesterday's are better than none: a signature still has to be theirs

            self._asked[url] = self._clock() - REFRESH_SECONDS + 1  # a moment's trouble
            raise _no_keys(url, error.message) from error

        self._keys[url] = (self._clock(), found)
        return found

    async def _settled(self, url: str) -> None:
        """Wait a moment for keys that another delivery has asked for."""
        for _ in range(50):
            if url in self._keys:
                return

            await anyio.sleep(0.1)


def _no_keys(url: str, why: str) -> WebhookRefusedError:
    return WebhookRefusedError(
        f"The public keys at {url} can't be had ({why}), so the webhook can't be checked now",
        reason="no_key",
    )
