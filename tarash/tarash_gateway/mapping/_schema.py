"""Reads one parameter of a JSON Schema: what it can hold, in a form that mapping can ask. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SCALARS = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What a parameter can hold.

    Attributes:
        name: The parameter's name.
        kinds: JSON types, without `null`.
        values: The values that are named; empty where none are.
        closed: Whether no other scalar than these is allowed.
        low: The least number, included.
        high: The greatest number, included.
        step: Numbers must be a multiple of it.
        default: What the provider takes when it is left out.
        item: What a list holds.
        parts: What an object holds.
        needed: The parts that an object must have.
        least: Items that a list must have.
        most: Items that a list may have; None for any number.
        longest: Characters that text may have.
        described: The provider's own words on it, in lower case.
        required: Whether the provider refuses a request without it.
        deprecated: Whether the provider has retired it.
    """

    name: str
    kinds: frozenset[str]
    values: tuple[Any, ...] = ()
    closed: bool = False
    low: float | None = None
    high: float | None = None
    step: float | None = None
    default: Any = None
    item: Shape | None = None
    parts: Mapping[str, Shape] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    longest: int | None = None
    described: str = ""
    required: bool = False
    deprecated: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the name, in lower case."""
        return words(self.name)

    @property
    def is_flag(self) -> bool:
        """Whether it is true or false."""
        return self.kinds == {"boolean"}

    @property
    def is_number(self) -> bool:
        """Whether a number can be sent."""
        return bool(self.kinds & {"integer", "number"})

    @property
    def is_whole(self) -> bool:
        """Whether numbers must be whole."""
        return "integer" in self.kinds and "number" not in self.kinds

    @property
    def is_free_text(self) -> bool:
        """Whether any text can be sent."""
        return "string" in self.kinds and not self.closed


def words(name: str) -> tuple[str, ...]:
    """Return the words of a parameter's name: `startImageURL2` is `start`, `image`, `url`, `2`."""
    return _words(name)


_KNOWN_WORDS: dict[str, tuple[str, ...]] = {}


def _words(name: str) -> tuple[str, ...]:
    words = _KNOWN_WORDS.get(name)
    if words is None:
        spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
        words = tuple(re.findall(r"[a-z]+|\d+", spaced.lower()))
        _KNOWN_WORDS[name] = words

    return words


def read_shapes(schema: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the shape of every parameter of an object's schema, in its order."""
    required = set(schema.get("required") or ())
    properties = schema.get("properties") or {}
    return {
        name: read_shape(name, value, required=name in required)
        for name, value in properties.items()
        if isinstance(value, Mapping)
    }


def read_shape(name: str, schema: Mapping[str, Any], *, required: bool = False) -> Shape:
    """Return the shape of one parameter."""
    branches = [branch for branch in _branches(schema) if branch.get("type") != "null"]
    scalars = [branch for branch in branches if _kind(branch) in SCALARS]
    values = tuple(value for scalar in scalars for value in scalar.get("enum") or ())
    numbers = [branch for branch in branches if _kind(branch) in {"integer", "number"}]
    lists = next((branch for branch in branches if _kind(branch) == "array"), {})
    objects = next((branch for branch in branches if _kind(branch) == "object"), {})
    items = lists.get("items")
    texts = [branch for branch in branches if _kind(branch) == "string" and not branch.get("enum")]
    return Shape(
        name=name,
        kinds=frozenset(kind for branch in branches if (kind := _kind(branch))),
        values=values,
        closed=bool(values) and all(scalar.get("enum") for scalar in scalars),
        low=_least(numbers),
        high=_greatest(numbers),
        step=next((number["multipleOf"] for number in numbers if number.get("multipleOf")), None),
        default=schema.get("default"),
        item=read_shape(name, items) if isinstance(items, Mapping) else None,
        parts=read_shapes(objects),
        needed=tuple(objects.get("required") or ()),
        least=int(lists.get("minItems") or 0),
        most=lists.get("maxItems"),
        longest=next((text["maxLength"] for text in texts if text.get("maxLength")), None),
        described=str(schema.get("description") or "").lower(),
        required=required,
        deprecated=bool(schema.get("deprecated")),
    )


def _branches(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    branches = schema.get("anyOf") or schema.get("oneOf")
    if not branches:
        yield schema
        return

    for branch in branches:
        if isinstance(branch, Mapping):
            yield from _branches(branch)


def _kind(schema: Mapping[str, Any]) -> str | None:
    """Return the type of a schema, also of one that only shows it by what it holds."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind

    if schema.get("enum"):
        return _KINDS.get(type(schema["enum"][0]))

    return "object" if "properties" in schema else "array" if "items" in schema else None


_KINDS: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def _least(numbers: list[Mapping[str, Any]]) -> float | None:
    lows = []
    for number in numbers:
        low, above = number.get("minimum"), number.get("exclusiveMinimum")
        if isinstance(above, bool):
            low, above = (None, low) if above else (low, None)
        if above is not None:
            low = above + 1 if number.get("type") == "integer" else above + 1e-3
        if low is None:
            return None
        lows.append(low)

    return min(lows, default=None)


def _greatest(numbers: list[Mapping[str, Any]]) -> float | None:
    highs = []
    for number in numbers:
        high, below = number.get("maximum"), number.get("exclusiveMaximum")
        if isinstance(below, bool):
            high, below = (None, high) if below else (high, None)
        if below is not None:
            high = below - 1 if number.get("type") == "integer" else below - 1e-3
        if high is None:
            return None
        highs.append(high)

    return max(highs, default=None)
