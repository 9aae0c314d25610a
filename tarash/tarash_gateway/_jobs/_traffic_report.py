"""What is known of limits and breakers, for whoever asks a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._data._limits import CircuitHealth
    from ..ledger._contract import Ledger
    from ._resources import GatewayContext


async def health(shared: GatewayContext) -> list[CircuitHealth]:
    """Return how the providers do, by host and model."""
    resources = shared.resources()
    if resources.breakers.breaker is not None:
        await resources.breakers.read_all(resources.ledger)

    return resources.breakers.health()


async def health_in(ledger: Ledger) -> list[CircuitHealth]:
    """Return what a ledger knows of providers that are down, or were."""
    from .._engine import Breakers

    breakers = Breakers()
    await breakers.read_all(ledger)
    return breakers.health()
