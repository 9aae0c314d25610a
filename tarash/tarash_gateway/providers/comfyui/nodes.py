"""What the server finds wrong with the nodes of a workflow, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._facts import mapping, objects, text

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
