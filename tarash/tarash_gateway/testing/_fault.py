"""Faults: how one request goes wrong, whichever provider's wire it is on.

Plain data; `_origin` makes them happen.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FaultKind = Literal[
    "status",
    "reset_before",
    "reset_after",
    "hang",
    "truncate",
    "foreign_body",
    "echo_key",
    "delay",
    "hold",
    "cut",
    "wrong_length",
    "no_ranges",
    "range_as_whole",
    "content_type",
    "charset",
    "other_words",
    "said_as",
    "slow_body",
    "endless_body",
    "gzip_bomb",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One way for a request to fail; made by the class methods."""

    kind: FaultKind
    code: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = False
    seconds: float = 0.0
    until: Callable[[], bool] = lambda: True
    count: int = 0
    lasts: float | None = None

    @classmethod
    def status(
        cls,
        code: int,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        retry_after: float | str | None = None,
        *,
        accepted: bool = False,
    ) -> "Fault":
        """Answer with a status instead of doing what was asked: nothing is accepted.

        Args:
            code: HTTP status, 100 to 599.
            body: A dict or list (sent as JSON), text or bytes. None: the provider's own error body.
            headers: Further response headers.
            retry_after: The Retry-After header: seconds, or a date as HTTP spells it.
            accepted: Whether what was asked is done all the same, as by a server that fails late.
        """
        extra = dict(headers or {})
        if retry_after is not None:
            extra["Retry-After"] = _header_seconds(retry_after)

        return cls(
            kind="status",
            code=_checked_status(code),
            body=body,
            headers=extra,
            accepted=accepted,
        )

    @classmethod
    def redirect(cls, location: str, code: int = 302) -> "Fault":
        """Answer with a redirect instead of doing what was asked: nothing is accepted.

        Args:
            location: Where it leads: a URL, or relative to what was asked for ("?" is the same
                place once more). Empty for none, as broken servers send it.
            code: 301, 302, 303, 307 or 308.
        """
        if not 300 <= code <= 399:  # noqa: PLR2004 - the range that redirects have
            raise ValueError(f"A redirect's status is between 300 and 399, not {code!r}")

        return cls(
            kind="status", code=code, body="", headers={"Location": location} if location else {}
        )

    @classmethod
    def not_found_for(cls, seconds: float, code: int = 404) -> "Fault":
        """Deny what is asked for, for a while, as machines do that don't know a new job yet.

        Plan it with `times=None`: it ends by itself.

        Args:
            seconds: How long, from the first request that it meets; 0 or more.
            code: HTTP status, 100 to 599.
        """
        return cls(kind="status", code=_checked_status(code), lasts=_checked_seconds(seconds))

    @classmethod
    def reset_before(cls) -> "Fault":
        """Read the request, then reset the connection: nothing is done, unknown to the client."""
        return cls(kind="reset_before")

    @classmethod
    def reset_after(cls) -> "Fault":
        """Do what was asked, then reset the connection without an answer.

        A status stream is reset after its first event.
        """
        return cls(kind="reset_after", accepted=True)

    @classmethod
    def hang(cls, *, accepted: bool = False) -> "Fault":
        """Never answer, until the client leaves or the simulator stops.

        Args:
            accepted: Whether what was asked is done all the same.
        """
        return cls(kind="hang", accepted=accepted)

    @classmethod
    def truncate(cls) -> "Fault":
        """Do what was asked, announce the whole body, send half of it and close.

        A status stream is closed after its first event, without the end that HTTP asks for.
        """
        return cls(kind="truncate", accepted=True)

    @classmethod
    def cut(cls, after: int) -> "Fault":
        """Do what was asked, announce the whole body, send the first of it and close.

        Args:
            after: How many bytes of the body go out; 0 or more.
        """
        if after < 0:
            raise ValueError(f"after must be 0 or more, not {after!r}")

        return cls(kind="cut", accepted=True, count=after)

    @classmethod
    def wrong_length(cls, more: int = 1) -> "Fault":
        """Do what was asked and send the whole body, but announce a longer one, and close.

        Args:
            more: How many bytes more are announced than there are; 1 or more.
        """
        if more < 1:
            raise ValueError(f"more must be 1 or more, not {more!r}")

        return cls(kind="wrong_length", accepted=True, count=more)

    @classmethod
    def no_ranges(cls) -> "Fault":
        """Send all of a file where a part was asked for, as servers do that know no ranges."""
        return cls(kind="no_ranges", accepted=True)

    @classmethod
    def range_as_whole(cls) -> "Fault":
        """Send the part of a file that was asked for under status 200, as some caches do."""
        return cls(kind="range_as_whole", accepted=True)

    @classmethod
    def content_type(cls, content_type: str) -> "Fault":
        """Do what was asked and answer properly, but under another label.

        Args:
            content_type: The media type to state.
        """
        return cls(kind="content_type", headers={"Content-Type": content_type}, accepted=True)

    @classmethod
    def charset(cls, encoding: str) -> "Fault":
        """Do what was asked and answer properly, but with JSON in another form of Unicode.

        Args:
            encoding: A name that Python knows, such as `utf-16` or `utf-8-sig` (with a byte order
                mark) or `utf-32-le` (without one).
        """
        "".encode(encoding)
        return cls(kind="charset", body=encoding, accepted=True)

    @classmethod
    def other_words(cls, words: Mapping[str, str]) -> "Fault":
        """Do what was asked and answer properly, but in JSON with other words, as newer servers do.

        Args:
            words: Texts that stand alone as a value, such as a status, and what stands there
                instead.
        """
        return cls(kind="other_words", body=dict(words), accepted=True)

    @classmethod
    def said_as(cls, code: int) -> "Fault":
        """Do what was asked and answer properly, but where that is a 200, under another status.

        Args:
            code: HTTP status, 100 to 599; such as 201, 203 or 206.
        """
        return cls(kind="said_as", code=_checked_status(code), accepted=True)

    @classmethod
    def slow_body(cls, seconds: float) -> "Fault":
        """Do what was asked and answer properly, but let the body take its time.

        Args:
            seconds: How long all of it takes; 0 or more.
        """
        return cls(kind="slow_body", seconds=_checked_seconds(seconds), accepted=True)

    @classmethod
    def endless_body(cls, piece: bytes = b" " * 65536) -> "Fault":
        """Do what was asked, send the whole body, and go on without end, announcing no length.

        Args:
            piece: What follows the body, over and over; not empty.
        """
        if not piece:
            raise ValueError("piece must hold at least one byte")

        return cls(kind="endless_body", body=piece, accepted=True)

    @classmethod
    def gzip_bomb(cls, size: int = 1024**3) -> "Fault":
        """Do what was asked, and send its body compressed, with spaces behind it.

        Args:
            size: Bytes that it has once it is unpacked; it is a thousandth of that on the wire.
        """
        if size < 1:
            raise ValueError(f"size must be 1 or more, not {size!r}")

        return cls(kind="gzip_bomb", count=size, accepted=True)

    @classmethod
    def foreign_body(
        cls,
        text: str = "<html><body><h1>Welcome to nginx!</h1></body></html>",
        content_type: str = "text/html",
        status: int = 200,
    ) -> "Fault":
        """Do what was asked, but answer with somebody else's body, as a proxy would.

        Args:
            text: The body.
            content_type: Its media type.
            status: HTTP status, 100 to 599.
        """
        return cls(
            kind="foreign_body",
            code=_checked_status(status),
            body=text,
            headers={"Content-Type": content_type},
            accepted=True,
        )

    @classmethod
    def echo_key(cls, status: int = 500) -> "Fault":
        """Answer with the provider's error body that repeats the credential header's value.

        Args:
            status: HTTP status, 100 to 599.
        """
        return cls(kind="echo_key", code=_checked_status(status))

    @classmethod
    def delay(cls, seconds: float) -> "Fault":
        """Do what was asked and answer properly, but late.

        Args:
            seconds: How much later; 0 or more.
        """
        return cls(kind="delay", seconds=_checked_seconds(seconds))

    @classmethod
    def hold(cls, until: Callable[[], bool]) -> "Fault":
        """Do what was asked and answer properly, but only once something has happened.

        Unlike `delay`, it leaves nothing to the speed of the machine: the test says when.

        Args:
            until: Tells whether it has happened; asked every few milliseconds, in the simulator's
                thread. A `threading.Event`'s `is_set` serves well.
        """
        return cls(kind="hold", until=until)


def _checked_status(code: int) -> int:
    if not 100 <= code <= 599:  # noqa: PLR2004 - the range that HTTP has
        raise ValueError(f"An HTTP status is between 100 and 599, not {code!r}")

    return code


def _checked_seconds(seconds: float) -> float:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"seconds must be a finite number, 0 or more, not {seconds!r}")

    return seconds


def _header_seconds(retry_after: float | str) -> str:
    if isinstance(retry_after, str):
        return retry_after

    return f"{retry_after:g}"
