"""How long an answer asks us to wait: by its headers, else by its body. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .._support._paths import values_at

LONGEST_PAUSE = 7 * 24 * 3600.0
"""Seconds; whoever asks to wait longer has written nonsense."""
LONGEST_RESET = 3600
"""Seconds; a larger `RateLimit-Reset` is a point in time."""
WAIT = re.compile(
    r"(?:resets?|retry|try again|available|wait)\b[^.]{0,30}?\b(?:in|after|for)\s*~?\s*"
    r"(?:(?P<hours>\d{1,3})\s*h(?:ours?|rs?)?(?![a-z])\s*)?"
    r"(?:(?P<minutes>\d{1,4})\s*m(?:in(?:ute)?s?)?(?![a-z])\s*)?"
    r"(?:(?P<seconds>\d{1,6}(?:\.\d{1,6})?)\s*(?:(?P<thousandths>ms|milli)|s(?:ec(?:ond)?s?)?))?",
    re.IGNORECASE,
)
LONGEST_TEXT = 4096
DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
"""How google.rpc.RetryInfo writes it: `{"retryDelay": "37s"}`."""
DELAYS = ("error.details[].retryDelay", "[].error.details[].retryDelay")
TOO_MANY = 429


def pause_of(status: int, headers: Mapping[str, str], body: Any) -> float | None:
    """Return the seconds that an answer asks us to wait; None where it doesn't say.

    Args:
        status: Its HTTP status; only with 429 are other headers and a body's words believed.
        headers: Milliseconds, seconds or a date stand there.
        body: Read where the headers say nothing.
    """
    exact = headers.get("retry-after-ms", "")
    if re.fullmatch(r"[0-9]{1,15}", exact):
        return min(int(exact) / 1000, LONGEST_PAUSE)

    in_header = parse_retry_after(headers.get("Retry-After"))
    delay = delay_in(body) if in_header is None else in_header
    if delay is not None or status != TOO_MANY:
        return delay

    reset = headers.get("ratelimit-reset", "")
    if reset.isascii() and reset.isdigit() and int(reset[:9]) <= LONGEST_RESET:
        return float(reset)

    return wait_in(body)


def delay_in(body: Any) -> float | None:
    """Return the seconds of a google.rpc.RetryInfo in an error, or in a list of one."""
    values = (value for place in DELAYS for value in values_at(body, place))
    read = (DELAY.fullmatch(value) for value in values if isinstance(value, str))
    return next((float(one[1]) for one in read if one), None)


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for; None where it can't be read."""
    if not value:
        return None

    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value.strip()):
        return min(float(value), LONGEST_PAUSE)

    try:
        at = parsedate_to_datetime(value)
        pause = (at.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError, TypeError, IndexError):  # as odd as a date can be
        return None

    return min(max(0.0, pause), LONGEST_PAUSE)


def wait_in(body: Any) -> float | None:
    """Return the seconds that a body asks us to wait: `retry_after`, or `resets in ~8s`."""
    error = body.get("error") if isinstance(body, dict) else None
    for holder in (body, error):
        if not isinstance(holder, dict):
            continue

        given = holder.get("retry_after", holder.get("retryAfter"))
        named = parse_retry_after(str(given)) if isinstance(given, int | float | str) else None
        if named is not None and not isinstance(given, bool):
            return named

    words = body if isinstance(body, str) else json.dumps(body) if body else ""
    match = WAIT.search(words[:LONGEST_TEXT])
    if match is None or not (match["hours"] or match["minutes"] or match["seconds"]):
        return None

    seconds = float(match["seconds"] or 0) / (1000 if match["thousandths"] else 1)
    wait = 3600 * float(match["hours"] or 0) + 60 * float(match["minutes"] or 0) + seconds
    return min(wait, LONGEST_PAUSE)
