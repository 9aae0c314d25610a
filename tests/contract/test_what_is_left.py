"""A finished job is let go of at once, whichever provider made it: no cycle holds it, or its media.

So a process that holds many jobs may collect cycles seldom, as `tarash worker` does.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import TarashException
from tarash.tarash_gateway.testing import Script

from .cases import CASES
from .conftest import Run

OF_A_JOB = frozenset({"Attempt", "ChainRun", "Call", "Watch", "Progress"})
LARGE = 4096
"""Bytes; a medium has more."""


@pytest.fixture
def left() -> Iterator[list[Any]]:
    """Keep what only the collector of cycles would let go of."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def held_by(cycles: list[Any]) -> list[str]:
    """Return what of a job is among objects, by the names of their classes."""
    large = [one for one in cycles if isinstance(one, bytes | str) and len(one) > LARGE]
    parts = [type(one).__name__ for one in cycles]
    return [*("media" for _ in large), *(one for one in parts if one in OF_A_JOB)]


SOME = ("fal-video", "recraft-image", "runway-video", "xai-image")
"""By REST and declared; at once, and by polls."""


@pytest.mark.parametrize("ends", ["well", "badly"])
@pytest.mark.parametrize(
    "case", [next(one for one in CASES if str(one).startswith(name)) for name in SOME], ids=str
)
async def test_no_cycle_holds_a_finished_job(run: Run, left: list[Any], ends: str) -> None:
    run.script(*[Script(outcome="completed" if ends == "well" else "failed")] * 3)
    for _ in range(3):
        try:
            await run.generate()
        except TarashException:
            assert ends == "badly"

    await asyncio.sleep(0)
    gc.collect()

    assert held_by(left) == []
