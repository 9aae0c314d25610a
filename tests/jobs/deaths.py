"""A process that dies right before or after one write of its ledger, and what others conclude.

A cell is one way that a chain goes, one pair of providers and one point of death. The writes of a
way are counted in a run that nobody disturbs, so that each of them is met.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarash.tarash_gateway import Gateway, TarashException
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger._contract import JobRecord, Spending
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.contract.cases import Case
from tests.jobs.children import CONFIGS, REQUESTS, STEPS
from tests.jobs.conftest import BY_NAME, KEY, config_for
from tests.jobs.processes import Zygote

NEVER = Script(outcome="never", stream=False)
LISTING = {"luma", "openai", "replicate"}
PAIRS = [
    (BY_NAME[first], BY_NAME[second])
    for first, second in (
        ("fal-video-veo3.1", "replicate-video-veo-3.1"),
        ("replicate-video-veo-3.1", "runway-video-gen4.5"),
        ("runway-video-gen4.5", "openai-video-sora-2"),
        ("openai-video-sora-2", "luma-video-ray-2"),
        ("luma-video-ray-2", "fal-video-veo3.1"),
        ("xai-video-grok-imagine-video", "fal-video-veo3.1"),
        ("fal-image-dev", "stability-image-sd3.5-large"),
        ("stability-image-sd3.5-large", "luma-image-photon-1"),
    )
]
IN_FLIGHT = ("intend", "note", "accept", "receive", "settle")
FAILOVERS = ("always", "when_safe")


@dataclass(frozen=True, slots=True)
class Way:
    """How a chain of two goes where nobody disturbs it."""

    name: str
    prepare: Callable[[Simulator, str], None]
    """Says how the first provider behaves; the second one delivers."""
    needs_job: bool = False
    """Whether the first has to give out a job, and not the result."""
    retries: int = 0


def _deliver(_simulator: Simulator, _first: str) -> None:
    pass


def _refuse_once(simulator: Simulator, first: str) -> None:
    simulator.fail(first, "submit", Fault.status(429, retry_after=0.01))


def _refuse(simulator: Simulator, first: str) -> None:
    simulator.fail(first, "submit", Fault.status(429), times=99)


def _fail(simulator: Simulator, first: str) -> None:
    simulator.script(first, Script(outcome="failed", stream=False))


def _never_end(simulator: Simulator, first: str) -> None:
    simulator.script(first, NEVER)


def _not_stop(simulator: Simulator, first: str) -> None:
    simulator.script(first, Script(outcome="never", stream=False, cancel="ignored"))


def _lose_the_answer(simulator: Simulator, first: str) -> None:
    simulator.fail(first, "submit", Fault.reset_after())


WAYS = (
    Way("delivers", _deliver),
    Way("refuses once", _refuse_once, retries=1),
    Way("refuses", _refuse),
    Way("fails", _fail, needs_job=True),
    Way("stopped at its limit", _never_end, needs_job=True),
    Way("can't be stopped", _not_stop, needs_job=True),
    Way("loses its answer", _lose_the_answer),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One way, one pair, and where the process dies."""

    way: Way
    pair: tuple[Case, Case]
    failover: str
    point: str

    def __str__(self) -> str:
        first, second = self.pair
        return f"{first}, {second}: {self.way.name}, {self.failover}, {self.point}"


