"""Finds what a subclass of `RestAdapter` sets and nobody reads: mostly a misspelt attribute.

An adapter may keep data of its own on its class, so a name that a method of it reads is in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from . import _contract

METHODS_ALIKE = 0.75
DATA_ALIKE = 0.6
MOST_NAMED = 4


def unread_names(made: type, base: type) -> dict[str, list[str]]:
    """Return the names that a class sets in vain, each with those that are probably meant.

    Args:
        made: A subclass of the base.
        base: What defines the names that the gateway reads.
    """
    known = _known(base)
    own = {name for name in vars(made) if not name.startswith("_")} - known
    unread = sorted(own - _read_by(made, base)) if own else []
    meant = {name: _near(name, vars(made)[name], known, base) for name in unread}
    return {name: near for name, near in meant.items() if near}


@lru_cache(maxsize=4)
def _known(base: type) -> frozenset[str]:
    """Return all that the contract and the base define."""
    contract = [one for one in vars(_contract).values() if isinstance(one, type)]
    defined = [one for one in contract if one.__module__ == _contract.__name__]
    return frozenset(
        name
        for one in (*base.__mro__, *defined)
        for name in (*vars(one), *vars(one).get("__annotations__", {}))
        if not name.startswith("_")
    )


def _read_by(made: type, base: type) -> set[str]:
    """Return the names that the functions of a class and of its bases read, without the base's."""
    classes = [one for one in made.__mro__ if one not in base.__mro__]
    values = [value for one in classes for value in vars(one).values()]
    return {name for value in values for code in _codes(value) for name in code.co_names}


def _codes(value: Any) -> Iterator[CodeType]:
    """Yield the code of a function, a method or a property, with that of what it defines."""
    inner = (getattr(value, part, None) for part in ("__func__", "fget", "func", "__wrapped__"))
    code = value.__code__ if isinstance(value, FunctionType) else value
    if isinstance(code, CodeType):
        yield code
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from _codes(constant)

        return

    for part in inner:
        if isinstance(part, FunctionType):
            yield from _codes(part)


def _near(name: str, value: Any, known: frozenset[str], base: type) -> list[str]:
    """Return the known names that one is probably meant to be, at most a few.

    A method's has to be spelt alike: an adapter has helpers. Another's may also have a word in
    common.
    """
    import difflib

    if callable(value) or hasattr(value, "__get__"):
        return difflib.get_close_matches(name, sorted(known), n=1, cutoff=METHODS_ALIKE)

    methods = {other for other in known if callable(getattr(base, other, None))}
    data = sorted(known - methods - set(_contract.ABILITIES))
    alike = difflib.get_close_matches(name, data, n=MOST_NAMED, cutoff=DATA_ALIKE)
    words = set(name.split("_"))
    sharing = [other for other in data if words & set(other.split("_"))]
    return list(dict.fromkeys([*alike, *sharing]))[:MOST_NAMED]
