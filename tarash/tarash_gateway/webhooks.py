"""Webhooks: an inbox for those of providers, and whether one is genuine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ._jobs._inbox import WebhookEvent
from ._jobs._inbox_app import WebhookInbox
from ._signatures import (
    DerivedHmac,
    DigestEd25519,
    KeyRing,
    RawHeaders,
    Scheme,
    StandardEd25519,
    StandardHmac,
    TimestampedHmac,
    Verified,
    WebhookRefusedError,
    delivery,
    keys_of,
)

__all__ = [
    "DerivedHmac",
    "DigestEd25519",
    "KeyRing",
    "Scheme",
    "StandardEd25519",
    "StandardHmac",
    "TimestampedHmac",
    "Verified",
    "WebhookEvent",
    "WebhookInbox",
    "WebhookRefusedError",
    "keys_of",
    "verify",
]


def verify(
    scheme: Scheme,
    headers: RawHeaders,
    body: Any,
    *,
    keys: Mapping[str, bytes] | None = None,
    now: float | None = None,
) -> Verified:
    """Return what is certain of a webhook: that its sender has signed it, and when.

    Args:
        scheme: How its sender signs.
        headers: Its headers, as any framework has them.
        body: Its body: the raw bytes, or the text of them.
        keys: For Ed25519: the sender's public keys, as `keys_of` or a `KeyRing` returns them.
        now: Unix seconds; by default the clock's.

    Raises:
        WebhookRefusedError: It is not genuine, too old, or can't be read; `reason` says which.
        ValidationError: The body is parsed already, or `cryptography` is not installed.
    """
    sent, at = delivery(headers, body), time.time() if now is None else now
    if isinstance(scheme, StandardEd25519 | DigestEd25519):
        return scheme.verify(sent, at, keys or {})

    return scheme.verify(sent, at)
