"""A job whose answer was lost is in the provider's list, and nothing else is taken for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest

from tarash.tarash_gateway import HTTPConnectionError, TarashException, UnsupportedOperationError
from tarash.tarash_gateway._data._exchange import Begun, Call, Operation, Payload
from tarash.tarash_gateway._engine import checked_payload, fitted_call
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway._http._pools import ClientCache
from tarash.tarash_gateway.media import prepare
from tarash.tarash_gateway.providers._contract import FindingAdapter
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Job, Simulator

from .cases import CASES, LISTED, Case
from .conftest import KEY, Run

WIRES = [
    case
    for case in LISTED
    if case.kind == "video" and case.provider not in {"aster", "azure-openai"}
]
UNLISTED = ("openai-image-gpt-image-2", "luma-video-ray-3.2")
WISHES = {"aspect_ratio": "16:9"}


class Desk:
    """An adapter with a client: submits and looks, without the engine."""

    def __init__(self, case: Case, simulator: Simulator, client: Any) -> None:
        self.adapter = cast("FindingAdapter", default_registry.adapter(case.provider))
        self._case = case
        self._simulator = simulator
        self._client = client

    async def ask(self, model: str | None = None, **wishes: Any) -> tuple[Call, Payload]:
        """Return a call and its payload, ready to be sent."""
        origin = self._simulator.base_url(self._case.provider)
        changes = {} if model is None else {"model": model}
        config = self._case.config(KEY, origin, **changes)
        request = self._case.request(**{**WISHES, **wishes})
        call = Call(self._case.kind, config, request, "ours")
        call, spec = fitted_call(call, default_registry, self.adapter)
        accepts = self.adapter.accepts
        prepared, _ = await prepare(call.request, accepts, None)
        call = Call(call.kind, config, prepared, "ours")
        return call, checked_payload(self.adapter, call, spec)

    async def submit(self, model: str | None = None, **wishes: Any) -> Operation:
        call, payload = await self.ask(model, **wishes)
        accepted = await self.adapter.submit(self._client, payload, call)
        if isinstance(accepted, Begun):  # held until it had ended
            accepted = accepted.operation

        assert isinstance(accepted, Operation)
        return accepted

    async def lose(self, **wishes: Any) -> Job:
        """Submit, and lose the answer."""
        self._simulator.fail(self._case.provider, "submit", Fault.reset_after())
        with pytest.raises(HTTPConnectionError):
            await self.submit(**wishes)

        return self._simulator.jobs(self._case.provider)[-1]

    async def find(self, lost: Job, seconds: float = 0, **wishes: Any) -> list[Operation]:
        """Look for what was sent in the list; `seconds` later than the job was accepted."""
        call, payload = await self.ask(**wishes)
        since = lost.submitted_at + timedelta(seconds=seconds)
        return list(await self.adapter.find_submitted(self._client, payload, call, since))

    async def result(self, operation: Operation) -> Any:
        seen = await self.adapter.poll(self._client, operation)
        while seen.status != "completed":
            await asyncio.sleep(0.02)
            seen = await self.adapter.poll(self._client, operation)

        assert seen.finished is not None
        call, _ = await self.ask()
        return self.adapter.parse(call, seen.finished)


@asynccontextmanager
async def desk(case: Case, simulator: Simulator) -> AsyncIterator[Desk]:
    adapter = default_registry.adapter(case.provider)
    config = case.config(KEY, simulator.base_url(case.provider))
    clients = ClientCache()
    try:
        async with clients.lease(adapter, account(adapter, config, None)) as client:
            yield Desk(case, simulator, client)
    finally:
        await clients.aclose()


@pytest.mark.parametrize("case", LISTED, ids=str)
async def test_a_lost_job_is_found_and_nothing_else(case: Case, simulator: Simulator) -> None:
    async with desk(case, simulator) as at:
        for others in range(2):
            await at.submit(prompt="Another lighthouse")
            await at.submit(model=case.other_model)
            await at.submit(aspect_ratio="9:16")
            if not others:
                lost = await at.lose()

        (found,) = await at.find(lost)
        assert (found.id, found.kind, found.provider) == (lost.id, case.kind, case.provider)
        assert Operation.from_json(found.to_json()) == found
        assert (await at.result(found)).status == "completed"

        # Clocks may differ by 5 s; what is older than that is another job.
        assert [one.id for one in await at.find(lost, seconds=4)] == [lost.id]
        assert await at.find(lost, seconds=6) == []
        assert simulator.counters(case.provider).lists == 3


@pytest.mark.parametrize("case", WIRES, ids=str)
async def test_two_of_the_same_are_both_found_newest_first(
    case: Case, simulator: Simulator
) -> None:
    """Which of them it was is not the adapter's to guess."""
    async with desk(case, simulator) as at:
        first = await at.submit()
        lost = await at.lose()
        assert [one.id for one in await at.find(lost)] == [lost.id, first.id]


