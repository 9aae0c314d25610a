"""The recipes, run as people run them, against simulated providers; only by `nox -s recipes`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger import open_ledger
from tarash.tarash_gateway.testing import Counters, Script, Simulator

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "examples" / "recipes"
KEY = "canary-key-of-the-tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here: it needs packages that only the session of its own installs."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.recipes)
            # Of packages that are none of ours.
            item.add_marker(pytest.mark.filterwarnings("default"))


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; pytest's own timeout ends what never does."""
    while not condition():
        time.sleep(0.02)


class Place:
    """A folder with a ledger, simulated providers, and the programs that are run there."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator = simulator
        self.folder = folder
        self.ledger = f"sqlite:///{folder / 'jobs.db'}"
        self.running: list[subprocess.Popen[str]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if name[:7] != "TARASH_"},
            "FAL_KEY": KEY,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(RECIPES)]),
            "TARASH_FAL_BASE_URL": simulator.base_url("fal"),
            "TARASH_LEDGER": self.ledger,
        }

    def start(self, *arguments: str, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[str]:
        """Start Python with these arguments, in the folder."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            pass_fds=pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.running.append(process)
        return process

    def said(self, *arguments: str) -> str:
        """Run Python to its end, and return what it has said."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=1700)
        assert process.returncode == 0, output
        return output

    def never_done(self) -> None:
        """Let jobs run until somebody stops them."""
        self.simulator.script("fal", Script(outcome="never", stream=False))

    @property
    def counters(self) -> Counters:
        return self.simulator.counters("fal")

    def outcomes(self) -> list[str | None]:
        """Return how the ledger says each submit ended; None for one that is still open."""
        return asyncio.run(_outcomes(self.ledger))

    def saved(self) -> list[str]:
        """Return the names of the videos that were saved."""
        return sorted(path.suffix for path in self.folder.glob("videos/*"))


async def _outcomes(place: str) -> list[str | None]:
    ledger: Any = open_ledger(place)
    try:
        return [entry.outcome for job in await ledger.jobs() for entry in job.entries]
    finally:
        await ledger.aclose()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Simulator(["fal"]) as simulator:
        simulator.script("fal", Script(run_polls=1, stream=False))
        place = Place(simulator, tmp_path)
        yield place
        for process in place.running:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
