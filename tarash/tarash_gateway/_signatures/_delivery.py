"""One delivery of a webhook as it came, read strictly: what is ambiguous is refused."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._support._dataclass import dataclass
from ..exceptions import ValidationError
from ._refused import WebhookRefusedError

WINDOW_SECONDS = 300
"""A delivery counts for so long after it was sent, and before, where clocks differ."""
LONGEST_VALUE = 4096
"""Characters of a header that matters."""
MOST_SIGNATURES = 16
"""In one header; vendors send one, or two while a secret is replaced."""
PRINTABLE = re.compile(r"[\x21-\x7e]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
HEX = re.compile(r"(?:[0-9a-fA-F]{2})+", re.ASCII)

RawHeaders = Mapping[Any, Any] | Iterable[tuple[Any, Any]]
"""As frameworks have them: a mapping, or pairs; text or bytes; names in any case."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What is certain of a delivery whose signature is right."""

    key: str
    """Equal for deliveries of the same event."""
    sent_at: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Headers by name in lower case, each with all its values, and the raw body."""

    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    def one(self, *names: str) -> str:
        """Return the value of the first of these headers that is there.

        Raises:
            WebhookRefusedError: It is missing, there twice, or holds what no such header does.
        """
        name = next((one for one in names if one in self.headers), None)
        if name is None:
            raise WebhookRefusedError(
                f"The webhook has no header {names[0]!r}, so nobody can tell who sent it",
                reason="header_missing",
            )

        values = self.headers[name]
        if len(values) != 1 or len(values[0]) > LONGEST_VALUE or CONTROL.search(values[0]):
            raise malformed(name)

        return values[0].strip(" \t")

    def word(self, *names: str) -> str:
        """Return a header that is one word of plain characters, as everything signed is."""
        value = self.one(*names)
        if PRINTABLE.fullmatch(value) is None:
            raise malformed(names[0])

        return value

    def seconds(self, *names: str) -> int:
        """Return a header that holds Unix seconds."""
        return seconds_in(self.word(*names), names[0])


def delivery(headers: RawHeaders, body: Any) -> Delivery:
    """Return a delivery as schemes read it.

    Raises:
        ValidationError: The body is parsed already: what is signed are the bytes as they came.
    """
    if isinstance(body, str):
        body = body.encode()

    if not isinstance(body, bytes | bytearray | memoryview):
        raise ValidationError(
            f"The body of a webhook is {type(body).__name__}; give the raw bytes as they came over "
            "the wire (request.body, not request.json), since the signature is over these"
        )

    items = headers.items() if isinstance(headers, Mapping) else headers
    read: dict[str, tuple[str, ...]] = {}
    for name, value in items:
        values = value if isinstance(value, list | tuple) else (value,)
        known = read.get(_text(name).lower(), ())
        read[_text(name).lower()] = (*known, *map(_text, values))

    return Delivery(read, bytes(body))


def check_window(sent_at: int, now: float, window: float = WINDOW_SECONDS) -> None:
    """Refuse what was sent too long ago, or will be.

    Raises:
        WebhookRefusedError: It was.
    """
    apart = now - sent_at
    if abs(apart) > window:
        when = "ago" if apart > 0 else "in the future"
        raise WebhookRefusedError(
            f"The webhook was sent {abs(apart):.0f} s {when}, and {window:g} s are allowed; if its "
            "sender has the right time, set this machine's clock",
            reason="too_old",
        )


def seconds_in(value: str, name: str) -> int:
    """Return Unix seconds out of text."""
    if SECONDS.fullmatch(value) is None:
        raise malformed(name)

    return int(value)


def from_base64(value: str) -> bytes | None:
    """Return the bytes of base64 in either alphabet, padded or not; None where it is none."""
    plain = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def from_hex(value: str) -> bytes | None:
    """Return the bytes of hexadecimal digits of either case; None where these are none."""
    return bytes.fromhex(value) if HEX.fullmatch(value) else None


def wrong_signature() -> WebhookRefusedError:
    """Return the error of a signature that is no key's."""
    return WebhookRefusedError(
        "The webhook's signature is not that of its sender: it is forged, its body was changed on "
        "the way (verify the raw bytes), or the secret is another endpoint's",
        reason="signature_wrong",
    )


def malformed(name: str) -> WebhookRefusedError:
    """Return the error of a header that can't be read."""
    return WebhookRefusedError(
        f"The webhook's header {name!r} is not of the form that its sender uses",
        reason="header_malformed",
    )


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
