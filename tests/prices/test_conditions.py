"""Whether a line holds is the same whatever was asked before, and in whatever shape it is said."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from tarash.tarash_gateway import PriceLine
from tarash.tarash_gateway.catalog.prices import PriceInputs
from tarash.tarash_gateway.catalog.prices import _conditions as conditions

ASKED: list[tuple[str, frozenset[Any], Any, bool | None]] = [
    ("resolution", frozenset({True}), [1], False),
    ("resolution", frozenset({Decimal(1)}), [1], True),
    ("resolution", frozenset({True}), [True], True),
    ("size", frozenset({"1024x1024", "1024x1536"}), ["1024*1024"], None),
    ("size", frozenset({"1024x1024", "1024x1536"}), ["1024*1024", ["1024x1536"]], True),
    ("size", frozenset({"1024x1024"}), [{"a": 1}, "1024x1536"], False),
    ("seconds", frozenset({Decimal(5)}), "<=5", True),
    ("seconds", frozenset({Decimal(5), Decimal(6)}), ("<=5",), None),
    ("audio", frozenset({False}), [True, None], False),
]
"""What a line wants of possible values, and whether it holds."""


@pytest.fixture
def _nothing_is_kept() -> Iterator[None]:
    def forget() -> None:
        conditions._fits.cache_clear()  # noqa: SLF001  (what is tested is what it keeps)
        conditions._is.cache_clear()  # noqa: SLF001  (the same)

    forget()
    yield
    forget()


@pytest.mark.usefixtures("_nothing_is_kept")
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_an_answer_is_nobody_elses(order: tuple[int, int, int]) -> None:
    """`True` and 1 are equal in Python, and not in a price list: neither gets the other's word."""
    asked = [ASKED[number] for number in order] + ASKED[3:]
    found = [(name, said, _holds(name, values, wanted)) for name, values, wanted, said in asked]
    assert [said for _, said, _ in found] == [held for _, _, held in found]


def _holds(name: str, values: frozenset[Any], wanted: Any) -> bool | None:
    line = PriceLine.model_validate(
        {
            "provider": "p",
            "model": "m",
            "billable": "output",
            "unit": "image",
            "rate": "1",
            "source": "here",
            "date": "2026-11-01",
            "confidence": "vendor",
            "when": {name: wanted},
        }
    )
    return conditions.holds(line, PriceInputs(values={name: values}))
