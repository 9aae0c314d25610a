"""One delivery of a webhook: read strictly, refused where it is ambiguous, and taken only once."""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..exceptions import TarashException, ValidationError

WINDOW_SECONDS = 300
"""A delivery counts for so long after it was sent, and before, where clocks differ."""
LONGEST_VALUE = 4096
"""Characters of a header that matters."""
MOST_SIGNATURES = 16
"""In one header; vendors send one, or two while a secret is replaced."""
SEEN_SECONDS = 900
"""Longer than a delivery counts, at both ends."""
MOST_SEEN = 65_536
PRINTABLE = re.compile(r"[\x21-\x7e]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
HEX = re.compile(r"(?:[0-9a-fA-F]{2})+", re.ASCII)

Reason = Literal[
    "body_encoded",
    "body_too_large",
    "header_malformed",
    "header_missing",
    "no_key",
    "not_ours",
    "signature_wrong",
    "too_old",
    "unreadable",
]

STATUSES: dict[Reason, int] = {
    "body_encoded": 415,
    "body_too_large": 413,
    "header_malformed": 401,
    "header_missing": 401,
    "no_key": 503,
    "not_ours": 404,
    "signature_wrong": 401,
    "too_old": 401,
    "unreadable": 400,
}

RawHeaders = Mapping[Any, Any] | Iterable[tuple[Any, Any]]
"""As frameworks have them: a mapping, or pairs; text or bytes; names in any case."""


class WebhookRefusedError(TarashException):
    """A webhook was not taken; nothing was asked of the provider because of it.

    Attributes:
        reason: Why: `header_missing`, `header_malformed`, `signature_wrong`, `too_old` (or from the
            future), `no_key` (the provider's keys can't be had now), `not_ours` (the address is not
            one that we gave out), `unreadable`, `body_too_large`, or
            `body_encoded` (it is compressed, which no provider does).
    """

    default_code = "webhook_refused"

    @property
    def http_status(self) -> int:
        """The status to answer the sender with: one that lets it try again where that may help."""
        return STATUSES[self.reason]

    def __init__(self, message: str, *args: Any, reason: Reason, **facts: Any) -> None:
        super().__init__(message, *args, **facts)
        self.reason: Reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.message, self.reason), self.__dict__.copy()


def _again(message: str, reason: Reason) -> WebhookRefusedError:
    return WebhookRefusedError(message, reason=reason)


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
        name = next((header for header in names if header in self.headers), None)
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


class SeenDeliveries:
    """Keys of deliveries, for a while. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_SEEN) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> bool:
        """Note a delivery, before it is worked on; return whether it is new."""
        now = self._clock()
        with self._lock:
            while self._at and now - next(iter(self._at.values())) > SEEN_SECONDS:
                self._at.popitem(last=False)

            if key in self._at:
                return False

            self._at[key] = now
            if len(self._at) > self._most:
                self._at.popitem(last=False)

            return True

    def give_back(self, key: str) -> None:
        """Forget a delivery that could not be worked on: its sender tries it again."""
        with self._lock:
            self._at.pop(key, None)
