"""One cheap call to each real provider whose key is in the environment; `nox -s live` runs it."""

from __future__ import annotations

from typing import cast

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    generate_image_async,
)
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway._http._pools import ClientCache
from tarash.tarash_gateway.providers._contract import CheckingAdapter
from tarash.tarash_gateway.providers._registry import default_registry

from .cheapest import CHEAPEST, Live, with_key

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
PROMPT = "A lighthouse on a cliff, flat colours"


def skip_without_key(one: Live) -> str:
    """Return the model to ask, unless the environment lacks what is needed."""
    if not with_key(one.provider):
        pytest.skip(f"no key for {one.provider}")

    if one.chosen_model is None:
        pytest.skip(f"no model for {one.provider}: set TARASH_LIVE_…_MODEL")

    return one.chosen_model


@pytest.mark.parametrize("one", CHEAPEST, ids=lambda one: one.provider)
async def test_the_key_works(one: Live) -> None:
    """Costs nothing."""
    model = skip_without_key(one)
    adapter = default_registry.adapter(one.provider)
    variable = default_registry.environment_variable(one.provider)
    config = ImageGenerationConfig(provider=one.provider, model=model)
    clients = ClientCache()
    async with clients.lease(adapter, account(adapter, config, variable)) as client:
        await cast("CheckingAdapter", adapter).verify_credentials(client)

    await clients.aclose()


@pytest.mark.parametrize("one", CHEAPEST, ids=lambda one: one.provider)
async def test_an_image_is_made(one: Live) -> None:
    model = skip_without_key(one)
    config = ImageGenerationConfig(provider=one.provider, model=model, timeout=600, max_retries=0)
    request = ImageGenerationRequest.model_validate({"prompt": PROMPT, **one.wishes})
    updates: list[str] = []
    response = await generate_image_async(config, request, lambda one: updates.append(one.status))

    assert response.images
    assert response.raw_response
    assert updates[-1] == "completed"
    assert updates.count("completed") == 1
