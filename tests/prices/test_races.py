"""The last cent of a budget: many race for it, one gets it, and a dead winner's is not lost."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import spend
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger, open_ledger
from tarash.tarash_gateway.ledger._contract import Spending
from tests.prices.racing import CENT, Racers

ROOT = Path(__file__).parents[2]
PROCESSES = 4


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_of_64_threads_one_gets_the_last_cent(kind: str, tmp_path: Path) -> None:
    alone(MemoryLedger() if kind == "memory" else SqliteLedger(tmp_path / "jobs.db"), rounds=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_of_64_threads_one_gets_the_last_cent_a_thousand_times(kind: str, tmp_path: Path) -> None:
    alone(MemoryLedger() if kind == "memory" else SqliteLedger(tmp_path / "jobs.db"), rounds=1_000)


def alone(ledger: Any, rounds: int) -> None:
    """Let the threads of this process race."""
    racers = Racers(ledger, 64, "here")
    won = [len(racers.race(number)) for number in range(1, rounds + 1)]
    racers.end()

    assert won == [1] * rounds
    assert spend(ledger, by=["provider"])[0].possible == CENT * rounds


class Process:
    """Racers in a process of their own."""

    def __init__(self, url: str, threads: int, name: str) -> None:
        self._errors = Path(tempfile.mkdtemp()) / "errors"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.prices.racing", url, str(threads), name],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def send(self, line: str) -> None:
        """Begin a round."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def answer(self) -> str | None:
        """Return what it says next; None where it was killed."""
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if said:
            return said

        self.end()
        ended = self._process.returncode
        assert ended == -signal.SIGKILL, f"it ended by {ended}: {self._errors.read_text()}"
        return None

    def end(self) -> None:
        """Close its input, so that it ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

        self._process.stdout.close()
        self._process.wait()


@contextmanager
def processes(url: str, threads: int) -> Iterator[list[Process]]:
    """Start processes that are ready to race."""
    started = [Process(url, threads, f"p{number}") for number in range(PROCESSES)]
    try:
        assert [one.answer() for one in started] == ["ready"] * PROCESSES
        yield started
    finally:
        for one in started:
            one.end()


def together(url: str, rounds: int, threads: int, deadly: set[int]) -> None:
    """Let processes race; in some rounds the winner dies with the cent in its hand."""
    asyncio.run(everything(url))  # who makes the tables is no part of the race
    deaths = 0
    with processes(url, threads) as racing:
        for number in range(1, rounds + 1):
            line = f"{number} die" if number in deadly else f"{number}"
            won = ask(racing, line)
            dead = [place for place, answer in enumerate(won) if answer is None]
            assert len(dead) == (number in deadly), (number, won)
            if not dead:
                assert sorted(won) == ["0"] * (PROCESSES - 1) + ["1"]
                continue

            deaths += 1
            racing[dead[0]] = Process(url, threads, f"r{number}")
            assert racing[dead[0]].answer() == "ready"
            # It may have been bought, so the cent stays where it is.
            assert ask(racing, f"{number}") == ["0"] * PROCESSES
            asyncio.run(settle(url, number))
            # Now it is certain that it was not, and somebody else gets it.
            assert sorted(ask(racing, f"{number}")) == ["0"] * (PROCESSES - 1) + ["1"]

    assert deaths == len(deadly)
    rows = asyncio.run(everything(url))
    assert sum(one.amount or 0 for one in rows) == CENT * rounds
    assert len(rows) == rounds + deaths


def ask(racing: list[Process], line: str) -> list[Any]:
    """Return what each says to a round."""
    for one in racing:
        one.send(line)

    return [one.answer() for one in racing]


async def settle(url: str, number: int) -> None:
    """Take over what the dead winner of a round has left, and find that nothing was bought."""
    ledger: Any = open_ledger(url)
    (row,) = [
        one for one in await ledger.spendings() if one.intent_id.startswith(f"round{number}-")
    ]
    assert await ledger.claim(row.job_id, "heir")
    free = {"amount": "0", "currency": "USD"}
    await ledger.settle(row.intent_id, "not_sent", "failed", cost=free, cost_state="settled")
    await ledger.aclose()


async def everything(url: str) -> list[Spending]:
    """Return all that was spent or reserved."""
    ledger: Any = open_ledger(url)
    try:
        found: list[Spending] = await ledger.spendings()
        return found
    finally:
        await ledger.aclose()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")

    return f"sqlite:///{tmp_path / 'jobs.db'}"


def test_of_four_processes_one_gets_the_last_cent(url: str) -> None:
    together(url, rounds=3, threads=4, deadly={2})


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_of_four_processes_one_gets_the_last_cent_a_thousand_times(url: str) -> None:
    together(url, rounds=1_000, threads=64, deadly=set(range(20, 1_000, 20)))
