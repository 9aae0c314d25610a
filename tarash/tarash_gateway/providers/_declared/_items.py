"""What an answer of a declared provider says of jobs, one or several. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..._http._client import HttpResponse, unreadable
from ..._support._paths import value_at as one

if TYPE_CHECKING:
    from ..._data._exchange import Operation, Snapshot
    from ._stages import Listing, Poll


def job_in(poll: Poll, operation: Operation, body: Any) -> dict[str, Any] | None:
    """Return what an answer says of a job, as a list of jobs or by itself; None for nothing."""
    job_body = body
    if poll.items is not None:
        listed = one(body, poll.items)
        jobs = listed if isinstance(listed, list) else [listed]
        job_body = next((job for job in jobs if str(one(job, poll.item_id)) == operation.id), None)

    return job_body if isinstance(job_body, dict) else None


def is_done(seen: Snapshot) -> bool:
    """Tell whether a job is done whose result can't be had now: it must not be erased."""
    return seen.trouble is not None and not seen.denied


def goes_on(listing: Listing, body: Any, items: Sequence[Any], cursor: str) -> bool:
    """Tell whether a list has a further page."""
    if listing.more is not None and not one(body, listing.more):
        return False

    if listing.next is not None:
        return bool(cursor)

    return listing.is_paged and len(items) >= (listing.page_size or 1)


def has_place(path: str, body: dict[str, Any]) -> bool:
    """Tell whether a body has a place for what stands at a path."""
    return path.partition(".")[0].partition("[")[0] in body


def items_of(answer: HttpResponse, path: str) -> list[Any]:
    """Return the items of a list, of which there may be one without the list.

    Raises:
        HTTPError: The answer has no place for a list.
    """
    if not has_place(path, answer.object()):
        raise unreadable(answer.status, answer.body)

    listed = one(answer.body, path)
    return listed if isinstance(listed, list) else [listed] if isinstance(listed, dict) else []
