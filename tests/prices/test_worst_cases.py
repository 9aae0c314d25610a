"""A chain's worst case stays under its limit, whatever goes wrong with whichever provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.testing import Simulator
from tests.contract.cases import everyone
from tests.jobs.matrix import KEY
from tests.prices.chains import cells, play

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with everyone() as running:
        for name in running.providers:
            running.keys[name] = {KEY}

        yield running


@pytest.fixture(autouse=True)
def _own_prices() -> Iterator[None]:
    yield
    prices.reset()


async def run(simulator: Simulator, folder: Path, number: int, seed: int) -> list[int]:
    """Play so many chains; return how many providers each of them tried."""
    tried = []
    for cell in cells(number, seed):
        prices.reset()
        _, providers = await play(cell, simulator, folder)
        tried.append(providers)

    return tried


async def test_what_providers_bill_for_a_chain_stays_under_its_limit(
    simulator: Simulator, tmp_path: Path
) -> None:
    tried = await run(simulator, tmp_path, 30, 9)
    assert {1, 2, 3} <= set(tried)


@pytest.mark.soak
async def test_what_they_bill_for_hundreds_of_chains_stays_under_their_limits(
    simulator: Simulator, tmp_path: Path
) -> None:
    tried = await run(simulator, tmp_path, 400, 11)
    assert min(tried.count(one) for one in (1, 2, 3)) > 40
