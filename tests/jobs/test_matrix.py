"""The matrix of faults, in a sample for every run and as a whole for the long form."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.contract.cases import CASES, everyone
from tests.jobs.conftest import Report
from tests.jobs.matrix import KEY, Cell, Matrix, cells

SAMPLE = 1
"""Cells of each case in every run."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with everyone() as running:
        for name in running.providers:
            running.keys[name] = {KEY}

        yield running

    assert running.leaks == []


async def run(simulator: Simulator, folder: Path, wanted: list[Cell]) -> Counter[str]:
    """Run cells, those of different providers at once; return how they ended."""
    by_provider: dict[str, list[Cell]] = {}
    for cell in wanted:
        by_provider.setdefault(cell.case.provider, []).append(cell)

    matrices = {name: Matrix(simulator, folder, name) for name in by_provider}
    await asyncio.gather(*(matrices[name].run(by_provider[name]) for name in by_provider))
    return sum((one.fates for one in matrices.values()), Counter())


@pytest.mark.timeout(300)
async def test_a_sample_of_the_matrix(simulator: Simulator, tmp_path: Path) -> None:
    chosen = random.Random(0)
    wanted = [one for case in CASES for one in chosen.sample(list(cells(case, slow=False)), SAMPLE)]
    fates = await run(simulator, tmp_path, wanted)
    assert fates.total() == SAMPLE * len(CASES)
    assert {"response", "failure", "nothing bought, rejected"} <= fates.keys()


@pytest.mark.soak
@pytest.mark.parametrize("slow", [False, True])
async def test_the_whole_matrix(
    slow: bool, simulator: Simulator, tmp_path: Path, report: Report
) -> None:
    wanted = [one for case in CASES for one in cells(case, slow=slow)]
    fates = await run(simulator, tmp_path, wanted)
    report(f"{len(wanted)} cells: {dict(fates)}")
    assert fates.total() == len(wanted)
    assert slow or len(wanted) >= 400
