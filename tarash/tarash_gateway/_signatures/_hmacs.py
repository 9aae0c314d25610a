"""Signatures with a secret that both sides have: HMAC-SHA256, in three forms; and our own tokens.

Tokens stand in the addresses that providers call, and nobody else can make one. For providers that
sign nothing they are the only proof, so what such a webhook says is a hint.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..exceptions import ValidationError
from ._delivery import (
    MOST_SIGNATURES,
    WINDOW_SECONDS,
    Delivery,
    Verified,
    check_window,
    from_base64,
    from_hex,
    malformed,
    seconds_in,
    wrong_signature,
)

PREFIX = "whsec_"
LEAST_SECRET = 8
"""Bytes; a shorter one is a mistake."""
ID, TIME, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_USE = b"tarash webhook address 1"
Encoding = Literal["hex", "base64"]
Secret = str | Sequence[str]
"""One, or several while one is replaced by another."""


@dataclass(frozen=True, slots=True)
class StandardHmac:
    """Standard Webhooks, version `v1`: Replicate, OpenAI, Google's registered ones, Kling.

    Attributes:
        secret: What the provider's console shows, with or without `whsec_`.
        decoded: Whether the text after `whsec_` is base64 of the secret, as the standard has it;
            WaveSpeed takes the text itself.
        version: What its signatures begin with; WaveSpeed's are `v3`.
        encoding: Of its signatures; WaveSpeed's are hexadecimal.
        window: Seconds that a delivery may be late, or early.
    """

    secret: Secret = field(repr=False)
    decoded: bool = True
    version: str = "v1"
    encoding: Encoding = "base64"
    window: float = WINDOW_SECONDS

    def __post_init__(self) -> None:
        self._keys()

    def verify(self, sent: Delivery, now: float) -> Verified:
        """Return what is certain of a delivery.

        Raises:
            WebhookRefusedError: Its signature is wrong, too old, or can't be read.
        """
        name, at = sent.word(ID, "svix-id"), sent.seconds(TIME, "svix-timestamp")
        given = signatures(sent.one(SIGNATURE, "svix-signature"), self.version)
        check_window(at, now, self.window)
        message = f"{name}.{at_text(sent)}.".encode() + sent.body
        check_any(self._keys(), message, given, self.encoding)
        return Verified(name, at)

    def _keys(self) -> list[bytes]:
        keys = []
        for secret in several(self.secret):
            text = secret.strip().removeprefix(PREFIX)
            keys.append(checked_key(from_base64(text) if self.decoded else text.encode()))

        return keys


@dataclass(frozen=True, slots=True)
class TimestampedHmac:
    """A header such as `t=…,v1=…`, over the time, a separator and the body: OpenRouter.

    Attributes:
        secret: What the provider's console shows.
        header: Where the signature stands.
        separator: Between the time and the body in what is signed.
        encoding: Of the signature.
        window: Seconds that a delivery may be late, or early.
    """

    secret: Secret = field(repr=False)
    header: str = "x-openrouter-signature"
    separator: str = ","
    encoding: Encoding = "hex"
    window: float = WINDOW_SECONDS

    def __post_init__(self) -> None:
        self._keys()

    def verify(self, sent: Delivery, now: float) -> Verified:
        """Return what is certain of a delivery; as `StandardHmac.verify`."""
        parts = [part.partition("=") for part in sent.one(self.header.lower()).split(",")]
        times = [value.strip() for name, _, value in parts if name.strip() == "t"]
        given = [value.strip() for name, _, value in parts if name.strip() == "v1"]
        if len(times) != 1 or not 0 < len(given) <= MOST_SIGNATURES:
            raise malformed(self.header)

        at = seconds_in(times[0], self.header)
        check_window(at, now, self.window)
        message = f"{times[0]}{self.separator}".encode() + sent.body
        check_any(self._keys(), message, given, self.encoding)
        return Verified(hashlib.sha256(message).hexdigest(), at)

    def _keys(self) -> list[bytes]:
        return plain_keys(self.secret)


@dataclass(frozen=True, slots=True)
class DerivedHmac:
    """With a key that is made of the API token, so that no secret need be set up: Bria.

    Attributes:
        token: The API token.
        label: What the key is made of beside it.
        encoding: Of the signatures, which are listed as `v1=…`.
        window: Seconds that a delivery may be late, or early.
    """

    token: Secret = field(repr=False)
    label: str = "bria-webhook-signing-v1"
    encoding: Encoding = "hex"
    window: float = WINDOW_SECONDS
    id_header: str = ID
    time_header: str = TIME
    signature_header: str = SIGNATURE

    def __post_init__(self) -> None:
        self._keys()

    def verify(self, sent: Delivery, now: float) -> Verified:
        """Return what is certain of a delivery; as `StandardHmac.verify`."""
        name, time = sent.word(self.id_header), sent.word(self.time_header)
        at = seconds_in(time, self.time_header)
        listed = sent.one(self.signature_header).replace(",", " ").split()
        given = [
            signature.removeprefix("v1=") for signature in listed if signature.startswith("v1=")
        ]
        if not 0 < len(given) <= MOST_SIGNATURES:
            raise malformed(self.signature_header)

        check_window(at, now, self.window)
        message = f"{name}.{time}.".encode() + sent.body
        check_any(self._keys(), message, given, self.encoding)
        return Verified(name, at)

    def _keys(self) -> list[bytes]:
        label = self.label.encode()
        return [hmac.digest(token, label, "sha256") for token in plain_keys(self.token)]


def at_text(sent: Delivery) -> str:
    """Return the time as it was signed: its digits, with leading zeros where there were any."""
    return sent.word(TIME, "svix-timestamp")


def signatures(value: str, version: str) -> list[str]:
    """Return the signatures of a version out of `v1,… v1a,… v1,…`; others are passed over.

    Raises:
        WebhookRefusedError: There is none, or there are more than anybody sends.
    """
    parts = [part.split(",") for part in value.split()]
    given = [part[1] for part in parts if len(part) == 2 and part[0] == version and part[1]]  # noqa: PLR2004
    if not 0 < len(given) <= MOST_SIGNATURES:
        raise malformed(SIGNATURE)

    return given


def check_any(
    keys: Sequence[bytes], message: bytes, given: Iterable[str], encoding: Encoding
) -> None:
    """Refuse a message of which no signature is any key's, in a time that says nothing of them.

    Raises:
        WebhookRefusedError: None is.
    """
    right = [hmac.digest(key, message, "sha256") for key in keys]
    read = from_hex if encoding == "hex" else from_base64
    bare = [read(signature) or b"" for signature in given]
    same = [hmac.compare_digest(ours, theirs) for theirs in bare for ours in right]
    if not any(same):
        raise wrong_signature()


def several(secret: Secret) -> Sequence[str]:
    """Return secrets as a list."""
    return (secret,) if isinstance(secret, str) else secret


def plain_keys(secret: Secret) -> list[bytes]:
    """Return secrets whose text is the key itself; errors as of `checked_key`."""
    return [checked_key(text.strip().encode()) for text in several(secret)]


def checked_key(key: bytes | None) -> bytes:
    """Return a key that can be one.

    Raises:
        ValidationError: It is empty, short, or can't be read; the message does not show it.
    """
    if key is None or len(key) < LEAST_SECRET:
        raise ValidationError(
            "A webhook secret can't be read: it is shorter than any provider's, or no base64; copy "
            "it whole from the provider's console (most begin with whsec_)"
        )

    return key


def token_for(secret: bytes, provider: str, reference: str) -> str:
    """Return the token of an address.

    Args:
        secret: Ours.
        provider: Who is to call it.
        reference: Whose job it is about.
    """
    signed = b"\0".join((_USE, provider.encode(), reference.encode()))
    digest = hmac.digest(secret, signed, "sha256")[:24]
    return base64.urlsafe_b64encode(digest).decode()


def is_token(secret: bytes, provider: str, reference: str, given: str) -> bool:
    """Tell whether a token is the address's."""
    right = token_for(secret, provider, reference)
    return hmac.compare_digest(right.encode(), given.encode("utf-8", "surrogatepass"))
