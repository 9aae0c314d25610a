"""Where a run is: in the server's queue, or in its history; and how it is stopped there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..._data._exchange import Snapshot
from ..._http._client import HttpClient, checked, join, unreadable
from .._result_facts import mapping, number
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._types import CancelAnswer


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


OWN_CANCEL = (0, 26)
"""The first version with a call that stops one job, wherever it is."""
AIMED_INTERRUPT = (0, 3, 64)
"""From here on an interrupt is known to heed the id beside it; older ones stop whatever runs."""


async def stop(client: HttpClient, job_id: str) -> CancelAnswer:
    """Take our run out of the queue, or interrupt it: ours alone, or not at all."""
    base = client.account.base_url
    place = await place_of(client, job_id)
    if place is None:
        return "too_late" if await entry_of(client, job_id) else "unsupported"

    version = await _version(client)
    if version >= OWN_CANCEL:
        url = join(base, f"api/jobs/{quote(job_id, safe='')}/cancel")
        checked(await client.stop(url, json={}), classify_answer)
    elif place.status == "queued":
        checked(await client.stop(join(base, "queue"), json={"delete": [job_id]}))
    elif version >= AIMED_INTERRUPT:
        checked(await client.stop(join(base, "interrupt"), json={"prompt_id": job_id}))
    else:
        return "unsupported"

    if await place_of(client, job_id) is not None:
        return "requested"

    entry = await entry_of(client, job_id)
    return "too_late" if entry is not None and not has_failed(entry) else "cancelled"


async def _version(client: HttpClient) -> tuple[int, ...]:
    answer = await client.get(join(client.account.base_url, "system_stats"))
    version = str(mapping(answer.object().get("system")).get("comfyui_version"))
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


ENDED = {
    "execution_success": "completed",
    "execution_error": "failed",
    "execution_interrupted": "failed",
}


class Run:
    """One run: which of its nodes are done, and how much of the one that is being worked at."""

    def __init__(self, job_id: str, nodes: Any) -> None:
        """Begin.

        Args:
            job_id: Whose messages count: others' come over the same socket.
            nodes: How many nodes the workflow has, where that is known.
        """
        self._id = job_id
        self._nodes = nodes if isinstance(nodes, int) and nodes > 0 else None
        self._done: set[str] = set()
        self._current: str | None = None

    def take(self, message: Mapping[str, Any]) -> Snapshot | None:
        """Return what a message says of this run; None where it says nothing."""
        kind, data = str(message.get("type")), mapping(message.get("data"))
        if data.get("prompt_id") != self._id:
            return None

        if kind in ENDED:
            return Snapshot("completed" if ENDED[kind] == "completed" else "failed", raw=data)

        share = 0.0
        if kind == "execution_cached":
            self._done |= {str(node) for node in data.get("nodes") or ()}
        elif kind == "executing":
            node = data.get("node")
            if node is None:
                return Snapshot("completed", raw=data)

            self._work_at(str(node))
        elif kind == "progress":
            self._work_at(str(data.get("node", self._current)))
            value, whole = number(data.get("value")), number(data.get("max"))
            share = min(value / whole, 1.0) if value and whole and whole > 0 else 0.0
        elif kind != "execution_start":
            return None

        return Snapshot("processing", raw=data, progress=self._percent(share))

    def _work_at(self, node: str) -> None:
        if self._current not in (None, node):
            self._done.add(str(self._current))

        self._current = node

    def _percent(self, share: float) -> float | None:
        if self._nodes is None:
            return None

        done = len(self._done - {self._current or ""})
        return round(min((done + share) / self._nodes, 0.99) * 100, 1)
