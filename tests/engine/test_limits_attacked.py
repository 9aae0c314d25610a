"""Limits under attack: several at once, some that change, and whatever ends a job or a wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, Limits, PolicyRefusedError
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, until
from tests.engine.conftest import REQUEST, Fal, dead_url
from tests.engine.test_in_flight import NEVER, SHORT, in_flight, limited, lined_up

OTHER = "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"


class Counting(MemoryLedger):
    """Remembers the most jobs in flight at a time: of all, by `""`, and of each model."""

    def __init__(self) -> None:
        super().__init__()
        self.most: Counter[str] = Counter()

    async def seek_slots(self, *args: Any) -> Any:
        answer = await super().seek_slots(*args)
        for name, number in answer.in_flight.items():
            self.most[name] = max(self.most[name], number)

        return answer


async def test_all_limits_hold_together_the_gateways_and_the_configs(fal: Fal) -> None:
    ledger = Counting()
    limits = (
        Limits(in_flight=3),
        Limits(in_flight=2, per="model"),
        Limits(model=OTHER, in_flight=1),
    )
    limited(fal, *limits, ledger=ledger)
    fal.script(SHORT)
    calls = [fal.generate() for _ in range(6)] + [fal.generate(model=OTHER) for _ in range(4)]
    await asyncio.gather(*calls)
    model = fal.config().model
    assert (ledger.most[""], ledger.most[model], ledger.most[OTHER]) == (3, 2, 1)
    assert fal.counters.most_in_flight <= 3

    ledger.most.clear()
    own = Limits(in_flight=1)
    await asyncio.gather(*(fal.generate(limits=own, model=one) for one in (model, OTHER) * 3))
    assert ledger.most[""] == 1
    assert await ledger.list_slots() == []


async def test_a_limit_that_is_changed_while_the_process_runs_holds_from_then_on(fal: Fal) -> None:
    """Each call brings its own: a smaller one waits, and holds up nobody with a larger one."""
    fal.script(NEVER, SHORT)
    first = await fal.gateway.submit_video_async(fal.config(limits=Limits(in_flight=1)), REQUEST)
    waits = asyncio.ensure_future(fal.generate(limits=Limits(in_flight=1)))
    await lined_up(fal, 1)
    assert (await fal.generate(limits=Limits(in_flight=2))).status == "completed"
    assert not waits.done()
    await first.cancel_async()
    (held,) = [one for one in await fal.ledger.list_slots() if one.turn is not None]
    await fal.ledger.settle(held.request.id, "accepted", "cancelled")
    await fal.ledger.free_slot(held.request.id)
    assert (await waits).status == "completed"


async def test_two_gateways_of_a_process_with_one_file_hold_one_limit(
    fal: Fal, tmp_path: Path
) -> None:
    path = tmp_path / "jobs.db"
    ledgers = [SqliteLedger(path) for _ in range(2)]
    gateways = [Gateway(ledger=one, limits=Limits(in_flight=2)) for one in ledgers]
    fal.script(SHORT)
    calls = [one.generate_video_async(fal.config(), REQUEST) for one in gateways for _ in "12345"]
    await asyncio.gather(*calls)
    assert fal.counters.accepted == 10
    assert fal.counters.most_in_flight <= 2
    assert await ledgers[0].list_slots() == []
    for one in gateways:
        await one.aclose(0)


async def test_who_has_priority_goes_first_and_who_is_out_of_patience_leaves(
    fal: Fal, leap: Leap
) -> None:
    gateway = limited(fal, Limits(in_flight=1))
    fal.script(NEVER, Script(run_polls=0, stream=False))
    blocker = await gateway.submit_video_async(fal.config(), REQUEST)
    order: list[str] = []

    async def one(name: str, **changes: Any) -> None:
        await gateway.generate_video_async(fal.config(**changes), REQUEST)
        order.append(name)

    hasty = asyncio.ensure_future(one("hasty", priority=9, queue_timeout=30))
    await lined_up(fal, 1)
    rest = [asyncio.ensure_future(one("usual"))]
    await lined_up(fal, 2)
    rest.append(asyncio.ensure_future(one("urgent", priority=5)))
    await lined_up(fal, 3)
    leap(31)
    with pytest.raises(PolicyRefusedError, match="queue_timeout"):
        await hasty

    await blocker.cancel_async()
    (held,) = [one for one in await fal.ledger.list_slots() if one.turn is not None]
    await fal.ledger.settle(held.request.id, "accepted", "cancelled")
    await fal.ledger.free_slot(held.request.id)
    await asyncio.gather(*rest)
    assert order == ["urgent", "usual"]


async def test_who_is_cancelled_at_the_head_of_the_line_hands_its_turn_on(fal: Fal) -> None:
    """In the very moment in which the slot comes free."""
    limited(fal, Limits(in_flight=1))
    fal.script(Script(run_polls=3, stream=False))
    inside = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.accepted == 1)
    line = [asyncio.ensure_future(fal.generate())]
    await lined_up(fal, 1)
    line += [asyncio.ensure_future(fal.generate()) for _ in range(2)]
    await lined_up(fal, 3)
    inside.add_done_callback(lambda _: line[0].cancel())
    await inside
    ended = await asyncio.gather(*line, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError)
    assert [getattr(one, "status", one) for one in ended[1:]] == ["completed", "completed"]
    assert await fal.ledger.list_slots() == []


# ------------------------------------------------------------------------------------ leaks
def raising(_update: object) -> None:
    raise RuntimeError("a callback of the user's")


class Odd(MemoryLedger):
    """Fails at one method, the first time that it is called."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.left = {method}
        self.method = method

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        left = super().__getattribute__("__dict__").get("left", set())
        if name not in left:
            return found

        async def fail(*_args: Any, **_facts: Any) -> Any:
            left.discard(name)
            raise OSError("the disk is full")

        return fail


