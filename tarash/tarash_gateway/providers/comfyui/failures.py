"""What the history tells of a run that broke off, or was interrupted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...exceptions import GenerationFailedError, TarashException
from .._facts import mapping, text

HIDDEN = frozenset({"traceback", "current_inputs", "current_outputs"})
"""Paths of the server's disk, and whole tensors: neither is anybody's business."""
OUT_OF_MEMORY = (
    "the server's GPU has too little memory for it: ask for a smaller size, fewer frames or images"
)


def without_traces(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of the history without what tells of the server's insides."""
    status = mapping(entry.get("status"))
    messages = [
        [event[0], {name: part for name, part in mapping(event[1]).items() if name not in HIDDEN}]
        for event in status.get("messages") or ()
        if isinstance(event, list) and len(event) == 2  # noqa: PLR2004
    ]
    return {**entry, "status": {**status, "messages": messages}}


def failure_of(entry: Mapping[str, Any]) -> TarashException:
    """Return the error of a run that the history calls one: broken off, or interrupted."""
    plain = without_traces(entry)
    events = {
        name: mapping(about) for name, about in plain["status"]["messages"] if isinstance(name, str)
    }
    error = events.get("execution_error")
    if error is None:
        how = "was interrupted on the server" if "execution_interrupted" in events else "failed"
        return GenerationFailedError(f"ComfyUI: the run {how}", raw_response=plain)

    where = f"node {error.get('node_id')} ({error.get('node_type')})"
    kind, problem = str(error.get("exception_type")), text(error.get("exception_message")) or ""
    if "OutOfMemory" in kind or "out of memory" in problem.lower():
        return GenerationFailedError(
            f"ComfyUI ran out of memory in {where}: {problem.strip()} ({OUT_OF_MEMORY})",
            raw_response=plain,
        )

    return GenerationFailedError(
        f"ComfyUI failed in {where}: {kind.rpartition('.')[2]}: {problem.strip()}",
        raw_response=plain,
    )
