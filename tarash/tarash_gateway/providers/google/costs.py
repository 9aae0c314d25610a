"""What Google counts of an answer: tokens, by what they are of."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ..._data._money import Reported, exact
from .._facts import mapping, objects

ZERO = Decimal(0)


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the tokens of an answer; None where it has none, as of Veo and Imagen.

    Thoughts and words cost what text costs, and not what an image does (Google's pricing page).
    """
    found = mapping(body)
    usage = mapping(found.get("usageMetadata"))
    if usage:
        return _of_content(usage)

    return _of_interaction(mapping(found.get("usage")))


def _of_content(usage: Mapping[str, Any]) -> Reported | None:
    made = exact(usage.get("candidatesTokenCount"))
    prompt = exact(usage.get("promptTokenCount"))
    if made is None or prompt is None:
        return None

    words = _text(usage.get("candidatesTokensDetails"), "tokenCount")
    thoughts = exact(usage.get("thoughtsTokenCount")) or ZERO
    return _counted(prompt, made, words, thoughts)


def _of_interaction(usage: Mapping[str, Any]) -> Reported | None:
    made = exact(usage.get("total_output_tokens"))
    prompt = exact(usage.get("total_input_tokens"))
    if made is None or prompt is None:
        return None

    words = _text(usage.get("output_tokens_by_modality"), "tokens")
    thoughts = exact(usage.get("total_thought_tokens")) or ZERO
    return _counted(prompt, made, words, thoughts)


def _text(details: Any, name: str) -> Decimal:
    """Return how many of the output's tokens are words."""
    counts = (
        exact(one.get(name)) or ZERO
        for one in objects(details)
        if str(one.get("modality")).upper() == "TEXT"
    )
    return sum(counts, ZERO)


def _counted(prompt: Decimal, made: Decimal, words: Decimal, thoughts: Decimal) -> Reported:
    return Reported(
        quantity=prompt + made + thoughts,
        unit="token",
        parts={
            "prompt": prompt,
            "output": max(made - words, ZERO),
            "text_output": min(words, made) + thoughts,
        },
    )
