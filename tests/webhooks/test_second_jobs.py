"""Jobs that a provider made of a submit that it had refused, and calls back about later."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, HTTPError, StorageError, TarashException
from tarash.tarash_gateway._engine._cross_process_wakeups import NAMES
from tarash.tarash_gateway.exceptions import TimeoutError  # noqa: A004  (ours is the built-in one)
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Fault, Job, Script, Simulator
from tarash.tarash_gateway.webhooks import WebhookEvent, WebhookInbox
from tests.conftest import logged, until
from tests.webhooks.test_inbox import JOBS, KEY, config_of, generated, serving
from tests.webhooks.test_inbox import simulator as simulator  # noqa: PLC0414  (a fixture)

LATE = Fault.status(503, {"detail": "try later"}, accepted=True)
"""A refusal of what was made all the same."""
NEVER = Script(outcome="never", stream=False)
CASE = JOBS["fal"]


class Naming(MemoryLedger):
    """Has the name of a job as soon as somebody asks for it, as if its provider had called."""

    simulator: Simulator
    asked = 0
    since = 1

    async def read_state(self, space: str, name: str) -> Any:
        """Read it."""
        if space == NAMES:
            self.asked += 1
            made = self.simulator.jobs("fal")
            if self.asked >= self.since and made:
                await self.write_state(NAMES, name, {"id": made[0].id})

        return await super().read_state(space, name)


async def called_about(inbox: WebhookInbox, made: Job) -> WebhookEvent:
    """Call the inbox about a job as its provider does; the address is its submit's own."""
    body = json.dumps({"id": made.id, "status": "running"}).encode()
    return await inbox.receive_async({}, body, made.payload["callback_url"])


