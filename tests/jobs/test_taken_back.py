"""A job that was written down for a call that failed or was cancelled: taken back, or said.

Nobody waits for it. Left in this process's hands, its idempotency key would wait for it for ever,
and whoever resumes what is unfinished later would buy it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, StorageError
from tarash.tarash_gateway.testing import Simulator
from tests.jobs.conftest import KEY
from tests.jobs.troubled import REQUEST, How, config, first, troubled

KEYS = {"runway": KEY}


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with troubled(request, tmp_path) as made:
        yield made


async def rows(ledger: Any) -> list[tuple[str, bool]]:
    return sorted((one.state, one.held) for one in await ledger.jobs())


async def taken_back(ledger: Any) -> None:
    async with asyncio.timeout(60):  # until it is tried again; half a second waited for
        while ("open", True) in await rows(ledger):  # noqa: ASYNC110  (no event here)
            await asyncio.sleep(0.05)


async def test_a_call_that_has_failed_leaves_no_job_that_somebody_may_buy_later(
    ledger: Any, simulator: Simulator
) -> None:
    ledger.trouble.of = first(1, "open", "after")
    async with Gateway(ledger=ledger) as gateway:
        with pytest.raises(StorageError) as caught:
            await gateway.generate_video_async(config(simulator, api_key=KEY), REQUEST)

        assert caught.value.submission == "not_sent"
        await taken_back(ledger)
        assert await rows(ledger) == []
        assert await gateway.resume_all_async(api_keys=KEYS) == []
        ledger.trouble.of = first(1, "open", "after")
        wanted = config(simulator, api_key=KEY)
        with pytest.raises(StorageError):
            await gateway.generate_video_async(wanted, REQUEST, idempotency_key="order 1")

        # At once, when nobody has tried to take the first back: it waits for nobody.
        async with asyncio.timeout(60):  # not waited for
            await gateway.generate_video_async(wanted, REQUEST, idempotency_key="order 1")

    assert simulator.counters("runway").submits == 1
    assert await rows(ledger) == [("cancelled", False), ("completed", False)]


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize("key", [None, "order 1"])
async def test_a_call_that_is_cancelled_while_its_job_is_written_down_leaves_none(
    ledger: Any, simulator: Simulator, key: str | None, queued: bool
) -> None:
    name = "enqueue" if queued and hasattr(ledger, "enqueue") else "open"
    begun, write = asyncio.Event(), getattr(ledger, name)

    async def slow(*given: Any) -> Any:
        found = await write(*given)
        begun.set()
        await asyncio.sleep(60)  # never waited for
        return found

    setattr(ledger, name, slow)
    wanted = config(simulator, api_key=KEY)
    async with Gateway(ledger=ledger) as gateway:
        call = gateway.enqueue_video_async if queued else gateway.generate_video_async
        task = asyncio.ensure_future(call(wanted, REQUEST, idempotency_key=key))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        setattr(ledger, name, write)
        assert await rows(ledger) == ([("cancelled", False)] if key else [])
        assert await ledger.list_states("queue") == []
        async with asyncio.timeout(60):  # not waited for
            await gateway.generate_video_async(wanted, REQUEST, idempotency_key=key)

    assert simulator.counters("runway").submits == 1


async def test_an_enqueuing_that_may_have_come_through_is_said_to_be_unknown(
    ledger: Any, simulator: Simulator
) -> None:
    if not hasattr(ledger, "enqueue"):
        pytest.skip("it enqueues in steps, of which it takes back what it has done")

    wanted = config(simulator)
    async with Gateway(ledger=ledger) as gateway:
        cases: tuple[tuple[How, str], ...] = (("before", "not_sent"), ("after", "unknown"))
        for how, submission in cases:
            ledger.trouble.of = first(1, "enqueue", how)
            with pytest.raises(StorageError) as caught:
                await gateway.enqueue_video_async(wanted, REQUEST, idempotency_key="order 1")

            assert caught.value.submission == submission

        (job,) = await ledger.jobs()
        assert caught.value.request_id == job.id
        assert job.id in str(caught.value)
        again = await gateway.enqueue_video_async(wanted, REQUEST, idempotency_key="order 1")
        assert again.id == job.id
