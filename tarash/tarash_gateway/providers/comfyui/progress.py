"""How far a run is, by what the server's socket says of its nodes. Pure, but for what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._data._exchange import Snapshot
from .._facts import mapping, number

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
            self._done |= {str(one) for one in data.get("nodes") or ()}
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
