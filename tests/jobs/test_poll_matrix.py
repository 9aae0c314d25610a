"""What comes in the place of an answer about a paid job: a sample for every run, and the whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.conftest import Leap
from tests.contract.cases import JOBS, Case, wire_of
from tests.jobs.conftest import Report
from tests.jobs.poll_matrix import KEY, PollMatrix, cells, faces, steps

SAMPLE = 1
"""Cells of each exchange and each duration in every run."""


@pytest.fixture
def simulator(case: Case) -> Iterator[Simulator]:
    with Simulator([wire_of(case.provider)]) as running:
        running.keys[case.provider] = {KEY}
        yield running


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_some_answers_in_every_place(
    case: Case, simulator: Simulator, tmp_path: Path, leap: Leap
) -> None:
    chosen = random.Random(str(case))
    every = list(cells(case))
    wanted = [
        one
        for step in steps(case)
        for lasting in ("for 5 s", "for ever")
        for one in chosen.sample(
            [cell for cell in every if (cell.step, cell.lasting) == (step, lasting)], SAMPLE
        )
    ]
    wanted.append(chosen.choice([one for one in faces(case) if one.lasting == "for 5 s"]))
    matrix = PollMatrix(case, simulator, tmp_path, leap)
    await matrix.run(wanted)
    assert matrix.wrong == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_every_answer_in_every_place(
    case: Case, simulator: Simulator, tmp_path: Path, leap: Leap, report: Report
) -> None:
    matrix = PollMatrix(case, simulator, tmp_path, leap)
    wanted = list(cells(case))
    await matrix.run(wanted)
    found = f"{case}: {len(wanted)} cells: {dict(matrix.fates)}; {len(matrix.wrong)} wrong"
    report("\n".join([found, *matrix.wrong]))
    assert matrix.wrong == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_every_face_of_a_front_in_every_place(
    case: Case, simulator: Simulator, tmp_path: Path, leap: Leap, report: Report
) -> None:
    matrix = PollMatrix(case, simulator, tmp_path, leap)
    wanted = list(faces(case))
    await matrix.run(wanted)
    found = f"{case}: {len(wanted)} faces: {dict(matrix.fates)}; {len(matrix.wrong)} wrong"
    report("\n".join([found, *matrix.wrong]))
    assert matrix.wrong == []
