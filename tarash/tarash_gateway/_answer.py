"""What a provider answered, read to its end, and the errors that an answer can be by itself.

Pure: bytes in, data or an error out; secrets are masked on the way.
"""

from __future__ import annotations

import json as json_codec
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from .exceptions import (
    AuthenticationError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
)

if TYPE_CHECKING:
    from ._secrets import Secrets

SHOWN_CHARACTERS = 300
FIRST_ERROR = 300
"""Redirects count as errors: a POST that follows one might be sent twice."""
BINARY = (
    *("image/", "video/", "audio/"),
    *("application/octet-stream", "application/binary", "binary/octet-stream"),
)
BROKEN_OFF = "(the body broke off)"

WAIT = re.compile(
    r"(?:resets?|retry|try again|available|wait)\b[^.]{0,30}?\b(?:in|after|for)\s*~?\s*"
    r"(?:(\d{1,4})\s*m(?:in(?:ute)?s?)?\s*)?(?:(\d{1,6}(?:\.\d{1,6})?)\s*s(?:ec(?:ond)?s?)?)?",
    re.IGNORECASE,
)
LONGEST_TEXT = 4096
TOO_MANY = 429

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
    429: "wait, or lower the number of concurrent jobs",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body was read to its end; secrets are masked in it."""

    status: int
    headers: Mapping[str, str]
    body: Any
    """Parsed JSON, else text; None for media."""
    is_json: bool
    content: bytes | None = None
    """The bytes of an answer that is media."""

    @property
    def retry_after(self) -> float | None:
        """Seconds the provider asks us to wait, from milliseconds, seconds or a date."""
        exact = self.headers.get("retry-after-ms", "")
        if exact.isdigit():
            return int(exact) / 1000

        told = parse_retry_after(self.headers.get("Retry-After"))
        return wait_in(self.body) if told is None and self.status == TOO_MANY else told

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            HTTPError: The body is something else; retryable, since a proxy's page proves nothing.
        """
        if self.is_json and isinstance(self.body, dict):
            return self.body

        raise unreadable(self.status, self.body)


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for; None where it can't be read."""
    if not value:
        return None

    if re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        return float(value)

    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None

    return max(0.0, (at.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def wait_in(body: Any) -> float | None:
    """Return the seconds that a body asks us to wait: `retry_after`, or `resets in ~8s`."""
    error = body.get("error") if isinstance(body, dict) else None
    for holder in (body, error):
        if not isinstance(holder, dict):
            continue

        given = holder.get("retry_after", holder.get("retryAfter"))
        found = parse_retry_after(str(given)) if isinstance(given, int | float | str) else None
        if found is not None and not isinstance(given, bool):
            return found

    said = body if isinstance(body, str) else json_codec.dumps(body) if body else ""
    match = WAIT.search(said[:LONGEST_TEXT])
    if match is None or not (match[1] or match[2]):
        return None

    return 60 * float(match[1] or 0) + float(match[2] or 0)


def unreadable(status: int, body: Any) -> HTTPError:
    """Return the error for an answer that is not the JSON it should be."""
    return HTTPError(
        f"The answer (HTTP {status}) is not the JSON object that was due: {shorten(body)}",
        raw_response=body,
        status_code=status,
        retryable=True,
    )


def shorten(body: Any) -> str:
    """Return a body fit for an error message."""
    text = body if isinstance(body, str) else json_codec.dumps(body, ensure_ascii=False)
    text = " ".join(text.split()) or "(empty)"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def read_answer(
    status: int,
    headers: Mapping[str, str],
    content_type: str,
    content: bytes | None,
    secrets: Secrets,
) -> Answer:
    """Return the answer that these bytes are; None stands for a body that broke off.

    Raises:
        HTTPError: The body of a good answer broke off.
    """
    if content is None and status < FIRST_ERROR:
        raise unreadable(status, BROKEN_OFF)

    if content is None:
        return Answer(status, headers, BROKEN_OFF, is_json=False)

    if content_type.startswith(BINARY):
        return Answer(status, headers, None, is_json=False, content=content)

    text = secrets.text(content.decode("utf-8", errors="replace"))
    try:
        body, is_json = json_codec.loads(text), True
    except ValueError:
        body, is_json = text, False

    # Masked twice: in the text for what is no JSON, in the values for what JSON had escaped.
    return Answer(status, headers, secrets.data(body) if "\\" in text else body, is_json)


def checked(
    answer: Answer, classify: Callable[[Answer], TarashException | None] | None = None
) -> Answer:
    """Return a good answer.

    Raises:
        TarashException: It has an error status; by `classify`, else by the status alone.
    """
    if answer.status < FIRST_ERROR:
        return answer

    raise (classify and classify(answer)) or status_error(answer)


def status_error(answer: Answer, message: str | None = None) -> HTTPError:
    """Return the error for an answer with an error status, by its status alone."""
    kind = ERRORS_BY_STATUS.get(answer.status, HTTPError)
    advice = ADVICE.get(answer.status)
    said = message or shorten(answer.body)
    return kind(
        f"HTTP {answer.status}: {said}" + (f" ({advice})" if advice else ""),
        raw_response=answer.body,
        status_code=answer.status,
        retry_after=answer.retry_after,
    )
