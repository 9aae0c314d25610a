"""The engine's limits, in seconds, and what an HTTP status means for a submit or a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exceptions import HTTPConnectionError, HTTPError, QuotaExceededError, TarashException

if TYPE_CHECKING:
    from .._types import Submission

POLL_SECONDS = 30
"""One look may take so long, so that a hung exchange can't eat the deadline."""
CANCEL_SECONDS = 5
"""Clean-up after a deadline or a cancellation may take so long."""
LEFT_SECONDS = 1
"""Whoever has left a goodbye may take so long to write down what is known by then."""
FLUSH_SECONDS = 5
"""A ledger may take so long to write down how a job ended."""
UNSEEN_SECONDS = 3
"""A job may be unknown to the provider's other machines for so long after its submit."""
STREAM_POLL_FACTOR = 2
"""While a status stream is alive, looks are so many poll intervals apart."""

BEATS = 3
"""How often a holder tells a ledger in each lease that it is alive."""
LARGEST_PAYLOAD = 64 * 1024
"""Characters of a payload that is kept in a ledger, to know its job again."""
SEARCH_PAUSES = (0.5, 2, 4)
"""Before each look into a provider's list for a job whose answer was lost."""

RESENDABLE = frozenset({425, 429, 500, 503})
"""Statuses of a refused submit that certainly bought nothing and may leave again."""
UNSETTLED = frozenset({408, 502, 504})
"""Statuses of a submit that may have been accepted behind the answer."""
TRANSIENT = frozenset({408, 425, 429})
"""Statuses of a look, beside all from 500 on, that may pass by themselves."""

NOT_FOUND = 404
FIRST_ERROR = 300
FIRST_SERVER_ERROR = 500


def status_of(error: TarashException) -> int | None:
    """Return the HTTP status that an error carries."""
    return error.status_code if isinstance(error, HTTPError) else None


def submission_of(error: TarashException) -> Submission:
    """Return how a submit ended, by its error."""
    if error.submission is not None:
        return error.submission

    if isinstance(error, HTTPConnectionError):
        return "unknown"

    status = status_of(error)
    if status is None:
        return "rejected"

    # An error with a good status is an answer that could not be read.
    return "unknown" if status < FIRST_ERROR or status in UNSETTLED else "rejected"


def may_leave_again(error: TarashException) -> bool:
    """Tell whether a submit with this outcome bought nothing and may succeed next time."""
    if error.submission == "not_sent":
        return isinstance(error, HTTPConnectionError)

    if isinstance(error, QuotaExceededError):
        return False  # some providers say it with a 429, and no pause mends it

    return error.submission == "rejected" and status_of(error) in RESENDABLE


def may_pass(error: TarashException) -> bool:
    """Tell whether a failed look at a job may pass by itself."""
    if isinstance(error, HTTPConnectionError):
        return True

    status = status_of(error)
    if status is None:
        return False

    unread = status < FIRST_ERROR
    return unread or status in TRANSIENT or status >= FIRST_SERVER_ERROR
