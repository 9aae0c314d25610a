"""Tells an end that a job came to from an error of whoever stands between, with a good status.

What ends a job is the provider's word about this job: an answer that has its id, or a status that
the provider's table knows, where its answers have no id. Gateways, meshes and firewalls answer 200
with errors of their own, in as many forms as there are, and so does an API that refuses to be asked
just now. That is said of the exchange, and the job is polled on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._http._answer import ERRORS_BY_STATUS, shorten
from .._http._retry_after import wait_in
from ..exceptions import ContentModerationError, HTTPError, TarashException

if TYPE_CHECKING:
    from .._data._exchange import Operation, Snapshot

OF_THE_EXCHANGE = frozenset(
    {401, 403, 404, 407, 408, 410, 425, 429, 502, 503, 504, *range(520, 531), 598, 599}
)
"""What a body can say of this exchange only; a job that fails may be given as 400, 422 or 500."""
NAMES = ("statusCode", "status_code", "http_status", "status", "code")
WORDS = ("status", "state", "task_status", "phase")
"""Where providers say how a job stands, in words."""
HOLDERS = ("data", "task", "output", "result", "response", "prediction")
CODES = ("code", "type", "error_type", "name")
"""Where an error says in one word what it is, beside its sentence."""
OF_AN_ERROR = frozenset(
    {
        *("code", "detail", "details", "error", "errorMessage", "errorType", "error_code"),
        *("errors", "fault", "incident_id", "message", "messages", "msg", "ok", "path", "reason"),
        *("requestId", "request_id", "ret", "state", "status", "statusCode", "success"),
        *("support_id", "timestamp", "title", "trace_id", "type", "data", "result", "output"),
        *("Message", "__type", "base_resp", "cloudflare_error", "failure", "failure_reason"),
    }
)
"""Of what an error is made, and nothing that a model makes."""
SAYS_AN_ERROR = OF_AN_ERROR - {"data", "output", "path", "result", "type"}
DIGITS = 3
"""Of an HTTP status."""


class UnnamedFailureError(HTTPError):
    """An error as the provider's are, in an answer that doesn't say which job it is about.

    Attributes:
        verdict: What it would be said of the job.
    """

    verdict: TarashException


def checked_poll(snapshot: Snapshot, operation: Operation) -> Snapshot:
    """Return a snapshot that was made of an answer about the job.

    Raises:
        UnnamedFailureError: It is a failure, and nothing says that it is the job's.
        HTTPError: What it was made of is somebody else's error.
    """
    body = snapshot.raw
    if isinstance(body, Mapping) and not _is_believed(snapshot, body, operation):
        raise _error_in(body, snapshot.error)

    return snapshot


def is_error(body: Any) -> bool:
    """Tell whether an object is an error, and has nothing that a model could have made."""
    filled = {name for name, value in body.items() if value} if isinstance(body, Mapping) else set()
    return bool(filled & SAYS_AN_ERROR) and set(body) <= OF_AN_ERROR


def names_another(snapshot: Snapshot, operation: Operation) -> bool:
    """Tell whether an answer has the id of another job, in the place of this one's."""
    if snapshot.job_id in (None, "", operation.id):
        return False

    return operation.id not in _values(snapshot.raw)


def status_in(body: Mapping[str, Any]) -> int | None:
    """Return the HTTP status that an error object names, of those that say nothing of a job."""
    error = body.get("error")
    for holder in (body, error):
        if not isinstance(holder, Mapping) or not (error or body.get("message")):
            continue

        for name in NAMES:
            status = str(holder.get(name))
            is_number = len(status) == DIGITS and status.isascii() and status.isdigit()
            if is_number and int(status) in OF_THE_EXCHANGE:
                return int(status)

    return None


def _is_believed(snapshot: Snapshot, body: Mapping[str, Any], operation: Operation) -> bool:
    is_refused = isinstance(snapshot.error, ContentModerationError) and _is_coded(body)
    if snapshot.certain or snapshot.job_id or is_refused:
        return True

    # An id within a sentence or a path says what was asked for, and not who answers.
    if snapshot.status == "failed":
        return operation.id in _values(body)

    is_odd = snapshot.unknown is not None and status_in(body) is not None
    return not is_odd or _says_a_status(body) or operation.id in _values(body)


def _says_a_status(body: Mapping[str, Any]) -> bool:
    parts = [body, *(part for name in HOLDERS if isinstance(part := body.get(name), Mapping))]
    is_word = any(isinstance(one.get(name), str) for one in parts for name in WORDS)
    return is_word or bool(body.get("done"))


def _is_coded(body: Mapping[str, Any]) -> bool:
    """Tell whether an error has a word for machines beside its sentence, as a provider's has."""
    error = body.get("error")
    holder = error if isinstance(error, Mapping) else body
    return any(isinstance(one := holder.get(name), str | int) and one for name in CODES)


def in_its_place(body: Any) -> HTTPError:
    """Return what an error comes to that is in the place of a result."""
    return _error_in(body, None)


def _error_in(body: Mapping[str, Any], failed: TarashException | None) -> HTTPError:
    status = status_in(body)
    fields: dict[str, Any] = {
        "raw_response": body,
        "status_code": status or 200,
        "retry_after": wait_in(body),
        "retryable": True,
    }
    what = "an error" if status is None else f"an error of {status}"
    message = f"HTTP 200 with {what} in the place of the job: {shorten(body)}"
    says_why = bool(body.get("error")) or isinstance(failed, ContentModerationError)
    if status is not None or failed is None or not says_why:
        return ERRORS_BY_STATUS.get(status or 0, HTTPError)(message, **fields)

    unnamed = UnnamedFailureError(message, **fields)
    unnamed.verdict = failed
    return unnamed


def _values(body: Any) -> Iterator[str]:
    """Yield the text of all that stands in a body."""
    if isinstance(body, Mapping | list):
        for value in body.values() if isinstance(body, Mapping) else body:
            yield from _values(value)
    else:
        yield str(body)
