"""What a provider answered, read to its end, and the errors that an answer can be by itself.

Pure: bytes in, data or an error out; secrets are masked on the way.
"""

from __future__ import annotations

import io
import json as json_codec
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._data._hints import raise_limit
from ..exceptions import (
    AuthenticationError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
)
from ._retry_after import pause_of
from ._texts import (
    HALF,
    HEAD_BYTES,
    CutBody,
    begins_as_json,
    begins_as_markup,
    headers_mended,
    mended,
    text_of,
)

if TYPE_CHECKING:
    from .._support._secrets import Secrets

SHOWN_CHARACTERS = 300
FIRST_ERROR = 300
"""Redirects count as errors: a POST that follows one might be sent twice."""
FIRST_CLIENT_ERROR = 400
FIRST_SERVER_ERROR = 500
PASSING = frozenset({408, 425, 429})
"""Statuses after which the same request may succeed a moment later, as after a server error."""
MEDIA = ("image/", "video/", "audio/")
BINARY = (
    *MEDIA,
    *("application/octet-stream", "application/binary", "binary/octet-stream"),
)
BROKEN_OFF = "(the body broke off)"
TOO_LARGE = "(the body is larger than an answer may be)"
HOLDERS = frozenset({dict, list})
"""What the JSON of an answer is nested by."""
DEEPEST = 100
"""Levels of JSON; more are no answer, and whoever walks through them would get stuck."""
RARE = 64
"""Signs that are looked for one by one: to find the next is faster than to count."""
MOST_PARTS = 500_000
"""Values in one answer's JSON: each takes many times the memory that it takes on the wire."""
LONGEST_NUMBER = 100
"""Digits of a number in JSON; one of more stands for nothing that can be counted."""

FORBIDDEN = 403

REFUSED_IN_WORDS = (frozenset(range(400, 500)) - {408}) | {500, 501, 503, 505}
"""Statuses of a submit that bought nothing where the provider's own error object says so."""
ERRORS_BY_STATUS: dict[int, type[HTTPError]] = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: AuthenticationError,
    404: ModelNotFoundError,
    429: RateLimitError,
}
ADVICE = {
    401: "check the key",
    402: "top up the account, or use another provider",
    403: "check what the key is allowed to do",
    404: "check the model's id",
    407: "a proxy asks for a user and password: name them in the address of the proxy",
    429: "wait, or lower the number of concurrent jobs",
    511: "this network asks for a login first",
}
FROM_AN_INTERMEDIARY = re.compile(r"\s*(?:<|error code: \d+\s*$)", re.IGNORECASE)
"""A page, or Cloudflare's one line: what no provider's API answers."""
BLOCKED = "a firewall or a proxy before the provider refused; the key may be good"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer whose body was read to its end; secrets are masked in it."""

    status: int
    headers: Mapping[str, str]
    body: Any
    """Parsed JSON, else text; None for media."""
    is_json: bool
    content: bytes | None = None
    """The bytes of an answer that is media."""
    content_type: str | None = None
    """The type of media, by their bytes, else as declared."""
    is_cut: bool = False
    """Whether the line broke behind it, so that it may be the first of several objects."""

    @property
    def retry_after(self) -> float | None:
        """Seconds the provider asks us to wait, from milliseconds, seconds or a date."""
        return pause_of(self.status, self.headers, self.body)

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            HTTPError: The body is something else; retryable, since a proxy's page proves nothing.
        """
        if self.is_json and isinstance(self.body, dict):
            return self.body

        raise unreadable(self.status, self.body)


def says_nothing(body: Any) -> bool:
    """Tell whether a body can't be what a job came to, whatever its status.

    So answers who is no provider: an empty value, or, like gateways, a `message` and nothing else.
    An object without anything in it, or with nothing where the media would be, is a model's own.
    """
    if isinstance(body, dict):
        return set(body) == {"message"}

    return not body or isinstance(body, bool | int | float)


def is_no_answer(body: Any) -> bool:
    """Tell whether a body can't be a provider's answer to a submit, with its result or without.

    There an object without anything in it is no model's own, either.
    """
    return body == {} or says_nothing(body)


