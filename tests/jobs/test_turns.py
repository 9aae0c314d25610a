"""Calls that all begin in one moment: a few at a time, so that the loop serves others meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, MockConfig, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway._support._loops import AT_ONCE, turn
from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.ledger.memory import MemoryLedger

MOCKED = VideoGenerationConfig(provider="mock", model="any", mock=MockConfig(enabled=True))
JOBS = 10 * AT_ONCE


class Rounds:
    """Counts the rounds of the running loop."""

    def __init__(self) -> None:
        self.number = 0
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_soon(self._tick)

    def _tick(self) -> None:
        self.number += 1
        self._next = self._loop.call_soon(self._tick)

    def stop(self) -> None:
        self._next.cancel()


class Noting(MemoryLedger):
    """Notes in which round of the loop each job is opened."""

    rounds: Rounds

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[tuple[int, str]] = []

    async def open(
        self, job: JobRecord, owner_id: str, media: Mapping[str, bytes]
    ) -> JobRecord | None:
        self.opened.append((self.rounds.number, str(job.request["prompt"])))
        return await super().open(job, owner_id, media)


async def test_jobs_that_begin_together_hold_the_loop_up_a_few_at_a_time() -> None:
    ledger = Noting()
    async with Gateway(ledger=ledger) as gateway:

        async def one(number: int) -> Any:
            request = VideoGenerationRequest(prompt=str(number))
            return await gateway.generate_video_async(MOCKED, request)

        ledger.rounds = Rounds()
        await one(-1)  # which imports what a call needs
        ledger.opened.clear()
        made = await asyncio.gather(*(one(number) for number in range(JOBS)))
        ledger.rounds.stop()

    assert len(made) == JOBS
    assert max(Counter(at for at, _ in ledger.opened).values()) <= AT_ONCE
    assert [prompt for _, prompt in ledger.opened] == [str(number) for number in range(JOBS)]


async def _take(begun: list[int], number: int) -> None:
    await turn()
    begun.append(number)


async def test_a_call_by_itself_waits_for_nobody() -> None:
    for _ in range(3):
        taking = turn()
        with pytest.raises(StopIteration):
            taking.send(None)

        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_who_is_cancelled_takes_nobodys_turn() -> None:
    begun: list[int] = []
    tasks = [asyncio.create_task(_take(begun, number)) for number in range(JOBS)]
    await asyncio.sleep(0)
    assert begun == list(range(AT_ONCE))

    gone = [number for number in range(AT_ONCE, JOBS) if number % 3]
    for number in gone:
        tasks[number].cancel()

    await asyncio.wait(tasks)
    assert begun == [number for number in range(JOBS) if number not in gone]
    assert all(tasks[number].cancelled() for number in gone)


async def test_those_who_come_later_stand_behind_those_who_wait() -> None:
    begun: list[int] = []
    tasks = [asyncio.create_task(_take(begun, number)) for number in range(2 * AT_ONCE)]
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(_take(begun, 2 * AT_ONCE + more)) for more in range(AT_ONCE)]
    await asyncio.wait(tasks)
    assert begun == list(range(3 * AT_ONCE))


def test_each_loop_has_its_own_turns() -> None:
    async def crowd() -> list[int]:
        begun: list[int] = []
        await asyncio.gather(*(_take(begun, number) for number in range(JOBS)))
        return begun

    for _ in range(2):
        assert asyncio.run(crowd()) == list(range(JOBS))
