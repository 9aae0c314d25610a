"""Jobs as adapters name them, and find them in their provider's list: pages, dates, what is alike.

A job is taken for the one that was sent where all that the list shows of it is as it was sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .._data._exchange import Operation
from .._http._answer import unreadable

if TYPE_CHECKING:
    from .._data._exchange import Call
    from .._http._answer import HttpResponse

CLOCK_SKEW = timedelta(seconds=5)
"""How far the provider's clock may be behind ours."""
MOST_PAGES = 3
"""Pages that are read; a page has a hundred jobs."""


def operation_of(
    client: Any, call: Call, job_id: str, submitted_at: datetime | None = None, **data: Any
) -> Operation:
    """Return what another process needs to go on with a job."""
    return Operation(
        provider=client.account.provider,
        model=call.config.model,
        kind=call.kind,
        id=job_id,
        submitted_at=(submitted_at or datetime.now(UTC)).isoformat(),
        data=data,
    )


def moment(value: Any) -> datetime | None:
    """Return a point in time as providers write it: ISO 8601, or seconds since 1970."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read if read.tzinfo is not None else read.replace(tzinfo=UTC)

        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def is_since(value: Any, since: datetime) -> bool:
    """Tell whether a job's date is at or after a moment; one that can't be read is not."""
    started = moment(value)
    return started is not None and started >= earliest(since)


def earliest(since: datetime) -> datetime:
    """Return the moment from which on a list is searched, by the provider's clock."""
    return (since - CLOCK_SKEW).astimezone(UTC)


async def newest(
    get: Callable[[str], Awaitable[HttpResponse]],
    url: str,
    since: datetime | None,
    *,
    items: str,
    following: Callable[[Mapping[str, Any], list[dict[str, Any]]], str | None],
) -> list[dict[str, Any]]:
    """Return the newest jobs of a list, as far back as `since` or as a few pages reach.

    Args:
        get: Asks for a URL.
        url: That of the first page.
        since: Nothing older is wanted; None where the list is asked for nothing older.
        items: Where a page has its jobs.
        following: Returns the next page's URL by this page and all jobs so far; None for none.

    Raises:
        TarashException: The list can't be had, or can't be read.
    """
    jobs: list[dict[str, Any]] = []
    for _ in range(MOST_PAGES):
        answer = await get(url)
        page = answer.object()
        listed = page.get(items)
        if not isinstance(listed, list):
            raise unreadable(answer.status, answer.body)

        jobs += [job for job in listed if isinstance(job, dict) and job.get("id")]
        next_url = following(page, jobs)
        is_new = since is None or bool(jobs and is_since(jobs[-1].get("created_at"), since))
        if next_url is None or not is_new:
            break

        url = next_url

    return list({job["id"]: job for job in jobs}.values())  # a list may move on between two pages


def is_shown(sent: Any, shown: Any) -> bool:
    """Tell whether what was sent is in what a list shows, whatever else that holds.

    Of media that were sent inline only the presence counts: some providers show them as URLs.
    """
    if isinstance(sent, str) and sent.startswith("data:"):
        return bool(shown)

    if isinstance(sent, Mapping):
        return isinstance(shown, Mapping) and all(
            is_shown(value, shown.get(name)) for name, value in sent.items()
        )

    if isinstance(sent, list | tuple):
        alike = isinstance(shown, list | tuple) and len(sent) == len(shown)
        return alike and all(map(is_shown, sent, shown))

    return bool(sent == shown)
