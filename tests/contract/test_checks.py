"""Every provider's key can be checked at no cost: what `tarash doctor --live` does."""

from __future__ import annotations

from typing import cast

import pytest

from tarash.tarash_gateway import AuthenticationError, VideoGenerationConfig, list_providers
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway._http._pools import ClientCache
from tarash.tarash_gateway.providers._contract import CheckingAdapter
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Simulator

from .cases import wire_of

PROVIDERS = [provider.name for provider in list_providers() if provider.environment_variable]


async def _check(provider: str, key: str, simulator: Simulator) -> None:
    adapter = default_registry.adapter(provider)
    (origin,) = map(simulator.base_url, simulator.providers)
    asked = VideoGenerationConfig(provider=provider, model="none", api_key=key, base_url=origin)
    clients = ClientCache()
    try:
        async with clients.lease(adapter, account(adapter, asked, None)) as client:
            await cast("CheckingAdapter", adapter).verify_credentials(client)
    finally:
        await clients.aclose()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_key_is_checked_for_nothing(provider: str) -> None:
    served = default_registry.adapter(provider).name
    with Simulator([wire_of(served)]) as simulator:
        simulator.keys[served] = {"the-right-key"}
        await _check(provider, "the-right-key", simulator)
        with pytest.raises(AuthenticationError):
            await _check(provider, "another-key", simulator)

        counted = simulator.counters(served)
        assert (counted.submits, counted.uploads) == (0, 0)
        assert len(simulator.requests(served)) == 2
