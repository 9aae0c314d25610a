"""The providers that the simulator speaks for: one module each, whose `wire` is the factory.

A module's name is the provider's. Other packages name theirs in the entry-point group
`tarash_gateway.wires`. What a wire gets from the simulator is in `_context`.
"""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from tarash.tarash_gateway.testing._wire import ProviderWire
from tarash.tarash_gateway.testing._wires._context import WireContext

__all__ = ["WireContext", "shipped", "wire_of", "wires"]

WireFactory = Callable[[WireContext], ProviderWire]
ENTRY_POINTS = "tarash_gateway.wires"


@lru_cache(maxsize=1)
def shipped() -> dict[str, str]:
    """Return the providers whose wires ship with the package, and the modules that hold them."""
    modules = (one.name for one in iter_modules(__path__) if not one.name.startswith("_"))
    return {name.replace("_", "-"): name for name in sorted(modules)}


def wires() -> list[str]:
    """Return the names of all providers that the simulator can speak for."""
    return sorted({*shipped(), *(point.name for point in entry_points(group=ENTRY_POINTS))})


def wire_of(provider: str) -> WireFactory:
    """Return what makes a provider's wire.

    Raises:
        ValueError: The simulator has no such provider.
    """
    if provider in shipped():
        made: WireFactory = import_module(f".{shipped()[provider]}", __package__).wire
        return made

    for point in entry_points(group=ENTRY_POINTS, name=provider):
        brought: WireFactory = point.load()
        return brought

    raise ValueError(f"The simulator has no provider {provider!r}; it has: {', '.join(wires())}")
