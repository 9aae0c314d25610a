"""What Google counts of an answer: tokens, by what they are of."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ..._data._money import Reported, exact
from .._facts import mapping, objects

ZERO = Decimal(0)


class Names(NamedTuple):
    """How a surface names its counts."""

    prompt: str
    output: str
    thoughts: str
    by_kind: str
    """The output's tokens by what they are of."""
    tokens: str
    """How many they are, of one kind."""


OF_CONTENT = Names(
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "candidatesTokensDetails",
    "tokenCount",
)
OF_INTERACTION = Names(
    "total_input_tokens",
    "total_output_tokens",
    "total_thought_tokens",
    "output_tokens_by_modality",
    "tokens",
)


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the tokens of an answer; None where it has none, as of Veo and Imagen.

    Thoughts and words cost what text costs, and not what an image does (Google's pricing page).
    """
    whole = mapping(body)
    usage = mapping(whole.get("usageMetadata"))
    return _counted(usage, OF_CONTENT) if usage else _counted(whole.get("usage"), OF_INTERACTION)


def _text(details: Any, name: str) -> Decimal:
    """Return how many of the output's tokens are words."""
    counts = (
        exact(one.get(name)) or ZERO
        for one in objects(details)
        if str(one.get("modality")).upper() == "TEXT"
    )
    return sum(counts, ZERO)


def _counted(counts: Any, names: Names) -> Reported | None:
    usage = mapping(counts)
    made, prompt = exact(usage.get(names.output)), exact(usage.get(names.prompt))
    if made is None or prompt is None:
        return None

    words = _text(usage.get(names.by_kind), names.tokens)
    thoughts = exact(usage.get(names.thoughts)) or ZERO
    return Reported(
        quantity=prompt + made + thoughts,
        unit="token",
        parts={
            "prompt": prompt,
            "output": max(made - words, ZERO),
            "text_output": min(words, made) + thoughts,
        },
    )