async def test_a_call_about_the_first_try_after_the_second_was_accepted_is_kept(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ARK_API_KEY", KEY)
    simulator.script("bytedance", Script(run_polls=1), NEVER)
    simulator.fail("bytedance", "submit", LATE)
    async with serving(simulator) as (gateway, inbox, _url):
        config = config_of(JOBS["bytedance"], simulator, max_retries=2)
        job = await gateway.submit_video_async(config, JOBS["bytedance"].request())
        first, second = simulator.jobs("bytedance")
        assert job.operation is not None
        assert job.operation["id"] == second.id
        event = await called_about(inbox, first)
        assert (event.operation_id, event.is_idle) == (first.id, True)
        assert "second_job" in logged(caplog)
        assert (await called_about(inbox, second)).job_id == job.id

        response = await (await gateway.resume_async(event.job_id)).wait_async()
        assert response.request_id == first.id
        assert response.execution_metadata is not None
        assert response.execution_metadata.attempts[0].adopted
        assert simulator.counters("bytedance").submits == 2
        record = await gateway.ledger.get(job.id)
        assert record is not None
        assert record.state == "open"


async def test_a_refusal_for_good_whose_job_calls_back_later_is_kept(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARK_API_KEY", KEY)
    simulator.script("bytedance", NEVER)
    simulator.fail("bytedance", "submit", LATE)
    case = JOBS["bytedance"]
    async with serving(simulator) as (gateway, inbox, _url):
        with pytest.raises(HTTPError) as caught:
            await generated(gateway, case, config_of(case, simulator, max_retries=0))

        assert caught.value.submission == "rejected"
        (record,) = await gateway.ledger.jobs()
        (made,) = simulator.jobs("bytedance")
        event = await called_about(inbox, made)
        job = await gateway.resume_async(event.job_id)
        assert await job.cancel_async() in ("cancelled", "requested", "unsupported")
        (kept,) = [one for one in await gateway.ledger.jobs() if one.id != record.id]
        assert (kept.id, record.state) == (event.job_id, "failed")
        assert simulator.counters("bytedance").submits == 1


async def test_a_name_that_came_while_the_second_try_was_under_way_is_kept(
    simulator: Simulator,
) -> None:
    simulator.script("fal", NEVER, Script(run_seconds=0.0, stream=False))
    simulator.fail("fal", "submit", LATE)
    ledger = Naming()
    ledger.simulator, ledger.since = simulator, 2
    async with serving(simulator, Gateway(ledger=ledger)) as (gateway, _, _url):
        response = await generated(gateway, CASE, config_of(CASE, simulator, max_retries=2))
        first, second = simulator.jobs("fal")
        assert response.request_id == second.id
        (left,) = [one for one in await ledger.jobs() if one.state == "open"]
        assert left.entries[0].operation is not None
        assert left.entries[0].operation.id == first.id
        job = await gateway.resume_async(left.id, api_keys={"fal": KEY})
        assert await job.cancel_async() == "requested"
        assert [one.cancel_requested for one in simulator.jobs("fal")] == [True, False]


@pytest.mark.parametrize("how", ["deadline", "cancelled"])
async def test_a_job_that_its_provider_has_named_is_certainly_ours_and_stopped(
    simulator: Simulator, how: str
) -> None:
    simulator.script("fal", NEVER)
    simulator.fail("fal", "submit", LATE)
    ledger = Naming()
    ledger.simulator = simulator
    async with serving(simulator, Gateway(ledger=ledger)) as (gateway, _, _url):
        timeout = 1 if how == "deadline" else 600
        config = config_of(CASE, simulator, max_retries=2, timeout=timeout)
        task = asyncio.ensure_future(generated(gateway, CASE, config))
        await until(lambda: simulator.counters("fal").polls > 0)
        if how == "cancelled":
            task.cancel()

        with pytest.raises((TimeoutError, asyncio.CancelledError)):
            await task

        (made,) = simulator.jobs("fal")
        assert made.cancel_requested
        (record,) = await ledger.jobs()
        assert record.entries[0].heard["named"]


WRITES = ("intend", "accept", "note", "close")
"""Of a second job, after it was opened."""


class Dying(MemoryLedger):
    """Ends, right before one write of a second job, the process that writes it."""

    def __init__(self, write: str) -> None:
        super().__init__()
        self.write = write
        self.is_dead = False
        for name in WRITES:
            setattr(self, name, self._dying(name, getattr(self, name)))

    def _dying(self, name: str, work: Any) -> Any:
        async def write(*facts: Any, **more: Any) -> Any:
            about = getattr(facts[0], "id", facts[0])
            if self.write and "-again-" in about:
                self.is_dead = self.is_dead or name == self.write
                if self.is_dead:
                    raise StorageError("the process has ended")

            return await work(*facts, **more)

        return write

    def restart(self) -> None:
        """Let another process go on, once the lease of the dead one is over."""
        self.write = ""
        self._holders = {job: who for job, who in self._holders.items() if "-again-" not in job}


@pytest.mark.parametrize(
    ("write", "then"),
    [
        *((write, "waited for") for write in WRITES),
        *((write, then) for write in WRITES[:2] for then in ("stopped", "called again")),
    ],
)
async def test_a_second_job_is_found_wherever_its_writing_ended(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, write: str, then: str
) -> None:
    monkeypatch.setenv("ARK_API_KEY", KEY)
    simulator.script("bytedance", Script(run_polls=1), NEVER)
    simulator.fail("bytedance", "submit", LATE)
    ledger = Dying(write)
    async with serving(simulator, Gateway(ledger=ledger)) as (gateway, inbox, _url):
        config = config_of(JOBS["bytedance"], simulator, max_retries=2)
        job = await gateway.submit_video_async(config, JOBS["bytedance"].request())
        first, _second = simulator.jobs("bytedance")
        with pytest.raises(StorageError):
            await called_about(inbox, first)

        ledger.restart()
        if then == "called again":
            assert (await called_about(inbox, first)).operation_id == first.id

        (half,) = [one for one in await ledger.jobs() if one.id != job.id]
        handle = await gateway.resume_async(half.id)
        assert handle.operation is not None
        assert handle.operation["id"] == first.id
        if then == "stopped":
            assert await handle.cancel_async() in ("cancelled", "requested", "unsupported")
        else:
            assert (await handle.wait_async()).request_id == first.id
            kept = await ledger.find("bytedance", first.id)
            assert kept is not None
            assert (kept.id, kept.state) == (half.id, "completed")
            assert kept.entries[0].outcome == "completed"

        assert simulator.counters("bytedance").submits == 2


class OfBefore(MemoryLedger):
    """Keeps of a second job what earlier versions have kept, whose process has ended there."""

    async def open(self, job: Any, owner_id: str, media: Any) -> Any:
        """Write it down."""
        if "-again-" in job.id:
            (config,) = job.chain
            mark = config["bought_with"]
            named = {**mark, "second_job": mark["second_job"]["operation"]["id"]}
            job = replace(job, chain=({**config, "bought_with": named},))
            await super().open(job, owner_id, media)
            await super().close(job.id, owner_id, "open")
            raise StorageError("the process has ended")

        return await super().open(job, owner_id, media)


async def test_a_second_job_that_an_earlier_version_wrote_down_by_half_is_never_submitted(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARK_API_KEY", KEY)
    simulator.script("bytedance", Script(run_polls=1), NEVER)
    simulator.fail("bytedance", "submit", LATE)
    ledger = OfBefore()
    async with serving(simulator, Gateway(ledger=ledger)) as (gateway, inbox, _url):
        config = config_of(JOBS["bytedance"], simulator, max_retries=2)
        job = await gateway.submit_video_async(config, JOBS["bytedance"].request())
        first, _second = simulator.jobs("bytedance")
        with pytest.raises(StorageError):
            await called_about(inbox, first)

        (half,) = [one for one in await ledger.jobs() if one.id != job.id]
        with pytest.raises(TarashException, match=first.id) as caught:
            await (await gateway.resume_async(half.id)).wait_async()

        assert caught.value.submission == "unknown"
        assert simulator.counters("bytedance").submits == 2


class CalledBetween(MemoryLedger):
    """Has a provider call back after its refusal was written down, before the attempt's end is."""

    inbox: WebhookInbox
    simulator: Simulator

    async def settle(self, intent_id: str, *facts: Any, **more: Any) -> None:
        """Write an end down."""
        (made,) = self.simulator.jobs("bytedance")
        await called_about(self.inbox, made)
        await super().settle(intent_id, *facts, **more)


@pytest.mark.parametrize("max_retries", [0, 1])
async def test_a_call_between_a_final_refusal_and_its_end_is_heard(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, max_retries: int
) -> None:
    monkeypatch.setenv("ARK_API_KEY", KEY)
    simulator.script("bytedance", Script(run_polls=1))
    simulator.fail("bytedance", "submit", LATE)
    simulator.fail("bytedance", "submit", Fault.status(400), times=None)
    ledger = CalledBetween()
    async with serving(simulator, Gateway(ledger=ledger)) as (gateway, inbox, _url):
        ledger.inbox, ledger.simulator = inbox, simulator
        config = config_of(JOBS["bytedance"], simulator, max_retries=max_retries)
        with pytest.raises(TarashException) as caught:
            await generated(gateway, JOBS["bytedance"], config)

        assert caught.value.submission == "rejected"
        (made,) = simulator.jobs("bytedance")
        kept = await ledger.find("bytedance", made.id)
        assert kept is not None
        response = await (await gateway.resume_async(kept.id)).wait_async()
        assert response.request_id == made.id