class Recorder:
    """A ledger whose writes are counted."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self.points: list[str] = []
        self._times: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        if name not in STEPS:
            return found

        async def step(*args: Any, **kwargs: Any) -> Any:
            self._times[name] += 1
            time = f" x{self._times[name]}"
            self.points += [f"before {name}{time}", f"after {name}{time}"]
            return await found(*args, **kwargs)

        return step


class Deaths:
    """Runs cells, each over a ledger of its own."""

    def __init__(self, zygote: Zygote, simulator: Simulator, folder: Path) -> None:
        self.zygote = zygote
        self.simulator = simulator
        self._folder = folder
        self._numbers = itertools.count(1)
        self.fates: Counter[str] = Counter()

    async def cells(self, way: Way, pair: tuple[Case, Case], failover: str) -> list[Cell]:
        """Return a cell for each point of death of a way."""
        self._prepare(way, pair)
        recorder: Any = Recorder(SqliteLedger(self._path()))
        async with Gateway(ledger=recorder) as gateway:
            await self._make(gateway, way, pair, failover)
            await gateway.aclose(grace=5)

        return [Cell(way, pair, failover, point) for point in recorder.points]

    async def run(self, cell: Cell) -> None:
        """Let a process die, resume what it left, and check what is concluded."""
        self._prepare(cell.way, cell.pair)
        path = self._path()
        config = self._config(cell.way, cell.pair, cell.failover)
        kind = cell.pair[0].kind
        child = self.zygote.start(
            "crowd",
            path=str(path),
            jobs=[{"kind": kind, "config": config, "prompt": "A cat", "key": "order"}],
            trap=cell.point,
        )
        child.until("reached")
        child.kill()
        said = [one for one in child.said() if "response" in one]
        ledger = SqliteLedger(path)
        async with Gateway(ledger=ledger) as gateway:
            end = await self._resume(gateway, said)
            record = next(iter(await ledger.jobs()), None)
            again = None
            if record is not None and record.state == "completed":
                again = await self._make(gateway, cell.way, cell.pair, cell.failover)

            if end is None and record is not None and record.state != "completed":
                end = await self._waited(gateway, record.id)

            left = await gateway.resume_all_async(api_keys=self._keys(cell.pair))
            await gateway.aclose(grace=5)
            spent = await ledger.spendings()

        try:
            self.fates[self._check(cell, end, record, again, len(left))] += 1
            self._check_money(cell, record, spent)
        except AssertionError as error:
            jobs = [one for case in cell.pair for one in self.simulator.jobs(case.provider)]
            error.add_note(f"{cell}\n{end!r}\n{record}\n{again!r}\n{jobs}")
            raise

    async def _waited(self, gateway: Gateway, job_id: str) -> Any:
        """Return what is said of a job that had ended."""
        keys = dict.fromkeys(self.simulator.keys, KEY)
        job = await gateway.resume_async(job_id, api_keys=keys)
        try:
            return await job.wait_async()
        except TarashException as error:
            return error

    async def _resume(self, gateway: Gateway, said: list[Any]) -> Any:
        handles = await gateway.resume_all_async(api_keys=dict.fromkeys(self.simulator.keys, KEY))
        assert len(handles) <= 1
        if not handles:
            return said[0] if said else None

        try:
            return await handles[0].wait_async()
        except TarashException as error:
            return error

    def _check(self, cell: Cell, end: Any, record: JobRecord | None, again: Any, left: int) -> str:
        first, second = cell.pair
        made = [self.simulator.jobs(case.provider) for case in cell.pair]
        assert all(len(one) <= 1 for one in made), "bought twice from one provider"
        if record is None:
            assert made == [[], []]
            return "nothing was begun"

        self._check_attempts(cell, end, record, made)
        done = [one for jobs in made for one in jobs if one.status == "completed"]
        unnamed = [
            entry
            for entry in record.entries
            if entry.operation is None and entry.outcome == "unknown"
        ]
        is_safe = cell.way.name in ("delivers", "refuses once")
        assert not (is_safe and made[1]), "the second was bought, though the first delivers"
        if record.state == "completed":
            assert again is not None
            assert not isinstance(again, TarashException), "a paid result is withheld"
            assert left == 0
            return "delivered"

        # There is no result; then nobody has made one that could be named.
        assert isinstance(end, TarashException)
        for job in done:
            owners = [case.provider for case in cell.pair if job in made[cell.pair.index(case)]]
            named = [one.intent.provider for one in unnamed]
            assert owners[0] in named, "a paid result is lost"
            case = first if owners[0] == first.provider else second
            lists = owners[0] in LISTING and case.kind == "video"
            assert not lists, "it is in the provider's list"

        if record.state == "open":
            assert left == 1
            assert any(one.status != "completed" for jobs in made for one in jobs)
            return "may still run"

        if record.state == "unknown":
            assert unnamed
            return "unknown"

        assert cell.failover == "when_safe" or cell.way.name not in ("refuses", "fails")
        return f"ended, {end.submission}"

    def _check_money(self, cell: Cell, record: JobRecord | None, spent: Sequence[Spending]) -> None:
        """Check that what was reserved has followed the job: neither lost nor kept for nothing."""
        if record is None:
            assert list(spent) == []
            return

        assert record.state == "open" or not [one for one in spent if one.state == "reserved"]
        free = {one.provider for one in spent if one.state == "settled" and one.amount == 0}
        paid = {one.provider for one in spent} - free
        for case in cell.pair:
            made = self.simulator.jobs(case.provider)
            assert case.provider in paid or not [one for one in made if one.status == "completed"]
            if not made and cell.way.name in ("refuses", "refuses once") and cell.pair[0] is case:
                killed_in_flight = any(one.outcome == "unknown" for one in record.entries)
                assert killed_in_flight or case.provider not in paid

    @staticmethod
    def _check_attempts(cell: Cell, end: Any, record: JobRecord, made: list[list[Any]]) -> None:
        """Check that what is said of each attempt is true."""
        if isinstance(end, dict) or end is None:
            return

        attempts = end.execution_metadata.attempts if end.execution_metadata else ()
        for one in attempts:
            jobs = made[one.attempt_number - 1]
            refused = cell.pair[one.attempt_number - 1].refused_failure
            if one.submission in ("not_sent", "rejected") and not refused:
                assert not jobs, f"{one} says that nothing was bought"
            elif one.submission == "accepted":
                assert len(jobs) == 1, f"{one} says that it was accepted"

            assert one.billing != "none" or not [job for job in jobs if job.status == "completed"]
            if one.submission == "unknown":
                entry = next(
                    entry
                    for entry in record.entries
                    if entry.intent.attempt_number == one.attempt_number
                )
                assert entry.outcome in (None, "unknown")
                in_flight = cell.point.split()[1] in IN_FLIGHT
                assert in_flight or cell.way.name == "loses its answer"

    def _prepare(self, way: Way, pair: tuple[Case, Case]) -> None:
        self.simulator.reset()
        for case in pair:
            self.simulator.script(case.provider, Script(stream=False))

        way.prepare(self.simulator, pair[0].provider)

    def _path(self) -> Path:
        return self._folder / f"jobs-{next(self._numbers)}.db"

    @staticmethod
    def _keys(pair: tuple[Case, Case]) -> dict[str, str]:
        return {case.provider: KEY for case in pair}

    def _config(self, way: Way, pair: tuple[Case, Case], failover: str) -> dict[str, Any]:
        limits: dict[str, Any] = {"max_retries": way.retries}
        if way.needs_job and "fails" not in way.name:
            limits["max_poll_attempts"] = 2

        configs = [
            config_for(case, self.simulator, **more).model_dump(mode="json", exclude_unset=True)
            for case, more in zip(pair, (limits, {"max_retries": 0}), strict=True)
        ]
        head, fallback = ({**config, "api_key": KEY} for config in configs)
        return {**head, "failover": failover, "fallback_configs": [fallback]}

    async def _make(
        self, gateway: Gateway, way: Way, pair: tuple[Case, Case], failover: str
    ) -> Any:
        kind = pair[0].kind
        config = CONFIGS[kind].model_validate(self._config(way, pair, failover))
        generate = getattr(gateway, f"generate_{kind}_async")
        try:
            return await generate(config, REQUESTS[kind](prompt="A cat"), idempotency_key="order")
        except TarashException as error:
            return error


def ways(*, pairs: int) -> Iterator[tuple[Way, tuple[Case, Case], str]]:
    """Yield what cells are made of: every way and failover, each with so many pairs."""
    number = 0
    for way in WAYS:
        fitting = [one for one in PAIRS if not (way.needs_job and one[0].at_once)]
        for failover in FAILOVERS:
            for index in range(min(pairs, len(fitting))):
                yield way, fitting[(index + number) % len(fitting)], failover

            number += 1
