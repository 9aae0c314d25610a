"""Figures that move after the end: a later one takes the place of the one before, in one row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from tarash.tarash_gateway import (
    BudgetExceededError,
    Gateway,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    register_prices,
    spend_async,
)
from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.cli._app import run
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import JobRecord, Spending
from tarash.tarash_gateway.testing import Fault, Script, Simulator

KEY = "canary-key-of-late-costs"
KEYS = {"runway": KEY, "luma": KEY}
REQUEST = VideoGenerationRequest(prompt="A tram", duration_seconds=5)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["runway", "luma"]) as running:
        running.script("runway", Script(billable_units=60))
        yield running


def config(simulator: Simulator, provider: str = "runway", **changes: Any) -> Any:
    return VideoGenerationConfig(
        provider=provider,
        model={"runway": "gen4.5", "luma": "ray-2"}[provider],
        api_key=KEY,
        base_url=simulator.base_url(provider),
        poll_interval=0.02,
        max_retries=0,
        provider_config={"min_poll_interval": 0.01},
        **changes,
    )


def move(simulator: Simulator, credits_now: Any) -> None:
    """Let the provider say another figure of the newest job from now on."""
    state = simulator._state("runway")  # noqa: SLF001  (what it has said once, it takes back)
    job = state.find(state.jobs()[-1].id)
    assert job is not None
    job.result_body = {**job.result_body, "cost": {"credits": credits_now}}


async def test_credits_that_are_given_back_lower_the_one_row(
    simulator: Simulator, ledger: Any
) -> None:
    async with Gateway(ledger=ledger, budgets=["0.60/day"]) as gateway:
        await gateway.generate_video_async(config(simulator), REQUEST)
        move(simulator, 15)
        (change,) = await gateway.refresh_costs_async(api_keys=KEYS)
        assert (change.before, change.after) == (Decimal("0.6"), Decimal("0.15"))
        assert await gateway.refresh_costs_async(api_keys=KEYS) == []

        move(simulator, 0)
        await gateway.refresh_costs_async(api_keys=KEYS)
        await gateway.generate_video_async(config(simulator), REQUEST)  # the budget has room again

    (row,) = await spend_async(ledger)
    assert [row.amount, row.submits] == [Decimal("0.6"), 2]
    assert simulator.counters("runway").submits == 2


async def test_a_job_that_ended_after_its_wait_costs_what_it_then_says(
    simulator: Simulator, ledger: Any
) -> None:
    simulator.script("runway", Script(run_polls=4, cancel="ignored", billable_units=25))
    async with Gateway(ledger=ledger) as gateway:
        with pytest.raises(TarashException):
            await gateway.generate_video_async(config(simulator, max_poll_attempts=1), REQUEST)

        (row,) = await spend_async(ledger)
        assert [row.amount, row.possible] == [0, Decimal("0.6")]
        for _ in range(6):  # each looks once
            await gateway.refresh_costs_async(api_keys=KEYS)

    (row,) = await spend_async(ledger)
    assert [row.amount, row.possible] == [Decimal("0.25"), 0]


@pytest.mark.parametrize("said", [1e300, -1, "60", "NaN"])
async def test_a_figure_that_no_job_costs_leaves_the_estimate(
    simulator: Simulator, ledger: Any, said: Any
) -> None:
    simulator.script("runway", Script(billable_units=said))
    async with Gateway(ledger=ledger, budgets=["5/day"]) as gateway:
        response = await gateway.generate_video_async(config(simulator), REQUEST)
        cost = response.cost
        assert cost is not None
        assert (cost.amount, cost.state) == (Decimal("0.6"), "estimated")
        (spent,) = await ledger.spendings()
        record = await ledger.get(spent.job_id)
        assert record.entries[0].outcome == "completed"
        await gateway.generate_video_async(config(simulator), REQUEST)  # the budget has room
        move(simulator, said)
        assert await gateway.refresh_costs_async(api_keys=KEYS) == []

    (row,) = await spend_async(ledger)
    assert [row.amount, row.possible, row.submits] == [Decimal("1.2"), 0, 2]


async def test_a_provider_that_can_not_be_asked_leaves_what_was_there(
    simulator: Simulator, ledger: Any
) -> None:
    async with Gateway(ledger=ledger) as gateway:
        await gateway.generate_video_async(config(simulator), REQUEST)
        move(simulator, 0)
        for fault in (Fault.status(500), Fault.status(404)):
            simulator.fail("runway", "poll", fault)
            assert await gateway.refresh_costs_async(api_keys=KEYS) == []

        assert await gateway.refresh_costs_async(api_keys={"runway": "another-key"}) == []

    (row,) = await spend_async(ledger)
    assert row.amount == Decimal("0.6")


async def test_who_says_nothing_of_costs_is_not_asked(simulator: Simulator, ledger: Any) -> None:
    async with Gateway(ledger=ledger) as gateway:
        await gateway.generate_video_async(
            config(simulator, "luma"), VideoGenerationRequest(prompt="A tram")
        )
        polls = simulator.counters("luma").polls
        assert await gateway.refresh_costs_async(api_keys=KEYS) == []

    assert simulator.counters("luma").polls == polls


async def test_a_ledger_that_takes_no_later_figures_says_so() -> None:
    class Old:
        """Hands everything on but what came later."""

        def __getattr__(self, name: str) -> Any:
            if name == "reprice":
                raise AttributeError(name)

            return getattr(MemoryLedger, name)

    with pytest.raises(ValidationError, match="takes no later figures"):
        await Gateway(ledger=cast("Any", Old())).refresh_costs_async()


def test_the_command_line_asks_before_it_counts(
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "jobs.db"
    Gateway(ledger=SqliteLedger(path)).generate_video(config(simulator), REQUEST)
    move(simulator, 15)
    monkeypatch.setenv("RUNWAYML_API_SECRET", KEY)
    monkeypatch.setenv("TARASH_RUNWAY_BASE_URL", simulator.base_url("runway"))
    assert run(["spend", "--refresh", "--ledger", f"sqlite:///{path}"]) == 0
    captured = capsys.readouterr()
    assert "$0.15" in captured.out
    assert "1 later figure written down" in captured.err + captured.out


@pytest.fixture
def priced() -> Iterator[None]:
    line = {"model": "wavespeed-ai/z-image/turbo", "unit": "image", "rate": "0.01"}
    register_prices([{"provider": "wavespeed", **line}])
    yield
    prices.reset()


@pytest.mark.parametrize("word", [None, "cancelled"])
@pytest.mark.usefixtures("priced")
async def test_what_is_given_back_later_stays_reserved_until_then(word: str | None) -> None:
    class Aged(MemoryLedger):
        """Says that everything was sent, and has ended, some hours earlier than it was."""

        hours = 0.0

        async def get(self, job_id: str) -> JobRecord | None:
            record = await super().get(job_id)
            if record is None:
                return None

            entries = []
            for one in record.entries:
                heard = dict(one.heard)
                if "ended_at" in heard:
                    ended = datetime.fromisoformat(heard["ended_at"])
                    heard["ended_at"] = self._earlier(ended).isoformat()

                entries.append(replace(one, heard=heard))

            return replace(record, entries=tuple(entries))

        async def spendings(self, *times: Any) -> list[Spending]:
            rows = await super().spendings(*times)
            return [replace(one, at=self._earlier(one.at)) for one in rows]

        def _earlier(self, time: datetime) -> datetime:
            return time - timedelta(hours=self.hours)

    ledger = Aged()
    is_refunded = word is None
    with Simulator(["wavespeed"]) as running:
        running.script("wavespeed", Script(outcome="failed", error_type=word))
        made = ImageGenerationConfig(
            provider="wavespeed",
            model="wavespeed-ai/z-image/turbo",
            api_key=KEY,
            base_url=running.base_url("wavespeed"),
            poll_interval=0.02,
        )
        request = ImageGenerationRequest(prompt="A tram")
        async with Gateway(ledger=ledger, budgets=["0.01/total"]) as gateway:
            with pytest.raises(GenerationFailedError):
                await gateway.generate_image_async(made, request)

            for ledger.hours in (0, 2.9):
                await gateway.refresh_costs_async(api_keys={"wavespeed": KEY})
                assert [one.state for one in await ledger.spendings()] == ["possible"]

            with pytest.raises(BudgetExceededError):
                await gateway.generate_image_async(made, request)

            ledger.hours = 3.1
            changes = await gateway.refresh_costs_async(api_keys={"wavespeed": KEY})
            assert [one.after for one in changes] == [0] * is_refunded
            with pytest.raises(GenerationFailedError if is_refunded else BudgetExceededError):
                await gateway.generate_image_async(made, request)


@pytest.mark.parametrize("provider", ["alibaba", "bytedance", "minimax", "kling"])
async def test_who_takes_a_job_up_settles_it_like_who_began_it(
    provider: str, tmp_path: Path
) -> None:
    """A count becomes money at the rate of the quote, also where another process made that."""
    models = {
        "alibaba": "wan3.0-video",
        "bytedance": "dreamina-seedance-2-0-260128",
        "minimax": "MiniMax-H3",
        "kling": "kling-3.0",
    }
    request = VideoGenerationRequest(prompt="A tram", duration_seconds=5, resolution="720p")
    costs = []
    with Simulator([provider]) as running:
        made = VideoGenerationConfig(
            provider=provider,
            model=models[provider],
            api_key="key",
            base_url=running.base_url(provider),
            poll_interval=0.02,
            provider_config={"min_poll_interval": 0.01, "region": "ap-southeast-1"},
        )
        async with Gateway(ledger=MemoryLedger()) as gateway:
            costs.append((await gateway.generate_video_async(made, request)).cost)

        path = tmp_path / "jobs.db"
        async with Gateway(ledger=SqliteLedger(path, lease_seconds=0.05)) as first:
            job = await first.submit_video_async(made, request)

        async with Gateway(ledger=SqliteLedger(path)) as second:
            resumed = await second.resume_async(job.id, api_keys={provider: "key"})
            costs.append((await resumed.wait_async()).cost)

    assert costs[0] is not None
    assert costs[0].state == "settled"
    assert costs[1] == costs[0].model_copy(update={"lines": costs[1].lines if costs[1] else ()})