def is_page(body: Any) -> bool:
    """Tell whether a body is a page: text with markup, media, or what broke off."""
    if isinstance(body, str):
        return body.lstrip().startswith("<") or body == BROKEN_OFF

    return body is None or (isinstance(body, dict) and bool(body.get("cloudflare_error")))


def is_no_word(status: int, body: Any) -> bool:
    """Tell whether an answer about a job is none of its provider's, or of one that stumbles."""
    is_redirect = FIRST_ERROR <= status < FIRST_CLIENT_ERROR
    return is_redirect or status in PASSING or status >= FIRST_SERVER_ERROR or is_page(body)


def unreadable(status: int, body: Any) -> HTTPError:
    """Return the error for an answer that is not the JSON it should be."""
    return HTTPError(
        f"The answer (HTTP {status}) is not the JSON object that was due: {shorten(body)}",
        raw_response=body,
        status_code=status,
        retryable=True,
    )


class TooLargeResultError(HTTPError):
    """A result is there, and larger than it may be: no further poll reads it."""


def too_large(status: int, size: int | None, most: int) -> TooLargeResultError:
    """Return the error for a result of a size, where that is known, above what may be read."""
    has = (
        f"{size} bytes"
        if size is not None
        else f"more than {most} bytes, and does not say how many"
    )
    return TooLargeResultError(
        f"The result has {has}, and at most {most} may be read of it",
        status_code=status,
        retryable=False,
        code="too_large_result",
        hints=[raise_limit("max_media_bytes")],
    )


def shorten(body: Any) -> str:
    """Return a body fit for an error message."""
    if body is None or isinstance(body, str):
        text = (body or "")[: SHOWN_CHARACTERS * 10]
    else:
        text = json_codec.dumps(_glance(body), ensure_ascii=False, default=str)

    text = " ".join(text.split()) or "(empty)"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _glance(value: Any, depth: int = 6) -> Any:
    """Return as much of a value as an error can show."""
    if isinstance(value, str):
        return value[: SHOWN_CHARACTERS + 1]

    if isinstance(value, Mapping):
        shown = list(value.items())[:SHOWN_CHARACTERS] if depth else ()
        return {str(name)[:SHOWN_CHARACTERS]: _glance(one, depth - 1) for name, one in shown}

    if isinstance(value, list | tuple):
        return [_glance(one, depth - 1) for one in value[:SHOWN_CHARACTERS]] if depth else []

    return value


def _masked(headers: Mapping[str, str], secrets: Secrets) -> Mapping[str, str]:
    """Return headers without secrets: some servers repeat what they were sent."""
    together = "\n".join(headers.values())
    if secrets.text(together) == together:
        return headers

    from multidict import CIMultiDict

    return CIMultiDict((name, secrets.text(value)) for name, value in headers.items())


def read_answer(
    status: int,
    headers: Mapping[str, str],
    content_type: str,
    content: bytes | bytearray | io.BytesIO | None,
    secrets: Secrets,
) -> HttpResponse:
    """Return the answer that these bytes are; None stands for a body that broke off.

    What they are is read from the bytes: servers leave the type out, or state a wrong one.

    Raises:
        HTTPError: The body of a good answer broke off.
    """
    headers = _masked(headers_mended(headers), secrets)
    if content is None and status < FIRST_ERROR:
        raise unreadable(status, BROKEN_OFF)

    if content is None:
        return HttpResponse(status, headers, BROKEN_OFF, is_json=False)

    whole = content.getvalue() if isinstance(content, io.BytesIO) else content
    head = whole[:HEAD_BYTES]
    # Nothing is no medium, whatever it is called: what came as one would be paid for, and empty.
    kind = kind_of(head, content_type) if head.strip() or whole.strip() else None
    if kind is not None:
        media = bytes(whole)
        return HttpResponse(status, headers, None, is_json=False, content=media, content_type=kind)

    text = secrets.text(text_of(whole, headers.get("Content-Type", content_type)))
    is_cut = isinstance(content, CutBody)
    del whole
    if isinstance(content, io.BytesIO):
        content.close()  # a large answer is not held three times

    try:
        body, is_json = parse_json(text, prefix=status >= FIRST_ERROR), True
    except ValueError:
        body, is_json = text, False

    # Masked twice: in the text for what is no JSON, in the values for what JSON had escaped.
    is_hidden = secrets.may_hide_in(text) and secrets.are_in(body)
    masked = secrets.data(body) if is_hidden else body
    return HttpResponse(status, headers, masked, is_json, is_cut=is_cut)