ENDS: dict[str, dict[str, Any]] = {
    "completed": {},
    "a callback raises": {"on_progress": raising},
    "failed": {"script": Script(run_polls=1, stream=False, outcome="failed")},
    "moderated": {"script": Script(run_polls=1, stream=False, outcome="moderated")},
    "no media": {"script": Script(run_polls=1, stream=False, outcome="no_media")},
    "refused": {"step": "submit", "fault": Fault.status(422)},
    "busy": {"step": "submit", "fault": Fault.status(429)},
    "no key": {"step": "submit", "fault": Fault.status(401)},
    "never reached": {"changes": {"base_url": dead_url()}},
    "the result is gone": {"step": "result", "fault": Fault.status(404)},
    "not saved": {"changes": {"save_to": __file__}},
}
LEDGER = ["open", "intend", "accept", "settle", "close", "free_slot", "seek_slots"]


async def ends(fal: Fal, gateway: Gateway, end: dict[str, Any]) -> None:
    changes = {"max_retries": 0, **end.get("changes", {})}
    fal.script(end.get("script", Script(run_polls=1, stream=False)))
    if "fault" in end:
        fal.fail(end["step"], end["fault"])

    work = gateway.generate_video_async(fal.config(**changes), REQUEST, end.get("on_progress"))
    await asyncio.gather(work, return_exceptions=True)
    fal.simulator.recover("fal")


@pytest.mark.parametrize("name", ENDS)
async def test_whatever_ends_a_job_its_slot_is_free_again(fal: Fal, name: str) -> None:
    gateway = limited(fal, Limits(in_flight=1, learn=False))
    await ends(fal, gateway, ENDS[name])
    assert await in_flight(fal) == 0
    fal.script(SHORT)
    assert (await fal.generate()).status == "completed"


@pytest.mark.parametrize("method", LEDGER)
async def test_whatever_a_ledger_fails_at_nobody_waits_for_ever(
    fal: Fal, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """A slot that could not be freed is nobody's when its lease is over."""
    ledger = Odd(method)
    fal.ledger = ledger
    gateway = limited(fal, Limits(in_flight=1, learn=False))
    await ends(fal, gateway, {})
    assert not ledger.left
    fal.script(SHORT)
    monkeypatch.setattr("tarash.tarash_gateway.ledger._memory_slots.LEASE_SECONDS", 0.05)
    assert (await fal.generate()).status == "completed"
