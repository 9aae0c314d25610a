"""What ComfyUI says: of a workflow that it refuses, and of a run that broke off. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...exceptions import GenerationFailedError, TarashException
from .._error_conditions import When
from .._error_rules import ErrorRules
from .._facts import mapping, objects, text

REFUSED = frozenset({400, 413, 422})
HIDDEN = frozenset({"traceback", "current_inputs", "current_outputs"})
"""Paths of the server's disk, and whole tensors: neither is anybody's business."""
ADVICE: Mapping[str, str] = {
    "value_not_in_list": "this server has no such file or choice: install the model, or name one "
    "that GET /object_info lists",
    "missing_node_type": "install the custom node on the server",
    "invalid_prompt": "a node may be missing on the server",
    "prompt_no_outputs": "the workflow needs a node that saves, such as SaveImage or SaveVideo",
}
OUT_OF_MEMORY = (
    "the server's GPU has too little memory for it: ask for a smaller size, fewer frames or images"
)


class ComfyRules(ErrorRules):
    """The rules of ComfyUI: what is wrong stands at the nodes."""

    __slots__ = ()

    def said(self, body: Any) -> str:
        """Return what is wrong, node by node; else the server's own words."""
        nodes = "; ".join(node_errors(mapping(body).get("node_errors")))
        error = mapping(mapping(body).get("error"))
        kind = str(error.get("type"))
        advice = f" ({ADVICE[kind]})" if kind in ADVICE and not nodes else ""
        words = text(error.get("message")) or ""
        detail = text(error.get("details")) or ""
        plain = f"{words}: {detail}" if detail and detail not in words else words
        return nodes or (f"{plain}{advice}" if plain else super().said(body))


def node_errors(found: Any) -> Iterator[str]:
    """Yield what is wrong with each node of a workflow, in words."""
    for node_id, node in mapping(found).items():
        kind = mapping(node).get("class_type")
        for error in objects(mapping(node).get("errors")):
            detail = text(error.get("details")) or text(error.get("message")) or "is refused"
            advice = ADVICE.get(str(error.get("type")))
            message = text(error.get("message")) or ""
            said = f"{message}: {detail}" if message and message not in detail else detail
            yield f"node {node_id} ({kind}): {said}" + (f" ({advice})" if advice else "")


classify_answer = ComfyRules(
    title="ComfyUI",
    message=("error.message", "error", "message"),
    code=("error.type",),
    unknown_model=(
        When(
            statuses=frozenset({404, 405}),
            of_jobs=False,
            of_submits=True,
            advice="ComfyUI has no model ids: is it ComfyUI that listens at base_url?",
        ),
    ),
    invalid=(When(words=".", statuses=REFUSED, of_jobs=False),),
)


def without_traces(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of the history without what tells of the server's insides."""
    status = mapping(entry.get("status"))
    messages = [
        [one[0], {name: part for name, part in mapping(one[1]).items() if name not in HIDDEN}]
        for one in status.get("messages") or ()
        if isinstance(one, list) and len(one) == 2  # noqa: PLR2004
    ]
    return {**entry, "status": {**status, "messages": messages}}


def failure_of(entry: Mapping[str, Any]) -> TarashException:
    """Return the error of a run that the history calls one: broken off, or interrupted."""
    plain = without_traces(entry)
    told = {
        name: mapping(about) for name, about in plain["status"]["messages"] if isinstance(name, str)
    }
    error = told.get("execution_error")
    if error is None:
        how = "was interrupted on the server" if "execution_interrupted" in told else "failed"
        return GenerationFailedError(f"ComfyUI: the run {how}", raw_response=plain)

    where = f"node {error.get('node_id')} ({error.get('node_type')})"
    kind, said = str(error.get("exception_type")), text(error.get("exception_message")) or ""
    if "OutOfMemory" in kind or "out of memory" in said.lower():
        return GenerationFailedError(
            f"ComfyUI ran out of memory in {where}: {said.strip()} ({OUT_OF_MEMORY})",
            raw_response=plain,
        )

    return GenerationFailedError(
        f"ComfyUI failed in {where}: {kind.rpartition('.')[2]}: {said.strip()}",
        raw_response=plain,
    )
