"""Where a run is: in the server's queue, or in its history; both are in its memory alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ..._data._exchange import Snapshot
from ..._http._client import HttpClient, join, unreadable
from .._facts import mapping


async def entry_of(client: HttpClient, job_id: str) -> dict[str, Any] | None:
    """Return what the history has of a run that has ended; None where it has nothing."""
    path = f"history/{quote(job_id, safe='')}"
    answer = await client.get(join(client.account.base_url, path))
    history = answer.object()
    entry = history.get(job_id)
    if history and not isinstance(entry, dict):
        raise unreadable(answer.status, answer.body)

    return entry if isinstance(entry, dict) else None


def has_failed(entry: dict[str, Any]) -> bool:
    """Tell whether the history calls a run broken off, or interrupted."""
    return mapping(entry.get("status")).get("status_str") == "error"


async def place_of(client: HttpClient, job_id: str) -> Snapshot | None:
    """Return whether a run is at work or waits; None where the queue has it no more."""
    answer = await client.get(join(client.account.base_url, "queue"))
    queue = answer.object()
    running, waiting = queue.get("queue_running"), queue.get("queue_pending")
    if not isinstance(running, list) or not isinstance(waiting, list):
        raise unreadable(answer.status, answer.body)

    if job_id in _ids(running):
        return Snapshot("processing")

    ids = _ids(sorted((item for item in waiting if isinstance(item, list)), key=_number))
    return Snapshot("queued", queue_position=ids.index(job_id)) if job_id in ids else None


def _ids(items: Sequence[Any]) -> list[str]:
    return [str(item[1]) for item in items if isinstance(item, list) and len(item) > 1]


def _number(item: list[Any]) -> float:
    return float(item[0]) if item and isinstance(item[0], int | float) else 0.0
