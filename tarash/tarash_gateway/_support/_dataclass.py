"""Dataclasses as the standard library's, whose `__init__` is made when it is first called.

The library compiles up to six methods of each class as it is defined: for the classes that lie on
the way to a first submit, that took as long as importing pydantic. Here one is compiled, and only
for the classes that are used; the others are the same few functions for all.
"""

from __future__ import annotations

import dataclasses
import sys
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import dataclass
    from inspect import Signature
else:

    def dataclass(cls=None, /, *, eq=True, frozen=False, init=True, **options):  # noqa: ANN001, ANN003, ANN202
        """Make a class a dataclass; takes what the library's decorator takes, but no `InitVar`.

        Args:
            cls: The class, where the decorator has no arguments.
            eq: Whether two with equal fields are equal and, if frozen, have the same hash.
            frozen: Whether no field can be set afterwards.
            init: Whether there is an `__init__`.
            options: `slots` and `kw_only`, for the library.
        """

        def decorate(bare: type) -> type:
            return _decorated(bare, options, eq=eq, frozen=frozen, init=init)

        return decorate if cls is None else decorate(cls)


__all__ = ["dataclass"]

KEPT = "_dataclass_"
"""What a written `__init__` reads begins so: no field does."""


class _Factory:
    """Stands in a signature for what a factory makes."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


def _decorated(
    bare: type, options: Mapping[str, bool], *, eq: bool, frozen: bool, init: bool
) -> type:
    own = dict(vars(bare))
    if own.get("__doc__") is None:
        bare.__doc__ = bare.__name__  # else the library makes a signature to write one

    # Where it inherits, the library checks that both are frozen, or neither.
    inherits = any(map(dataclasses.is_dataclass, bare.__mro__[1:]))
    make: Any = dataclasses.dataclass
    made: Any = make(bare, init=False, repr=False, eq=False, frozen=frozen and inherits, **options)
    params = made.__dataclass_params__  # which others read, such as pydantic
    params.init, params.repr, params.eq, params.frozen = init, True, eq, frozen
    methods: dict[str, Any] = {"__repr__": _repr}
    if init:
        methods |= {"__init__": _first_init(made), "__signature__": _SignatureOf(made)}

    if eq:
        made.__compared__ = staticmethod(_reader_of_compared(made))
        methods |= {"__eq__": _eq, "__hash__": _hash if frozen else None}

    if frozen:
        methods |= {"__setattr__": _setattr, "__delattr__": _delattr}
        if options.get("slots"):
            methods |= {"__getstate__": _getstate, "__setstate__": _setstate}

    for name, method in methods.items():
        # A class that defines `__eq__` itself has no hash of its own, and may be given one.
        if name not in own or (name == "__hash__" and own[name] is None):
            setattr(made, name, method)

    finished: type = made
    return finished


def _reader_of_compared(made: Any) -> Callable[[Any], Any]:
    """Return what reads the fields that tell an instance from others."""
    names = [field.name for field in dataclasses.fields(made) if field.compare]
    if len(names) > 1:
        return attrgetter(*names)

    return lambda one: tuple(getattr(one, name) for name in names)


@recursive_repr()
def _repr(self: Any) -> str:
    fields = (field.name for field in dataclasses.fields(self) if field.repr)
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented

    return self.__compared__(self) == self.__compared__(other)


def _hash(self: Any) -> int:
    return hash(self.__compared__(self))


def _setattr(self: Any, name: str, value: object) -> None:
    _check_free(self, name, "assign to")
    object.__setattr__(self, name, value)


def _delattr(self: Any, name: str) -> None:
    _check_free(self, name, "delete")
    object.__delattr__(self, name)


def _check_free(one: Any, name: str, action: str) -> None:
    """Refuse a field, and anything where the class itself is frozen: what inherits may have more.

    Raises:
        FrozenInstanceError: It is one.
    """
    if name in one.__dataclass_fields__ or "__dataclass_fields__" in vars(type(one)):
        raise dataclasses.FrozenInstanceError(f"cannot {action} field {name!r}")


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


class _SignatureOf:
    """The signature of a class, for whoever asks; what inherits and has no fields finds its own."""

    def __init__(self, made: type) -> None:
        self._made = made

    def __get__(self, instance: object, owner: type) -> Signature:
        from inspect import signature

        if instance is not None or owner is not self._made:
            raise AttributeError("__signature__")

        whole = signature(_written(owner))
        return whole.replace(parameters=list(whole.parameters.values())[1:])


def _first_init(made: Any) -> Callable[..., None]:
    """Return an `__init__` that puts the real one into its place as soon as it is called."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        real = made.__init__ = _written(made)
        real(self, *args, **kwargs)

    __init__.__qualname__ = f"{made.__qualname__}.__init__"
    return __init__


def _written(made: Any) -> Callable[..., None]:
    """Return the `__init__` that the library would have written."""
    known: dict[str, Any] = {f"{KEPT}factory": _FACTORY, f"{KEPT}set": object.__setattr__}
    first, later, lines = ["self"], list[str](), list[str]()
    for field in dataclasses.fields(made):
        name, default = field.name, f"{KEPT}{field.name}"
        value = name
        if field.default_factory is not dataclasses.MISSING:
            known[default] = field.default_factory
            value = f"{default}() if {name} is {KEPT}factory else {name}"
            parameter = f"{name}={KEPT}factory"
        elif field.default is not dataclasses.MISSING:
            known[default] = field.default
            parameter = f"{name}={default}"
        else:
            parameter = name

        if field.init:
            (later if field.kw_only else first).append(parameter)
        elif parameter == name:  # nothing to set
            continue
        else:
            value = f"{default}()" if value != name else default

        frozen = made.__dataclass_params__.frozen
        lines.append(f"{KEPT}set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")

    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")

    parameters = ", ".join([*first, *(["*", *later] if later else [])])
    body = "\n    ".join(lines or ["pass"])
    # Within the module of the class, as the library does: its hints are read there.
    head = f"def make({', '.join(known)}):\n  def __init__({parameters}):"
    module = sys.modules.get(made.__module__)
    place: dict[str, Any] = {}
    text = f"{head}\n    {body}\n  return __init__"
    exec(text, {} if module is None else vars(module), place)  # noqa: S102
    init: Callable[..., None] = place["make"](**known)
    init.__qualname__, init.__module__ = f"{made.__qualname__}.__init__", made.__module__
    hints = {field.name: field.type for field in dataclasses.fields(made) if field.init}
    init.__annotations__ = {**hints, "return": None}
    return init
