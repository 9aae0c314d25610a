"""What the server finds wrong with a workflow's nodes, and why a run broke off. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...exceptions import GenerationFailedError, TarashException
from .._result_facts import mapping, objects, text

ADVICE: Mapping[str, str] = {
    "value_not_in_list": "this server has no such file or choice: install the model, or name one "
    "that GET /object_info lists",
    "missing_node_type": "install the custom node on the server",
    "invalid_prompt": "a node may be missing on the server",
    "prompt_no_outputs": "the workflow needs a node that saves, such as SaveImage or SaveVideo",
}


def node_errors(listed: Any) -> Iterator[str]:
    """Yield what is wrong with each node of a workflow, in words."""
    for node_id, node in mapping(listed).items():
        kind = mapping(node).get("class_type")
        for error in objects(mapping(node).get("errors")):
            detail = text(error.get("details")) or text(error.get("message")) or "is refused"
            advice = ADVICE.get(str(error.get("type")))
            message = text(error.get("message")) or ""
            problem = f"{message}: {detail}" if message and message not in detail else detail
            yield f"node {node_id} ({kind}): {problem}" + (f" ({advice})" if advice else "")


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
