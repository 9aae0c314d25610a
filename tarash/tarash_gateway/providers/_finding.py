"""What adapters share that look for a job in their provider's list: dates, and what is alike. Pure.

A job is taken for the one that was sent where all that the list shows of it is as it was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

CLOCK_SKEW = timedelta(seconds=5)
"""How far the provider's clock may be behind ours."""
MOST_PAGES = 3
"""Pages that are read; a page has a hundred jobs."""


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
    return started is not None and started >= since - CLOCK_SKEW


def once(jobs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return jobs that have an id, each once: a list may move on between two of its pages."""
    return list({job["id"]: job for job in jobs if job.get("id")}.values())


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
