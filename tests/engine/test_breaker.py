"""The breaker: what opens it, who probes, when it closes, and what the chain does meanwhile."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Breaker,
    CircuitOpenError,
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    MockConfig,
    PolicyRefusedError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours)
    ValidationError,
    VideoGenerationConfig,
)
from tarash.tarash_gateway._data._policies import Target
from tarash.tarash_gateway._engine._breakers import (
    READ_SECONDS,
    BreakerPermit,
    Breakers,
    verdict_of,
)
from tarash.tarash_gateway._engine._circuit import Circuit, Verdict
from tarash.tarash_gateway._jobs._traffic_report import health_in
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script
from tarash.tarash_gateway.webhooks import WebhookEvent, WebhookInbox
from tests.conftest import until
from tests.engine.conftest import KEY, REQUEST, Fal

DOWN = Fault.status(502)
SETTINGS = Breaker(failures=3, within=60, open_seconds=30)
ENDS: list[tuple[BaseException | None, Verdict]] = [
    (None, "good"),
    (HTTPConnectionError("no"), "bad"),
    (TimeoutError("late", timeout_seconds=1), "bad"),
    (HTTPError("down", status_code=500), "bad"),
    (HTTPError("down", status_code=503), "bad"),
    (HTTPError("down", status_code=599), "bad"),
    (HTTPError("refused", status_code=422), "good"),
    (HTTPError("unreadable", status_code=200), "none"),
    (GenerationFailedError("no"), "good"),
    (ContentModerationError("no"), "good"),
    (RateLimitError("busy", status_code=429), "none"),
    (QuotaExceededError("no credit", status_code=402), "good"),
    (ValidationError("no"), "none"),
    (PolicyRefusedError("no"), "none"),
    (TarashException("no"), "none"),
    (asyncio.CancelledError(), "none"),
    (SystemExit(), "none"),
]


@pytest.mark.parametrize(("error", "verdict"), ENDS)
def test_only_what_is_wrong_with_the_machines_counts(
    error: BaseException | None, verdict: Verdict
) -> None:
    assert verdict_of(error) == verdict


def opened(now: float = 0.0) -> Circuit:
    circuit = Circuit()
    for _ in range(3):
        circuit.report("bad", "HTTP 502", now, SETTINGS, probed=False)

    assert circuit.state(now) == "open"
    return circuit


def test_it_opens_and_one_probe_closes_it() -> None:
    circuit = opened()
    assert circuit.ask(29.9, SETTINGS) == "stop"
    assert circuit.ask(30, SETTINGS) == "probe"
    assert circuit.ask(30, SETTINGS) == "stop"
    assert circuit.state(30) == "half_open"
    assert circuit.report("good", None, 31, SETTINGS, probed=True)
    assert circuit.state(31) == "closed"
    assert circuit.ask(31, SETTINGS) == "go"


def test_a_probe_that_fails_opens_it_for_longer() -> None:
    circuit, now = opened(), 0.0
    waits = []
    for _ in range(7):
        waits.append(circuit.until - now)
        now = circuit.until
        assert circuit.ask(now, SETTINGS) == "probe"
        circuit.report("bad", "HTTP 502", now, SETTINGS, probed=True)

    assert waits == [30, 60, 120, 240, 480, 480, 480]


def test_a_probe_that_says_nothing_makes_room_for_another() -> None:
    circuit = opened()
    assert circuit.ask(30, SETTINGS) == "probe"
    circuit.report("none", None, 31, SETTINGS, probed=True)
    assert circuit.ask(31, SETTINGS) == "probe"
    # And so does one of which nothing is ever heard.
    assert circuit.ask(60.9, SETTINGS) == "stop"
    assert circuit.ask(61, SETTINGS) == "probe"


def test_a_few_failures_among_many_results_open_nothing() -> None:
    circuit = Circuit()
    for _ in range(10):
        circuit.report("good", None, 0, SETTINGS, probed=False)
        circuit.report("bad", "HTTP 502", 0, SETTINGS, probed=False)
        circuit.report("good", None, 0, SETTINGS, probed=False)

    assert circuit.state(0) == "closed"


def test_old_failures_open_nothing() -> None:
    circuit = Circuit()
    for at in (0, 61, 122, 183):
        circuit.report("bad", "HTTP 502", at, SETTINGS, probed=False)

    assert circuit.state(183) == "closed"


def test_what_left_before_it_opened_changes_nothing() -> None:
    circuit = opened()
    for _ in range(20):
        circuit.report("bad", "HTTP 502", 5, SETTINGS, probed=False)

    assert circuit.until == 30
    assert circuit.opened == 1


@pytest.mark.parametrize("seed", range(40))
def test_in_any_order_it_lets_one_probe_out_and_never_stays_open_for_good(seed: int) -> None:
    """Attempts begin and end in any order, for hours of a virtual clock."""
    rng, now, circuit = random.Random(seed), 0.0, Circuit()
    under_way: list[bool] = []
    probed_at: float | None = None
    is_down = False
    for _ in range(400):
        now += rng.choice([0.0, 0.1, 1, 10, 40])
        is_down = rng.random() < 0.5 if rng.random() < 0.05 else is_down
        way = circuit.ask(now, SETTINGS)
        assert (way == "go") == (not circuit.is_open)
        if way == "probe":
            assert probed_at is None or now - probed_at >= SETTINGS.open_seconds
            probed_at = now

        if way != "stop":
            under_way.append(way == "probe")

        while under_way and rng.random() < 0.6:
            probed = under_way.pop(rng.randrange(len(under_way)))
            verdict: Verdict = rng.choice(["none", "bad" if is_down else "good"])
            was_open = circuit.is_open
            changed = circuit.report(verdict, "HTTP 502", now, SETTINGS, probed=probed)
            probed_at = None if probed or changed else probed_at
            assert not (verdict == "good" and circuit.is_open)
            assert was_open or not circuit.is_open or verdict == "bad"

    # However it ended, a provider that is back is found to be.
    now = max(now, circuit.until)
    if circuit.ask(now, SETTINGS) == "probe":
        circuit.report("good", None, now, SETTINGS, probed=True)

    assert circuit.state(now) == "closed"


def guarded(fal: Fal, breaker: Breaker = SETTINGS, ledger: Any = None) -> Gateway:
    fal.gateway = Gateway(ledger=ledger or fal.ledger, breaker=breaker)
    return fal.gateway


MOCK = VideoGenerationConfig(provider="runway", model="gen4.5", mock=MockConfig(enabled=True))


async def go_down(fal: Fal, times: int = 3, **changes: Any) -> None:
    fal.fail("submit", DOWN, times=times)
    for _ in range(times):
        with pytest.raises(TarashException):
            await fal.generate(max_retries=0, **changes)


async def test_while_it_is_open_the_chain_goes_straight_on(fal: Fal) -> None:
    guarded(fal)
    await go_down(fal)
    submits = fal.counters.submits
    response = await fal.generate(fallback_configs=[MOCK])
    assert response.execution_metadata is not None
    skipped, made = response.execution_metadata.attempts
    assert (skipped.status, skipped.submission, skipped.billing) == ("skipped", "not_sent", "none")
    assert skipped.error_type == "CircuitOpenError"
    assert made.status == "success"
    assert fal.counters.submits == submits


async def test_without_an_alternative_it_tries_anyway(fal: Fal) -> None:
    guarded(fal)
    await go_down(fal)
    assert (await fal.generate()).status == "completed"
    (circuit,) = await fal.gateway.health_async()
    assert circuit.state == "closed"  # it is back


async def test_or_it_fails_fast(fal: Fal) -> None:
    guarded(fal, Breaker(failures=3, on_open="fail"))
    await go_down(fal)
    submits = fal.counters.submits
    error = await fal.failure()
    assert isinstance(error, CircuitOpenError)
    assert (error.submission, error.code) == ("not_sent", "circuit_open")
    assert error.retry_after is not None
    assert 20 < error.retry_after <= 30
    assert "HTTP 502" in error.message
    assert KEY not in error.message
    assert fal.counters.submits == submits
    (circuit,) = await fal.gateway.health_async()
    assert (circuit.state, circuit.failures, circuit.last_error) == ("open", 3, "HTTP 502")


@pytest.mark.parametrize(
    "what",
    [
        Script(outcome="moderated", stream=False),
        Script(outcome="failed", stream=False),
        Fault.status(422),
        Fault.status(429),
        Fault.status(402),
    ],
)
async def test_what_is_no_failure_of_machines_opens_nothing(fal: Fal, what: Any) -> None:
    guarded(fal, Breaker(failures=1))
    if isinstance(what, Script):
        fal.script(what)
    else:
        fal.fail("submit", what, times=None)

    for _ in range(3):
        with pytest.raises(TarashException):
            await fal.generate(max_retries=0)

    (circuit,) = await fal.gateway.health_async()
    assert circuit.state == "closed"


async def test_models_have_circuits_of_their_own(fal: Fal) -> None:
    guarded(fal, Breaker(failures=3, on_open="fail"))
    await go_down(fal)
    response = await fal.generate(model="fal-ai/kling-video/v2.5-turbo/pro/text-to-video")
    assert response.status == "completed"


async def test_a_probe_is_done_when_it_is_accepted(fal: Fal) -> None:
    guarded(fal, Breaker(failures=1, open_seconds=0.001, on_open="fail"))
    await go_down(fal, times=1)
    fal.script(Script(outcome="never", stream=False))
    await asyncio.sleep(0.002)
    probe = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.accepted == 1)

    while (await fal.gateway.health_async())[0].state != "closed":  # noqa: ASYNC110
        await asyncio.sleep(0.005)

    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)


async def test_a_cancelled_probe_makes_room(fal: Fal) -> None:
    guarded(fal, Breaker(failures=1, open_seconds=0.001, on_open="fail"))
    await go_down(fal, times=1)
    await asyncio.sleep(0.002)
    fal.fail("submit", Fault.hang())
    probe = asyncio.ensure_future(fal.generate())
    await until(lambda: fal.counters.submits == 2)

    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert (await fal.generate()).status == "completed"


async def test_a_job_that_runs_is_polled_on(fal: Fal) -> None:
    guarded(fal, Breaker(failures=1, on_open="fail"))
    fal.script(Script(run_polls=1, stream=False))
    job = await fal.gateway.submit_video_async(fal.config(), REQUEST)
    await go_down(fal, times=1)
    assert (await job.wait_async()).status == "completed"


async def test_a_webhook_about_a_job_that_still_runs_opens_nothing(fal: Fal) -> None:
    fal.script(Script(outcome="never", stream=False))
    gateway = Gateway(breaker=Breaker(failures=1))
    job = await gateway.submit_video_async(fal.config(), REQUEST)
    (made,) = fal.simulator.jobs("fal")
    event = WebhookEvent("fal", made.id, job_id=job.id, is_idle=True)
    inbox = WebhookInbox(gateway, api_keys={"fal": KEY})
    assert not await inbox.settle_async(event)
    assert fal.counters.polls == 1
    assert [one.failures for one in gateway.health()] == [0]


async def test_processes_share_what_has_opened(fal: Fal, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    breaker = Breaker(failures=2, on_open="fail")
    first = guarded(fal, breaker, SqliteLedger(path))
    await go_down(fal, times=2)
    second = guarded(fal, breaker, SqliteLedger(path))
    assert isinstance(await fal.failure(), CircuitOpenError)
    (circuit,) = await second.health_async()
    assert (circuit.state, circuit.last_error) == ("open", "HTTP 502")
    assert [one.state for one in await health_in(SqliteLedger(path))] == ["open"]
    assert KEY.encode() not in path.read_bytes()
    await first.aclose(0)
    await second.aclose(0)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_of_all_processes_one_probes(tmp_path: Path) -> None:
    """Each with a ledger of its own on one file, as processes have it."""
    clock, target = Clock(), Target("fal", "fal-ai/veo3.1", "https://queue.fal.run")
    attempt: Any = SimpleNamespace(operation=None, intent=None, call=SimpleNamespace(mocked=False))
    ledgers = [SqliteLedger(tmp_path / "jobs.db") for _ in range(8)]
    processes = [(Breakers(SETTINGS, clock), ledger) for ledger in ledgers]

    async def enter() -> list[BreakerPermit]:
        tried = [
            await asyncio.gather(
                one.enter(target, attempt, ledger, may_skip=True), return_exceptions=True
            )
            for one, ledger in processes
        ]
        return [one for (one,) in tried if isinstance(one, BreakerPermit)]

    all_let_in = await enter()
    assert len(all_let_in) == len(processes)
    for _ in range(SETTINGS.failures):
        await all_let_in[0].ended(HTTPConnectionError("down"))

    clock.now += READ_SECONDS
    assert await enter() == []
    clock.now += SETTINGS.open_seconds
    (probe,) = await enter()
    clock.now += 1
    assert await enter() == []
    await probe.ended(HTTPConnectionError("down"))  # for twice as long now
    clock.now += READ_SECONDS + 1.5 * SETTINGS.open_seconds
    assert await enter() == []
    clock.now += SETTINGS.open_seconds
    (probe,) = await enter()
    await probe.accepted()
    clock.now += READ_SECONDS
    assert len(await enter()) == len(processes)
    for ledger in ledgers:
        await ledger.aclose()


TARGET = Target("fal", "fal-ai/veo3.1", "https://queue.fal.run")


async def let_in(breakers: Breakers, *, begun: bool = False) -> BreakerPermit:
    facts: dict[str, Any] = {"operation": object() if begun else None, "intent": None}
    attempt: Any = SimpleNamespace(call=SimpleNamespace(mocked=False), **facts)
    permit = await breakers.enter(TARGET, attempt, MemoryLedger(), may_skip=True)
    assert permit is not None
    return permit


async def running(breakers: Breakers, jobs: int) -> list[BreakerPermit]:
    """Return attempts whose jobs were accepted, and run."""
    found = [await let_in(breakers) for _ in range(jobs)]
    for one in found:
        await one.accepted()

    return found


async def test_jobs_that_end_well_hide_no_submits_that_fail() -> None:
    """They were accepted minutes ago: of a busy account some end all the time."""
    clock = Clock()
    breakers = Breakers(SETTINGS, clock)
    jobs = await running(breakers, 50)
    jobs += [await let_in(breakers, begun=True) for _ in range(10)]  # taken up by this process
    clock.now += 600
    for number in range(SETTINGS.failures):
        for one in jobs[number * 20 : number * 20 + 20]:
            await one.ended(None)

        if breakers.health()[0].state == "closed":
            await (await let_in(breakers)).ended(HTTPError("down", status_code=503))

    assert breakers.health()[0].state == "open"


async def test_a_job_that_ends_well_closes_nothing() -> None:
    clock = Clock()
    breakers = Breakers(SETTINGS, clock)
    jobs = await running(breakers, 20)
    jobs += [await let_in(breakers, begun=True)]
    tried = [await let_in(breakers) for _ in range(3)]
    clock.now += 600
    for one in tried:
        await one.ended(HTTPConnectionError("down"))

    for one in jobs:
        await one.ended(None)

    assert breakers.health()[0].state == "open"


async def test_jobs_that_are_accepted_and_never_end_open_it() -> None:
    breakers = Breakers(SETTINGS, Clock())
    late = TimeoutError("late", timeout_seconds=600)
    for one in (await running(breakers, 15))[:10]:
        await one.ended(late)

    assert breakers.health()[0].state == "open"


@pytest.mark.parametrize("hours", [1, 1000])
def test_a_clock_that_is_put_back_keeps_nobody_out(hours: int) -> None:
    """Or one of another machine that is ahead."""
    circuit = opened(now=3600.0 * hours)
    assert circuit.ask(0, SETTINGS) == "probe"
    assert circuit.ask(1, SETTINGS) == "stop"


async def test_without_a_breaker_nothing_is_skipped(fal: Fal) -> None:
    fal.gateway = Gateway(ledger=fal.ledger)
    await go_down(fal, times=6)
    assert (await fal.generate()).status == "completed"
    assert await fal.gateway.health_async() == []
    given: Any = "5"
    with pytest.raises(ValidationError, match="is no breaker"):
        Gateway(breaker=given)
