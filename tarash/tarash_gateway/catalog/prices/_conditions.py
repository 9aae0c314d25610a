"""Whether a price line holds for a call: yes, no, or perhaps. Pure."""

from __future__ import annotations

import operator
import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ._lengths import SECONDS
from ._price_inputs import HEIGHTS, plain

if TYPE_CHECKING:
    from ..._data._money import PriceLine
    from ._price_inputs import PriceInputs

SOURCES = frozenset({"text", "image", "video"})
"""What `mode` is where the request has no parameter of that name."""
COMPARED = re.compile(r"(<=|>=|<|>|!=)\s*(.+)")
SIMPLE = frozenset({str, int, float, bool, Decimal, type(None)})
OPERATORS = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "!=": operator.ne,
}
USUAL: dict[str, frozenset[Any]] = {
    "tier": frozenset({"standard", "default", "auto", "normal"}),
    "cached": frozenset({False}),
}


def holds(line: PriceLine, facts: PriceInputs) -> bool | None:
    """Tell whether a line holds: None where that depends on what nobody has said."""
    is_sure = True
    for name, wanted in line.when.items():
        answer = _holds(name, wanted, facts)
        if answer is False:
            return False

        is_sure = is_sure and answer is True

    if not all(name in line.when or _is_usual(name, facts) for name in USUAL):
        return False

    return True if is_sure else None


def _is_usual(name: str, facts: PriceInputs) -> bool:
    """Tell whether a call is of the usual tier, and not cached: a line says where it is not."""
    possible = facts.values.get(name)
    return possible is None or bool(possible & USUAL[name])


def _holds(name: str, wanted: Any, facts: PriceInputs) -> bool | None:
    possible = _possible(name, facts)
    if possible is None:
        # What is left to the provider is its usual value, where a line says that it has that one.
        return True if isinstance(wanted, list | tuple) and None in wanted else None

    if name == "mode" and possible <= SOURCES and not _names_a_source(wanted):
        return None  # the vendor's own word for a mode, and not what is made of what

    choices = _choices(wanted)
    # With their types, since `True` and 1 are one to a cache, and not to a line.
    types = (*map(type, possible), *map(type, choices))
    return _fits(name, frozenset(possible), choices, types)


def _choices(wanted: Any) -> tuple[Any, ...]:
    """Return the values of which a line wants any."""
    if not isinstance(wanted, list | tuple):
        return (str(wanted) if isinstance(wanted, dict | set) else wanted,)

    if SIMPLE.issuperset(map(type, wanted)):
        return tuple(wanted)

    return tuple(choice for part in wanted for choice in _choices(part))


@lru_cache(maxsize=4096)
def _fits(
    name: str, possible: frozenset[Any], choices: tuple[Any, ...], types: tuple[type, ...]
) -> bool | None:
    """Tell whether all possible values are among the choices; None where only some are.

    A model of images has a hundred sizes, which the lines of a list name over and over.
    """
    del types
    fitting = [any(_is(name, value, choice) for choice in choices) for value in possible]
    if not any(fitting):
        return False

    return True if all(fitting) else None


def _names_a_source(wanted: Any) -> bool:
    values = wanted if isinstance(wanted, list | tuple) else [wanted]
    return any(value in SOURCES for value in values if isinstance(value, str))


def _possible(name: str, facts: PriceInputs) -> Any:
    if name == "seconds" and facts.seconds is not None:
        return set(facts.seconds)

    if name in {"count", "n"}:
        return set(facts.count)

    if name == "megapixels" and facts.width is not None and facts.height is not None:
        area = [w * h / 1_000_000 for w, h in zip(facts.width, facts.height, strict=True)]
        return set(area)

    return facts.values.get(name)


@lru_cache(maxsize=16_384, typed=True)
def _is(name: str, value: Any, wanted: Any) -> bool:
    """Tell whether a value is what a line wants: the same few come again with each quote."""
    compared = COMPARED.fullmatch(wanted) if isinstance(wanted, str) else None
    if compared is not None:
        return _compare(value, compared[1], plain(compared[2]))

    return bool(_alike(name, value) == _alike(name, plain(wanted)))


def _compare(value: Any, sign: str, limit: Any) -> bool:
    number = _number(value)
    if number is None or not isinstance(limit, Decimal):
        return sign == "!=" and bool(value != limit)

    return bool(OPERATORS[sign](number, limit))


def _number(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value

    match = SECONDS.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else Decimal(match[1])


def _alike(name: str, value: Any) -> Any:
    """Return a value so that two spellings of it are equal."""
    if name == "resolution":
        # One thing in several vendors' words.
        text = str(HEIGHTS.get(str(value), value))
        return f"{text}p" if text.isdigit() else text

    if name in {"seconds", "duration"}:
        return _number(value) or value

    if name == "size" and isinstance(value, str):
        return value.replace("*", "x").replace(":", "x")

    return value
