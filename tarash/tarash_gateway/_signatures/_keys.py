"""The public keys that providers publish as JWKS: read strictly, kept for a day, asked for rarely.

Whoever forges a signature makes nobody ask for keys more often than `REFRESH_SECONDS` allows; where
they can't be had, soon after the first failure, and then ever more seldom. Where keys are asked for
in vain, a signature that is none of the known keys' may be a new key's: nobody says that it is
forged, and its sender tries again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from ..exceptions import TarashException
from ._delivery import WebhookRefusedError, from_base64
from ._ed25519 import PublicKeys

KEPT_SECONDS = 24 * 3600
"""As long as providers allow; they replace keys rarely, and publish the new ones before."""
REFRESH_SECONDS = 60
"""For a signature that is none of the known keys', they are asked for again, so rarely."""
AGAIN_SECONDS = 1
"""After they were asked for in vain; twice as long each time, up to `REFRESH_SECONDS`."""
ANSWER_SECONDS = 10.0
"""Keys that take longer are not to be had: senders wait for few seconds only."""
SETTLED_CHECKS, CHECK_SECONDS = 50, 0.1
"""So often a delivery checks for keys that another one has asked for, and how soon."""
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
    keys: dict[str, bytes] = {}
    for place, key in enumerate(listed[:MOST_KEYS] if isinstance(listed, list) else ()):
        if not isinstance(key, dict) or (key.get("kty"), key.get("crv")) != ("OKP", "Ed25519"):
            continue

        raw = from_base64(key["x"]) if isinstance(key.get("x"), str) else None
        if raw is not None and len(raw) == KEY_BYTES:
            name = str(key.get("kid", place))
            keys[name if name not in keys else f"{name} {place}"] = raw  # of one name, both count

    if not keys:
        raise WebhookRefusedError(
            "What the provider publishes as its keys holds no Ed25519 key", reason="no_key"
        )

    return keys


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
        self._not_before: dict[str, float] = {}
        self._failed: dict[str, str] = {}
        """Why, where they were asked for in vain the last time."""
        self._waits: dict[str, float] = {}
        """Seconds until they are asked for once more, where that was in vain."""
        self._under_way: set[str] = set()

    async def keys(self, url: str, *, anew: bool = False) -> PublicKeys:
        """Return the keys at an address.

        Args:
            url: The address.
            anew: Whether a signature was none of the known keys'.

        Raises:
            WebhookRefusedError: They can't be had now; the sender tries again later.
        """
        read_at, known = self._keys.get(url, (0.0, None))
        is_fresh = self._clock() - read_at < KEPT_SECONDS
        if known is not None and not anew and (is_fresh or url in self._under_way):
            return known

        if url in self._under_way:
            await self._settled(url)
        elif self._clock() >= self._not_before.get(url, 0.0):
            await self._renew(url)

        _, known = self._keys.get(url, (0.0, None))
        why = "they are slow to come" if url in self._under_way else self._failed.get(url)
        if known is None or (anew and why is not None):
            raise _no_keys(url, why or "they could not be had a moment ago")

        return known  # yesterday's are better than none: a signature still has to be theirs

    async def _renew(self, url: str) -> None:
        self._under_way.add(url)
        wait = min(REFRESH_SECONDS, 2 * self._waits.get(url, AGAIN_SECONDS / 2))
        self._waits[url] = wait
        self._failed[url] = "they could not be had a moment ago"
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                keys = keys_of(await self._fetch(url))

            self._keys[url] = (self._clock(), keys)
            wait = REFRESH_SECONDS
            self._failed.pop(url, None)  # another loop may have been faster
            self._waits.pop(url, None)
        except TarashException as error:
            self._failed[url] = error.message
        except TimeoutError:
            self._failed[url] = f"no answer came in {ANSWER_SECONDS:g} s"
        finally:
            self._not_before[url] = self._clock() + wait
            self._under_way.discard(url)

    async def _settled(self, url: str) -> None:
        """Wait a moment for keys that another delivery has asked for, in whatever loop."""
        for _ in range(SETTLED_CHECKS):
            if url not in self._under_way:
                return

            await anyio.sleep(CHECK_SECONDS)


def _no_keys(url: str, why: str) -> WebhookRefusedError:
    return WebhookRefusedError(
        f"The public keys at {url} can't be had ({why}), so the webhook can't be checked now",
        reason="no_key",
    )
