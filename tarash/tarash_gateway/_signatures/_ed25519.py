"""Signatures with the provider's private key: Ed25519, checked with its published public keys."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from .._support._extras import how_to_install
from ..exceptions import ValidationError
from ._delivery import (
    WINDOW_SECONDS,
    Delivery,
    Verified,
    check_window,
    from_base64,
    from_hex,
    malformed,
    wrong_signature,
)
from ._hmacs import ID, SIGNATURE, TIME, at_text, signatures

SIGNATURE_BYTES = 64
PublicKeys = Mapping[str, bytes]
"""The raw keys by their ids."""


@dataclass(frozen=True, slots=True)
class StandardEd25519:
    """Standard Webhooks, version `v1a`: Google's, where a request names the address.

    Attributes:
        keys_url: Where the provider publishes its keys.
        window: Seconds that a delivery may be late, or early.
    """

    keys_url: str
    window: float = WINDOW_SECONDS

    def verify(self, sent: Delivery, now: float, keys: PublicKeys) -> Verified:
        """Return what is certain of a delivery.

        Raises:
            WebhookRefusedError: Its signature is wrong, too old, or can't be read.
            ValidationError: `cryptography` is not installed.
        """
        name, at = sent.word(ID), sent.seconds(TIME)
        given = [from_base64(signature) for signature in signatures(sent.one(SIGNATURE), "v1a")]
        check_window(at, now, self.window)
        message = f"{name}.{at_text(sent)}.".encode() + sent.body
        if not any(
            _is_right(key, signature, message) for signature in given for key in keys.values()
        ):
            raise wrong_signature()

        return Verified(name, at)


@dataclass(frozen=True, slots=True)
class DigestEd25519:
    r"""Over `id \n user \n time \n SHA-256 of the body`, in hexadecimal digits: fal and Ideogram.

    Attributes:
        keys_url: Where the provider publishes its keys.
        prefix: What its headers begin with, such as `x-fal-webhook-`.
        id_header: Ends the name of the header with the job's id.
        key_header: Ends that of the header that names the key; None where all are tried.
        window: Seconds that a delivery may be late, or early.
    """

    keys_url: str
    prefix: str = "x-fal-webhook-"
    id_header: str = "request-id"
    key_header: str | None = None
    window: float = WINDOW_SECONDS

    def verify(self, sent: Delivery, now: float, keys: PublicKeys) -> Verified:
        """Return what is certain of a delivery; as `StandardEd25519.verify`."""
        name = sent.word(self.prefix + self.id_header)
        user, time = (sent.word(self.prefix + header) for header in ("user-id", "timestamp"))
        at = sent.seconds(f"{self.prefix}timestamp")
        given = from_hex(sent.word(f"{self.prefix}signature"))
        if given is None or len(given) != SIGNATURE_BYTES:
            raise malformed(f"{self.prefix}signature")

        check_window(at, now, self.window)
        digest = hashlib.sha256(sent.body).hexdigest()
        message = f"{name}\n{user}\n{time}\n{digest}".encode()
        if self.key_header is not None and self.prefix + self.key_header in sent.headers:
            meant = sent.word(self.prefix + self.key_header)
            keys = {name: key for name, key in keys.items() if name.partition(" ")[0] == meant}

        if not any(_is_right(key, given, message) for key in keys.values()):
            raise wrong_signature()

        return Verified(f"{name}:{digest}", at)


def _is_right(key: bytes, signature: bytes | None, message: bytes) -> bool:
    """Tell whether a key has made a signature."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise ValidationError(
            "Checking this provider's webhooks needs the package cryptography; "
            f"{how_to_install('webhooks')}"
        ) from error

    if signature is None or len(signature) != SIGNATURE_BYTES:
        return False

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False

    return True