@pytest.mark.parametrize("case", WIRES, ids=str)
async def test_a_lost_job_is_found_on_the_second_page(case: Case, simulator: Simulator) -> None:
    async with desk(case, simulator) as at:
        lost = await at.lose()
        await asyncio.gather(*(at.submit(prompt=f"Lighthouse {number}") for number in range(101)))
        assert [one.id for one in await at.find(lost)] == [lost.id]
        assert simulator.counters(case.provider).lists == 2


@pytest.mark.parametrize("case", WIRES, ids=str)
async def test_the_search_ends_where_a_list_does_not(case: Case, simulator: Simulator) -> None:
    async with desk(case, simulator) as at:
        lost = await at.lose()
        again = f"{simulator.base_url(case.provider)}/v1/predictions?cursor=again"
        body = {
            "luma": {"generations": [{"id": "1", "created_at": "2999-01-01"}], "has_more": True},
            "openai": {"data": [{"id": "1", "created_at": 32472144000}], "has_more": True},
            "replicate": {"results": [], "next": again},
            "wavespeed": {"code": 200, "data": {"items": [{"id": "1"}] * 100}},
            "vllm": {"data": [{"id": "1", "created_at": 32472144000}], "has_more": True},
        }[case.provider]
        simulator.fail(case.provider, "list", Fault.status(200, body), times=None)
        assert await at.find(lost) == []
        assert simulator.counters(case.provider).lists == 3


@pytest.mark.parametrize(
    "fault",
    [Fault.status(500), Fault.foreign_body(), Fault.foreign_body("{}", "application/json")],
    ids=lambda fault: f"{fault.kind}-{fault.code}-{str(fault.body)[:2]}",
)
@pytest.mark.parametrize("case", WIRES, ids=str)
async def test_a_list_that_can_not_be_read_is_told(
    case: Case, simulator: Simulator, fault: Fault
) -> None:
    async with desk(case, simulator) as at:
        lost = await at.lose()
        simulator.fail(case.provider, "list", fault)
        with pytest.raises(TarashException):
            await at.find(lost)


@pytest.mark.parametrize("case", [case for case in CASES if str(case) in UNLISTED], ids=str)
async def test_what_is_not_listed_is_not_said_to_be_absent(
    case: Case, simulator: Simulator
) -> None:
    async with desk(case, simulator) as at:
        simulator.fail(case.provider, "submit", Fault.reset_after())
        with pytest.raises(HTTPConnectionError):
            await at.submit()

        with pytest.raises(UnsupportedOperationError, match="list"):
            await at.find(simulator.jobs(case.provider)[0])


@pytest.mark.parametrize("case", [case for case in CASES if str(case) in UNLISTED], ids=str)
async def test_what_is_not_listed_is_looked_for_once(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    run.fail("submit", Fault.reset_after())
    error = await run.failure()
    assert error.submission == "unknown"
    assert "list" not in error.message
    assert "search_failed" not in caplog.text
