"""Seconds of computing: unknown before, estimated by what such jobs took, and never a limit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tarash.tarash_gateway import (
    CostLimitError,
    Gateway,
    VideoGenerationConfig,
    VideoGenerationRequest,
    register_prices,
)
from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Script, Simulator

KEY = "canary-key-of-computing"
REQUEST = VideoGenerationRequest(prompt="A tram")
LINE = {"provider": "replicate", "model": "acme/clip:*", "unit": "gpu_second", "rate": "0.001"}


@pytest.fixture
def made() -> Iterator[Any]:
    register_prices([LINE])
    with Simulator(["replicate"]) as running:
        running.script("replicate", Script(run_polls=2))
        yield VideoGenerationConfig(
            provider="replicate",
            model="acme/clip:" + "a" * 64,
            api_key=KEY,
            base_url=running.base_url("replicate"),
            poll_interval=0.02,
            provider_config={"min_poll_interval": 0.01},
        )

    prices.reset()


async def test_computing_is_estimated_by_what_such_jobs_took(made: Any) -> None:
    async with Gateway(ledger=MemoryLedger()) as gateway:
        before = (await gateway.plan_video_async(made, REQUEST)).quote
        assert (before.low, before.high, before.typical, before.notes) == (None, None, None, ())
        assert "by the second of computing" in before.unknown[0]

        await gateway.generate_video_async(made, REQUEST)
        plan = await gateway.plan_video_async(made, REQUEST)

    quote, seconds = plan.quote, plan.expected_seconds
    assert seconds is not None
    assert quote.typical == Decimal(f"{seconds:.3g}") * Decimal("0.001")
    assert (quote.low, quote.high, quote.currency) == (None, None, "USD")
    assert "on average" in str(quote)
    (note,) = quote.notes
    assert "that such jobs took here" in note


async def test_an_estimate_of_computing_is_no_limit(made: Any) -> None:
    async with Gateway(ledger=MemoryLedger()) as gateway:
        await gateway.generate_video_async(made, REQUEST)
        with pytest.raises(CostLimitError, match="Nobody knows"):
            await gateway.generate_video_async(made.model_copy(update={"max_cost": 9}), REQUEST)
