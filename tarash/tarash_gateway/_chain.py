"""The chain of configs as calls: checked as a whole before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ._contract import Call
from ._ids import generate_unique_id

if TYPE_CHECKING:
    from ._contract import Config, Request
    from ._types import Kind
    from .registry import Registry


def chain_of(config: Config) -> Iterator[Config]:
    """Yield the configs in the order in which they are tried: depth first."""
    yield config
    for fallback in config.fallback_configs:
        yield from chain_of(fallback)


def calls_for(kind: Kind, config: Config, request: Request, registry: Registry) -> list[Call]:
    """Return one call for each config.

    Raises:
        ValidationError: Nobody knows one of the providers, or its extra is missing: told before
            anything is sent, also of a fallback.
    """
    calls = [
        Call(kind, one, request, generate_unique_id(), number)
        for number, one in enumerate(chain_of(config), 1)
    ]
    for call in calls:
        provider = call.config.provider
        registry.check_known(provider, mocked=call.mocked)
        if not call.mocked and registry.handler(provider) is None:
            registry.adapter(provider)

    return calls
