"""Whether a webhook comes from whom it says: pure, from its headers, its raw body and a key.

No network, no ledger and no provider's name here: who signs in which way is said by whoever asks.
"""

from __future__ import annotations

from ._delivery import (
    Delivery,
    RawHeaders,
    SeenDeliveries,
    Verified,
    WebhookRefusedError,
    check_window,
    delivery,
)
from ._ed25519 import DigestEd25519, StandardEd25519
from ._hmacs import DerivedHmac, StandardHmac, TimestampedHmac, is_token, token_for
from ._keys import KeyRing, keys_of

KeyedScheme = StandardEd25519 | DigestEd25519
SecretScheme = StandardHmac | TimestampedHmac | DerivedHmac
Scheme = KeyedScheme | SecretScheme

__all__ = [
    "Delivery",
    "DerivedHmac",
    "DigestEd25519",
    "KeyRing",
    "KeyedScheme",
    "RawHeaders",
    "Scheme",
    "SecretScheme",
    "SeenDeliveries",
    "StandardEd25519",
    "StandardHmac",
    "TimestampedHmac",
    "Verified",
    "WebhookRefusedError",
    "check_window",
    "delivery",
    "is_token",
    "keys_of",
    "token_for",
]
