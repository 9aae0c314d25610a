"""Finds what stands where: names in a declaration, values in a body, hooks in a module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, get_args

from pydantic import BaseModel

from ..._support._paths import values_at
from ._parts import Pick, Predicate


def names_at(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """Return the keys that a declaration may have at a place."""
    current: Any = model
    for part in place:
        field = current.model_fields.get(part) if isinstance(part, str) else None
        if field is None:  # an index, or a name that the author gives
            continue

        current = next(_models_in(field.annotation), current)

    return [field.alias or name for name, field in current.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation

    for inner in get_args(annotation):
        yield from _models_in(inner)


def holds(predicate: Predicate, body: Any) -> bool:
    """Tell whether a body has what a predicate asks for."""
    return count_of(predicate, body) > 0


def count_of(predicate: Predicate, body: Any) -> int:
    """Return how many values of a body are what a predicate asks for."""
    values = [
        value
        for value in values_at(body, predicate.at)
        if value not in ("", [], {}) or value in predicate.values
    ]
    if predicate.unless:
        return sum(not _among(value, predicate.unless) for value in values)

    return sum(not predicate.values or _among(value, predicate.values) for value in values)


def kept_back(flags: Sequence[Predicate], body: Any) -> int:
    """Return how many things flags hold of: an item of a list once, however many hold of it."""
    by_list: dict[str, list[Predicate]] = {}
    for flag in flags:
        items, _, rest = flag.at.rpartition("[].")
        by_list.setdefault(items, []).append(flag.model_copy(update={"at": rest}))

    counts = [max((count_of(flag, body) for flag in by_list.pop("", [])), default=0)]
    for items, inner in by_list.items():
        counts.append(
            sum(any(holds(flag, item) for flag in inner) for item in values_at(body, f"{items}[]"))
        )

    return sum(counts)


def _among(value: Any, values: Sequence[Any]) -> bool:
    # In Python a truth value equals a number, and in JSON it doesn't.
    return any(
        value == wanted and isinstance(value, bool) == isinstance(wanted, bool) for wanted in values
    )


def picked(body: Any, path: str | Pick) -> list[Any]:
    """Return the values at a path, or of the items in a list that are meant."""
    if isinstance(path, str):
        return values_at(body, path)

    items = [item for item in values_at(body, f"{path.items}[]") if holds(path.where, item)]
    return [value for item in items for value in values_at(item, path.at)]


def put(body: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a path; `name[]` at its end appends, a number is a place in a list."""
    *outer, last = path.split(".")
    here: Any = body
    for number, name in enumerate(outer):
        following = [*outer, last][number + 1]
        here = _entered(here, name, [] if following.isdigit() else {})

    if last.endswith("[]"):
        values = value if isinstance(value, list) else [value]
        here[last[:-2]] = [*here.get(last[:-2], ()), *values]
    elif isinstance(here, list):
        _entered(here, last, value)
        here[int(last)] = value
    else:
        here[last] = value


def _entered(here: Any, name: str, empty: Any) -> Any:
    """Return a copy of what stands at a name, put in its place; what is of another form goes."""
    if isinstance(here, list):
        here.extend({} for _ in range(int(name) + 1 - len(here)))
        at: Any = int(name)
        inner = here[at]
    else:
        at, inner = name, here.get(name)

    kind = list if isinstance(empty, list) else dict
    here[at] = kind(inner) if isinstance(inner, kind) else empty
    return here[at]


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both objects in one; in their parts too, the second wins."""
    result = dict(under)
    for name, value in over.items():
        mine = result.get(name)
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            result[name] = merged(mine, value)
        else:
            result[name] = value

    return result


def hook(place: str) -> Any:
    """Return a function that stands at `module:name`."""
    module, _, name = place.partition(":")

    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(import_module(module), name)(*arguments, **named)

    return call
