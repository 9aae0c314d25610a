"""The providers that the simulator speaks for: one module each, whose `wire` is the factory.

A module's name is the provider's. One without a module is played by its `provider.toml`. Other
packages name theirs in the entry-point group `tarash_gateway.wires`. What a wire gets from the
simulator is in `_context`.
"""

import tomllib
from collections.abc import Callable
from functools import lru_cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from tarash.tarash_gateway.testing._wire import ProviderWire
from tarash.tarash_gateway.testing._wires._context import WireContext

__all__ = ["WireContext", "WireFactory", "played", "shipped", "wire_of", "wires"]

if TYPE_CHECKING:
    from tarash.tarash_gateway.testing._declarations import Declaration

WireFactory = Callable[[WireContext], ProviderWire]
ENTRY_POINTS = "tarash_gateway.wires"
_PROVIDERS = "tarash.tarash_gateway.providers"


@lru_cache(maxsize=1)
def shipped() -> dict[str, str]:
    """Return the providers whose wires ship with the package, and the modules that hold them."""
    modules = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    names = sorted({*modules, *declared()})
    return {name.replace("_", "-"): name for name in names}


@lru_cache(maxsize=1)
def declared() -> dict[str, str]:
    """Return the folders of the package's providers that hold a declaration, with its text."""
    texts = {}
    for folder in files(_PROVIDERS).iterdir():
        path = folder / "provider.toml"
        if path.is_file():
            texts[folder.name] = path.read_text("utf-8")

    return texts


def wires() -> list[str]:
    """Return the names of all providers that the simulator can speak for."""
    return sorted({*shipped(), *(point.name for point in entry_points(group=ENTRY_POINTS))})


def wire_of(provider: str) -> WireFactory:
    """Return what makes a provider's wire.

    Raises:
        ValueError: The simulator has no such provider.
    """
    name = shipped().get(provider, "")
    if name in declared() and find_spec(f".{name}", __package__) is None:
        from tarash.tarash_gateway.testing._declarations import Declaration

        return played(Declaration(tomllib.loads(declared()[name])))

    if name:
        made: WireFactory = import_module(f".{name}", __package__).wire
        return made

    for point in entry_points(group=ENTRY_POINTS, name=provider):
        brought: WireFactory = point.load()
        return brought

    raise ValueError(f"The simulator has no provider {provider!r}; it has: {', '.join(wires())}")


def played(declaration: "Declaration") -> WireFactory:
    """Return what makes the wire of a declaration."""
    from tarash.tarash_gateway.testing._declarations import DeclaredWire

    return partial(DeclaredWire, declaration)
