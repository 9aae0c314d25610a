"""Every provider, every fault, every point of its protocol, and what has to hold in each cell.

A cell is one job with one thing that goes wrong. What must hold is said in terms of what the
simulator has seen, so that it holds on a slow machine too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarash.tarash_gateway import (
    Gateway,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step
from tests.contract.cases import Case

KEY = "canary-matrix-77d1"
STATUSES = (400, 401, 402, 403, 404, 408, 425, 429, 500, 502, 503, 504)
RESENT = {425, 429, 500, 503}
FAULTS: dict[str, Fault] = {
    **{f"{code}": Fault.status(code) for code in STATUSES},
    "reset_before": Fault.reset_before(),
    "reset_after": Fault.reset_after(),
    "truncate": Fault.truncate(),
    "foreign_body": Fault.foreign_body(),
    "foreign_502": Fault.foreign_body(status=502),
    "echo_key": Fault.echo_key(),
    "delay": Fault.delay(0.05),
}
HANGS: dict[str, Fault] = {
    "hang": Fault.hang(),
    "hang_accepted": Fault.hang(accepted=True),
}
"""They take seconds: what has left is heard out."""
HANG_SECONDS = 0.4
UNLISTED = {"ray-3.2"}
"""Models of an API of Luma's that has no list."""
NEVER = Script(outcome="never", stream=False)
OUTCOMES: dict[str, Script] = {
    "completed": Script(),
    "failed": Script(outcome="failed"),
    "moderated": Script(outcome="moderated"),
    "no_media": Script(outcome="no_media"),
    "never": NEVER,
    "too_late": Script(outcome="never", stream=False, cancel="too_late"),
    "ignored": Script(outcome="never", stream=False, cancel="ignored"),
}
SLOW_OUTCOMES: dict[str, Script] = {"lost": Script(outcome="lost")}
WAYS = ("generate", "handle", "resume")
TIMEOUT = {"never", "too_late", "ignored"}
"""Scripts of jobs that only a limit ends."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that goes wrong, and the way in which the job is made."""

    case: Case
    way: str
    step: Step | None
    what: str

    def __str__(self) -> str:
        return f"{self.case}-{self.way}-{self.step or 'script'}-{self.what}"

    @property
    def fault(self) -> Fault | None:
        """What happens to a request."""
        return None if self.step is None else {**FAULTS, **HANGS}[self.what]

    @property
    def is_listing(self) -> bool:
        """Whether the job can be found when the submit's answer was lost."""
        adapter = default_registry.adapter(self.case.provider)
        return (
            hasattr(adapter, "find_submitted")
            and self.case.kind == "video"
            and self.case.model not in UNLISTED
        )


def cells(case: Case, *, slow: bool) -> Iterator[Cell]:
    """Yield every cell of a case; `slow` are those that take seconds each."""
    steps: list[Step] = ["submit"] if case.at_once else ["submit", "poll", "result", "cancel"]
    for way in WAYS:
        for step in steps:
            # Whoever waits does so alike from here on.
            if way == WAYS[0] or step in {"submit", "poll"}:
                yield from (Cell(case, way, step, name) for name in (HANGS if slow else FAULTS))

        scripts = [] if case.at_once else [*(SLOW_OUTCOMES if slow else OUTCOMES)]
        yield from (Cell(case, way, None, name) for name in scripts)


