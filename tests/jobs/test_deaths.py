"""Deaths right before and after each write of the ledger, in a sample and as a whole."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.jobs.conftest import Report
from tests.jobs.deaths import PAIRS, WAYS, Deaths, Way, ways
from tests.jobs.processes import Zygote

SAMPLE = 4
"""Points of each way in every run."""


@pytest.mark.timeout(300)
async def test_a_death_at_some_writes_of_every_way(
    zygote: Zygote, simulator: Simulator, tmp_path: Path
) -> None:
    deaths = Deaths(zygote, simulator, tmp_path)
    chosen = random.Random(0)
    for way in ways(pairs=1):
        cells = await deaths.cells(*way)
        for cell in chosen.sample(cells, min(SAMPLE, len(cells))):
            await deaths.run(cell)

    assert deaths.fates["delivered"]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.replace(" ", "-"))
async def test_a_death_at_every_write(
    way: Way, zygote: Zygote, simulator: Simulator, tmp_path: Path, report: Report
) -> None:
    deaths = Deaths(zygote, simulator, tmp_path)
    wrong: Counter[str] = Counter()
    for one in ways(pairs=len(PAIRS)):
        for cell in await deaths.cells(*one) if one[0] is way else ():
            try:
                await deaths.run(cell)
            except AssertionError as error:
                wrong["\n".join([str(error), *getattr(error, "__notes__", ())])] += 1

    found = f"{deaths.fates.total()} deaths: {dict(deaths.fates)}; {len(wrong)} wrong"
    report(f"{way.name}: {found}")
    assert not wrong, "\n\n".join(wrong)
