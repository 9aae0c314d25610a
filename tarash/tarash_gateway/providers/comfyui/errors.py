"""What ComfyUI says of a workflow that it refuses: what is wrong stands at the nodes."""

from __future__ import annotations

from typing import Any

from .._error_conditions import When
from .._error_rules import ErrorRules
from .._result_facts import mapping, text
from .failures import ADVICE, node_errors

REFUSED = frozenset({400, 413, 422})


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
