"""What an HTTP status means for a submit or a poll. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._http._answer import REFUSED_IN_WORDS, is_page
from ..exceptions import HTTPConnectionError, HTTPError, QuotaExceededError, TarashException

if TYPE_CHECKING:
    from .._data._types import Submission


RESENDABLE = frozenset({425, 429, 500, 503})
"""Statuses of a refused submit that certainly bought nothing and may leave again."""
REFUSED_UNREAD = frozenset({411, 413, 414, 431})
"""Those that anybody on the way answers who finds a request too large to take it in or hand it on,
in whatever words. Not so others of theirs: a front that goes to a page of its own about a late
answer says 405 to the POST, and 400, 307 and 308 come from those that hand on, too.
"""
REFUSED_BARE = REFUSED_UNREAD | {401, 402, 403, 404, 422, 425, 429}
"""Those that say so without a word; in a page they may be a front's, in the place of an acceptance.
"""
NEVER_REACHED = frozenset({407, 511, 521, 522, 523, 525, 526, 530})
"""What a front answers that had no connection to the provider: nothing was handed on.

So do proxies and networks that ask for a login of their own first (RFC 9110 and RFC 6585).
"""
TRANSIENT = frozenset({408, 425, 429})
"""Statuses of a poll, beside all from 500 on, that may pass by themselves."""

ENVELOPE = ("error", "errors", "detail", "code", "title", "name")
"""What the error objects of all providers have at least one of."""

GONE = frozenset({404, 410})
"""What a provider answers that denies a job."""
FIRST_ERROR = 300
FIRST_CLIENT_ERROR = 400
FIRST_SERVER_ERROR = 500


def status_of(error: TarashException) -> int | None:
    """Return the HTTP status that an error carries."""
    return error.status_code if isinstance(error, HTTPError) else None


def submission_of(error: TarashException) -> Submission:
    """Return how a submit ended, by its error: `rejected` only where that is known to be safe.

    What is known is a list: the provider's own word with a status that refuses, a bare status that
    can mean nothing else, and those of a front that had no connection to the provider. All else is
    `unknown`: a page of a front proves nothing, whatever its status, and nobody knows what the next
    front will make up.
    """
    if error.submission is not None:
        return error.submission

    if isinstance(error, HTTPConnectionError):
        return "unknown"

    status = status_of(error)
    if status is None:
        return "rejected"  # read out of the provider's own words

    if is_envelope(error.raw_response):
        # An error with a good status is an answer that could not be read.
        redirected = FIRST_ERROR <= status < FIRST_CLIENT_ERROR
        safe = redirected or status in REFUSED_IN_WORDS
    else:
        safe = status in REFUSED_BARE and not is_page(error.raw_response)

    safe = safe or status in NEVER_REACHED | REFUSED_UNREAD
    return "rejected" if safe else "unknown"


def is_envelope(body: Any) -> bool:
    """Tell whether a body is an error object as providers send them, and not some front's."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]  # so does Google, at times

    if not isinstance(body, dict) or body.get("cloudflare_error"):
        return False

    # `message` alone is what gateways in front of a provider say.
    return any(body.get(name) for name in ENVELOPE)


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
