"""Knows a front's error that comes with a good status, in the place of a job's.

Gateways answer 200 with `{"statusCode": 502, "error": "Bad Gateway"}`, or with the refusal of a key
that they have asked the provider with. That is said of this exchange, and not of the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._http._answer import ERRORS_BY_STATUS, shorten
from .._http._pauses import wait_in
from ..exceptions import ContentModerationError, HTTPError

if TYPE_CHECKING:
    from .._data._exchange import Operation, Snapshot

OF_THE_EXCHANGE = frozenset(
    {401, 403, 404, 407, 408, 410, 425, 429, 502, 503, 504, *range(520, 531), 598, 599}
)
"""What a body can say of this exchange only; a job that fails may be told as 400, 422 or 500."""
NAMES = ("statusCode", "status_code", "http_status", "status", "code")
WORDS = ("status", "state", "task_status", "phase")
"""Where providers say how a job stands, in words."""
HOLDERS = ("data", "task", "output", "result", "response", "prediction")
DIGITS = 3
"""Of an HTTP status."""


def checked_poll(snapshot: Snapshot, operation: Operation) -> Snapshot:
    """Return a snapshot that was made of an answer about the job.

    Raises:
        HTTPError: What it was made of is a front's error, with the status that it names.
    """
    body = snapshot.raw if snapshot.finished is None else snapshot.finished.raw
    is_odd = snapshot.status in ("failed", "completed") or snapshot.unknown is not None
    is_refusal = isinstance(snapshot.error, ContentModerationError)  # of a status, or in words
    if not is_odd or is_refusal or not isinstance(body, Mapping):
        return snapshot

    status = status_in(body)
    if status is None or _is_of_a_job(body, operation):
        return snapshot

    raise ERRORS_BY_STATUS.get(status, HTTPError)(
        f"HTTP 200 with an error of {status} in the place of the job: {shorten(body)}",
        raw_response=body,
        status_code=status,
        retry_after=wait_in(body),
        retryable=True,
    )


def status_in(body: Mapping[str, Any]) -> int | None:
    """Return the HTTP status that an error object names, of those that say nothing of a job."""
    error = body.get("error")
    for holder in (body, error):
        if not isinstance(holder, Mapping) or not (error or body.get("message")):
            continue

        for name in NAMES:
            found = str(holder.get(name))
            is_number = len(found) == DIGITS and found.isascii() and found.isdigit()
            if is_number and int(found) in OF_THE_EXCHANGE:
                return int(found)

    return None


def _is_of_a_job(body: Mapping[str, Any], operation: Operation) -> bool:
    """Tell whether a body says how a job stands, or is that of this one, by its id.

    An id within a sentence or a path says what was asked for, and not who answers.
    """
    parts = [body, *(part for name in HOLDERS if isinstance(part := body.get(name), Mapping))]
    if body.get("done") or any(isinstance(one.get(name), str) for one in parts for name in WORDS):
        return True

    return operation.id in _values(body)


def _values(body: Any) -> Iterator[str]:
    """Yield the text of all that stands in a body."""
    if isinstance(body, Mapping | list):
        for one in body.values() if isinstance(body, Mapping) else body:
            yield from _values(one)
    else:
        yield str(body)
