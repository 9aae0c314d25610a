"""Dataclasses whose methods are made late are in every way what the standard library makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
import threading
import typing
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tarash.tarash_gateway._support import _dataclass
from tarash.tarash_gateway._support._dataclass import dataclass

PACKAGE = Path(_dataclass.__file__).parent.parent
LATE = "_support._dataclass"
LIBRARYS = re.compile(r"^ *from dataclasses import .*\bdataclass\b", re.MULTILINE)
FRONT = {"cli", "mcp", "observability", "progress", "server", "testing"}
"""Rooms that no first submit loads."""


class Plain:
    """Fields of every kind."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list)
    hidden: int = field(default=3, repr=False)
    aside: int = field(default=4, compare=False)
    fixed: int = field(default=5, init=False)
    made: list[int] = field(default_factory=lambda: [6], init=False)
    later: int = field(default=7, kw_only=True)
    shared: ClassVar[int] = 8


class Posted:
    """One that checks itself."""

    a: int

    def __post_init__(self) -> None:
        """Refuse zero."""
        if self.a == 0:
            raise ValueError("zero")


class Named:
    """One with methods of its own, which stay."""

    a: int

    def __repr__(self) -> str:
        return "named"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class Bare:
    """No field."""


class Undocumented:
    a: int


OPTIONS: list[dict[str, bool]] = [
    {"frozen": frozen, "slots": slots, "kw_only": kw_only, "eq": eq}
    for frozen in (False, True)
    for slots in (False, True)
    for kw_only in (False, True)
    for eq in (False, True)
]
SHAPES = (Plain, Posted, Named, Bare, Undocumented)


def _of(shape: type, decorator: Any, options: dict[str, bool]) -> Any:
    again = {
        name: copy.copy(one) if isinstance(one, dataclasses.Field) else one
        for name, one in vars(shape).items()
        if name not in {"__dict__", "__weakref__"}
    }
    return decorator(**options)(type(shape.__name__, (), again))


def _tried(action: Any) -> tuple[str, Any]:
    try:
        return "gave", action()
    except Exception as error:  # noqa: BLE001  (what it raises is compared)
        return type(error).__name__, ""


def _seen(made: Any) -> dict[str, Any]:
    """Return what can be seen of a class and of its instances."""
    parameters = [
        (name, one.kind, repr(one.default), one.annotation)
        for name, one in inspect.signature(made).parameters.items()
    ]
    seen: dict[str, Any] = {
        "parameters": parameters,
        "match": made.__match_args__,
        "hashable": made.__hash__ is not None,
        "none": _tried(lambda: repr(made())),
        "too many": _tried(lambda: made(1, 2, 3, 4, 5, 6, 7, 8, 9)),
        "unknown": _tried(lambda: made(a=1, zzz=2)),
        "zero": _tried(lambda: repr(made(a=0))),
    }
    state, one = _tried(lambda: made(a=1))
    if state != "gave":
        one = made()

    other = _tried(lambda: made(a=1))[1] or made()
    own = made.__hash__ not in {None, object.__hash__}
    return seen | {
        "repr": repr(one),
        "equal": one == other,
        "unlike": one == _tried(lambda: made(a=2))[1],
        "other": one.__eq__(object()) is NotImplemented,
        "hashes": _tried(lambda: hash(one) == hash(other)) if own else None,
        # Without a field the library of 3.11 fails with another error in a class with slots.
        "assign": _tried(lambda: setattr(one, "a", 1))[0] if made.__match_args__ else "",
        "delete": _tried(lambda: delattr(other, "a"))[0] if made.__match_args__ else "",
        "as dict": dataclasses.asdict(one),
        "replaced": _tried(lambda: repr(dataclasses.replace(one, a=3))),
        "copied": repr(copy.copy(one)),
        "deeply": repr(copy.deepcopy(one)),
        "dict": hasattr(one, "__dict__"),
        "params": {
            name: getattr(made.__dataclass_params__, name)
            for name in ("init", "repr", "eq", "order", "unsafe_hash")
        },
    }


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_they_are_what_the_library_makes(shape: type, options: dict[str, bool]) -> None:
    ours, theirs = (
        _of(shape, decorator, options) for decorator in (dataclass, dataclasses.dataclass)
    )
    assert _seen(ours) == _seen(theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """One to inherit from, where pickle finds it."""

    a: int
    b: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Below(Above):
    """One more field."""

    c: int = 1


@dataclasses.dataclass(frozen=True)
class Users(Above):
    """What a user makes of a class of ours."""

    d: int = 2


class Subclass(Above):
    """No dataclass by itself."""

    def __init__(self, own: int) -> None:
        super().__init__(a=own)
        self.own = own


@pytest.mark.parametrize("one", [Above(a=1), Below(a=1, b=(2,), c=3), Users(a=1, d=4)], ids=repr)
def test_one_that_inherits_has_all_fields_and_comes_back_from_a_pickle(one: Any) -> None:
    back = pickle.loads(pickle.dumps(one))
    assert (back, hash(back), repr(back)) == (one, hash(one), repr(one))
    assert one != dataclasses.replace(one, a=9)
    with pytest.raises(dataclasses.FrozenInstanceError, match="'a'"):
        one.a = 2


def test_what_only_inherits_keeps_its_own_signature_and_may_have_more() -> None:
    assert list(inspect.signature(Subclass).parameters) == ["own"]
    one = Subclass(3)
    assert (one.own, one.a) == (3, 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, "a", 4)  # noqa: B010  (a type checker refuses it otherwise)


def test_one_that_is_not_frozen_inherits_from_no_frozen_one() -> None:
    with pytest.raises(TypeError, match="frozen"):
        dataclass()(type("Loose", (Above,), {"__annotations__": {"d": int}, "d": 1}))


def test_threads_that_make_the_first_at_once_make_equal_ones() -> None:
    made = _of(Plain, dataclass, {"frozen": True})
    barrier = threading.Barrier(8)
    found: list[Any] = []

    def make() -> None:
        barrier.wait()
        found.append(made(1))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for one in threads:
        one.start()

    for one in threads:
        one.join()

    assert found == [made(1)] * 8


def test_the_hints_of_an_init_are_read_where_its_class_is_defined() -> None:
    made = _of(Plain, dataclass, {})
    made(1)
    assert typing.get_type_hints(made.__init__)["c"] == list[int]


def test_the_first_of_a_class_makes_its_init_and_no_other() -> None:
    made = _of(Plain, dataclass, {})
    first = made.__init__
    made(1)
    assert made.__init__ is not first
    assert made.__init__.__qualname__ == first.__qualname__ == "Plain.__init__"


def test_the_rooms_on_the_way_to_a_submit_use_them() -> None:
    found = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in FRONT
        and path != Path(_dataclass.__file__)
        and LIBRARYS.search(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"import dataclass from {LATE}: {found}"