def kind_of(head: bytes | bytearray, declared: str) -> str | None:
    """Return the MIME type of media by its first bytes; None for JSON, a page or other text."""
    if begins_as_json(head):
        return None

    from ._sniff import sniff

    kind = sniff(bytes(head))
    if kind is not None and kind.startswith(MEDIA):
        return kind

    return declared if declared.startswith(BINARY) and not begins_as_markup(head) else None


def parse_json(text: str, *, prefix: bool = False) -> Any:
    """Return what JSON says, as far as it can be taken in.

    Numbers that are none (NaN, infinity, thousands of digits) become None, and halves of surrogate
    pairs become U+FFFD.

    Args:
        text: The JSON.
        prefix: Whether something may follow it, as where an endless body was cut off.

    Raises:
        ValueError: It is none, or nested or made of parts beyond sense.
    """
    opened = count_of(text, "{") + count_of(text, "[")
    if opened + count_of(text, ",") > MOST_PARTS:
        raise ValueError("more parts than an answer has")

    try:
        value = _decoder.raw_decode(text.lstrip())[0] if prefix else _decoder.decode(text)
    except RecursionError:
        raise ValueError("nested beyond sense") from None

    if opened > DEEPEST and _is_deep(value):
        raise ValueError("nested beyond sense")

    # Media in base64 have no such sign, and to look for one sign takes next to nothing.
    return mended(value) if "\\" in text and HALF.search(text) else value


def count_of(text: str, sign: str) -> int:
    """Return how often a text has a sign; of megabytes of base64, where it is rare, at once."""
    place = -1
    for number in range(RARE):
        place = text.find(sign, place + 1)
        if place < 0:
            return number

    return text.count(sign)


def _is_deep(value: Any) -> bool:
    level = [value] if type(value) in HOLDERS else []
    for _ in range(DEEPEST):
        # Only what may hold more: of a page of jobs, almost all is text.
        level = [
            part
            for one in level
            for part in (one.values() if isinstance(one, dict) else one)
            if type(part) in HOLDERS
        ]
        if not level:
            return False

    return True


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= LONGEST_NUMBER else None


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _nothing(_text: str) -> None:
    return None


_decoder = json_codec.JSONDecoder(parse_int=_whole, parse_float=_number, parse_constant=_nothing)


def checked(
    answer: HttpResponse, classify: Callable[[HttpResponse], TarashException | None] | None = None
) -> HttpResponse:
    """Return a good answer.

    Raises:
        TarashException: It has an error status; by `classify`, else by the status alone.
    """
    if answer.status < FIRST_ERROR:
        return answer

    raise (classify and classify(answer)) or status_error(answer)


def host_in(url: str) -> str:
    """Return a URL's scheme and host, which hold no secret; empty where it names none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""

    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def status_error(answer: HttpResponse, message: str | None = None) -> HTTPError:
    """Return the error for an answer with an error status, by its status alone."""
    kind = ERRORS_BY_STATUS.get(answer.status, HTTPError)
    advice = ADVICE.get(answer.status)
    if answer.status == FORBIDDEN and FROM_AN_INTERMEDIARY.match(str(answer.body or "")):
        advice = BLOCKED

    words = message or shorten(answer.body)
    place = host_in(answer.headers.get("Location") or "")
    if place and answer.status < FIRST_CLIENT_ERROR:
        words += f" (it leads to {place})"

    error = kind(
        f"HTTP {answer.status}: {words}" + (f" ({advice})" if advice else ""),
        raw_response=answer.body,
        status_code=answer.status,
        retry_after=answer.retry_after,
    )
    error.lacks_subject = True
    return error
