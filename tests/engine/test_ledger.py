"""The ledger: written before a submit leaves, and never in the way of a job that is paid for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, TarashException, VideoGenerationUpdate
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._data._types import Submission
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.ledger._contract import Intent, Outcome
from tarash.tarash_gateway.testing import Script
from tests.conftest import Leap, until
from tests.engine.conftest import KEY, REQUEST, Fal


class Broken(MemoryLedger):
    """Fails, or hangs, in one of its methods."""

    def __init__(self, where: str, *, hang: bool = False) -> None:
        super().__init__()
        self.where = where
        self._hang = hang
        self.hangs = False

    async def _break(self, where: str) -> None:
        if where == self.where:
            if self._hang:
                self.hangs = True
                await asyncio.sleep(1000)

            raise OSError(f"the disk is full, says {KEY}")

    async def intend(self, intent: Intent, owner_id: str) -> bool | None:
        await self._break("intend")
        return await super().intend(intent, owner_id)

    async def accept(self, intent_id: str, operation: Operation, *, adopted: bool = False) -> bool:
        await self._break("accept")
        return await super().accept(intent_id, operation, adopted=adopted)

    async def settle(
        self, intent_id: str, submission: Submission | None, outcome: Outcome, **cost: Any
    ) -> None:
        await self._break("settle")
        await super().settle(intent_id, submission, outcome, **cost)

    async def close(self, job_id: str, *facts: Any, **more: Any) -> bool | None:
        await self._break("close")
        return await super().close(job_id, *facts, **more)


async def test_nothing_is_sent_that_can_not_be_written_down(fal: Fal) -> None:
    fal.gateway = Gateway(ledger=Broken("intend"))
    updates: list[VideoGenerationUpdate] = []
    error = await fal.failure(updates.append)

    assert type(error) is TarashException
    assert isinstance(error.__cause__, Exception)
    assert (error.submission, error.retryable, error.provider) == ("not_sent", False, "fal")
    assert KEY not in f"{error!r}{error.__cause__!r}{error.__context__!r}"
    assert [one.status for one in updates] == ["failed"]
    assert fal.counters.submits == 0


@pytest.mark.parametrize("where", ["accept", "settle"])
async def test_a_paid_job_is_delivered_even_where_it_can_not_be_written_down(
    fal: Fal, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    fal.gateway = Gateway(ledger=Broken(where))
    response = await fal.generate()

    assert response.status == "completed"
    assert "ledger_failed" in [vars(record)["event"] for record in caplog.records]
    assert fal.counters.accepted == 1


@pytest.mark.parametrize("where", ["settle", "close"])
async def test_a_ledger_that_hangs_at_the_end_does_not_hold_the_result_for_ever(
    fal: Fal, leap: Leap, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Broken(where, hang=True)
    fal.gateway = Gateway(ledger=ledger)
    work = asyncio.ensure_future(fal.generate())
    await until(lambda: ledger.hangs)
    leap(5)
    assert (await work).status == "completed"
    (slow,) = [vars(one) for one in caplog.records if vars(one)["event"] == "ledger_failed"]
    assert slow["error"] == "TimeoutError: it took longer than 5 s"
    ledger.where = ""  # the end of the loop tries once more


async def test_the_intent_is_there_before_the_submit_and_the_job_before_the_first_look(
    fal: Fal,
) -> None:
    class Watching(MemoryLedger):
        async def intend(self, intent: Intent, owner_id: str) -> bool | None:
            seen.append(("intend", fal.counters.submits))
            return await super().intend(intent, owner_id)

        async def accept(
            self, intent_id: str, operation: Operation, *, adopted: bool = False
        ) -> bool:
            seen.append(("accept", fal.counters.polls + fal.counters.streams))
            return await super().accept(intent_id, operation, adopted=adopted)

    seen: list[tuple[str, int]] = []
    ledger = Watching()
    response = await Gateway(ledger=ledger).generate_video_async(fal.config(), REQUEST)

    assert seen == [("intend", 0), ("accept", 0)]
    (entry,) = ledger.entries()
    assert entry.operation is not None
    assert entry.operation.id == response.request_id
    assert (entry.submission, entry.outcome) == ("accepted", "completed")
    assert KEY not in repr(entry)


async def test_a_job_that_failed_is_settled_as_failed(fal: Fal) -> None:
    fal.script(Script(outcome="failed"))
    await fal.failure()
    assert fal.outcomes() == ["failed"]