class Matrix:
    """One provider's cells, one after the other, over one ledger."""

    def __init__(self, simulator: Simulator, folder: Path, provider: str) -> None:
        self.simulator = simulator
        self.provider = provider
        self.path = folder / f"{provider}.db"
        self.fates: Counter[str] = Counter()

    async def run(self, wanted: list[Cell]) -> None:
        """Run cells, and at last resume what they have left open."""
        for cell in wanted:
            await self._cell(cell)

        await self._sweep()

    async def _cell(self, cell: Cell) -> None:
        self.simulator._state(self.provider).reset()  # noqa: SLF001  (others run beside us)
        script = OUTCOMES.get(cell.what) or SLOW_OUTCOMES.get(cell.what) or Script()
        self.simulator.script(self.provider, NEVER if cell.step == "cancel" else script)
        if cell.fault is not None and cell.step is not None:
            self.simulator.fail(self.provider, cell.step, cell.fault)

        ledger = SqliteLedger(self.path)
        async with Gateway(ledger=ledger) as gateway:
            end = await self._end(cell, gateway)
            (record,) = [
                one for one in await ledger.jobs(limit=10_000) if one.idempotency_key == str(cell)
            ]
            await gateway.aclose(grace=5)

        try:
            fate = self._check(cell, end, record)
        except AssertionError as error:
            error.add_note(f"{cell}: {end!r}, {record}")
            raise

        self.fates[fate] += 1

    async def _end(self, cell: Cell, gateway: Gateway) -> Any:
        """Return the response, or the error."""
        case = cell.case
        never_ends = cell.what in TIMEOUT or cell.step == "cancel"
        limits = {
            "timeout": HANG_SECONDS if cell.what in HANGS else 3600,
            "max_poll_attempts": 3 if never_ends else None,
        }
        config = case.config(KEY, self.simulator.base_url(case.provider), max_retries=1, **limits)
        request = case.request(prompt=str(cell))
        try:
            if cell.way == "generate":
                generate = getattr(gateway, f"generate_{case.kind}_async")
                return await generate(config, request, idempotency_key=str(cell))

            submit = getattr(gateway, f"submit_{case.kind}_async")
            job = await submit(config, request, idempotency_key=str(cell))
            if cell.way == "resume":
                other = Gateway(ledger=SqliteLedger(self.path))
                job = await other.resume_async(job.id, api_keys={case.provider: KEY})
                try:
                    return await job.wait_async()
                finally:
                    await other.aclose(grace=5)

            return await job.wait_async()
        except TarashException as error:
            return error

    def _check(self, cell: Cell, end: Any, record: JobRecord) -> str:
        counters = self.simulator.counters(self.provider)
        made = self.simulator.jobs(self.provider)
        may_resend = cell.step == "submit" and (
            cell.what == "echo_key" or (cell.what.isdigit() and int(cell.what) in RESENT)
        )
        assert counters.submits <= 1 + may_resend
        assert len(made) <= 1
        if not made:
            return self._check_nothing(cell, end, record)

        (entry,) = record.entries
        if not isinstance(end, TarashException):
            assert record.state == "completed"
            assert entry.outcome == "completed"
            if entry.operation is not None:
                assert end.request_id == entry.operation.id
                assert entry.operation.id.endswith(made[0].id)

            return "response"

        # A job was accepted, and there is no response.
        assert record.state != "completed"
        if end.submission == "unknown":
            assert cell.step == "submit"
            assert entry.operation is None
            assert (record.state, entry.outcome) == ("unknown", "unknown")
            assert not cell.is_listing or cell.what in HANGS, "it is in the provider's list"
            return "unknown"

        assert end.submission == cell.case.failed_submission
        if cell.case.at_once:
            assert record.state == "failed"
            return "failure"

        assert entry.operation is not None
        assert entry.operation.id.endswith(made[0].id)
        assert end.operation is not None
        assert end.operation["id"] == entry.operation.id
        return self._check_accepted(end, record)

    @staticmethod
    def _check_nothing(cell: Cell, end: Any, record: JobRecord) -> str:
        """Nothing was accepted; we know it, or can't know it."""
        assert isinstance(end, TarashException)
        assert end.submission in ("not_sent", "rejected", "unknown")
        assert len(record.entries) == 1 or isinstance(end, TimeoutError)
        for entry in record.entries:
            assert entry.operation is None
            assert entry.submission in (None, end.submission)

        assert record.state == ("unknown" if end.submission == "unknown" else "failed")
        assert cell.step == "submit" or cell.case.refused_failure or isinstance(end, TimeoutError)
        return f"nothing bought, {end.submission}"

    @staticmethod
    def _check_accepted(end: TarashException, record: JobRecord) -> str:
        (entry,) = record.entries
        if isinstance(end, TimeoutError):
            confirmed = entry.outcome == "cancelled"
            assert confirmed or entry.outcome == "detached"
            assert record.state == ("failed" if confirmed else "open")
            return "timeout"

        if record.state == "open":
            assert entry.outcome == "detached"
            return "can't be looked at, still owed"

        assert (record.state, entry.outcome) == ("failed", "failed")
        return "failure"

    async def _sweep(self) -> None:
        """Resume what is open: nothing is bought by that, and each comes to an end."""
        self.simulator.script(self.provider)
        keys = {self.provider: KEY}
        before = self.simulator.counters(self.provider).submits
        async with Gateway(ledger=SqliteLedger(self.path)) as gateway:
            handles = await gateway.resume_all_async(api_keys=keys)
            for handle in handles:
                assert handle.operation is not None
                assert handle.request_id == handle.operation["id"]

        assert self.simulator.counters(self.provider).submits == before
