"""Learned times: a histogram that estimates well, is shared by a ledger, and harms nothing."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway._engine._loop_state import seen
from tarash.tarash_gateway._engine._times import Histogram, LearnedTimes
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.testing import Script
from tests.conftest import rounds, until
from tests.engine.conftest import KEY, REQUEST, Fal

KIND = ("fal", "fal-ai/veo3.1", "", "8", "720p")
SECONDS = st.floats(0.05, 4000, allow_nan=False)


@settings(deadline=None, max_examples=200)
@given(st.lists(SECONDS, min_size=1, max_size=100), st.floats(0, 1))
def test_a_quantile_is_right_to_some_percent(seconds: list[float], share: float) -> None:
    histogram = Histogram()
    for one in seconds:
        histogram.add(one)

    found = histogram.quantile(share)
    # Shares that fall between two jobs may be either's.
    place = share * len(seconds)
    ordered = sorted(seconds)
    low = ordered[max(0, min(len(seconds), math.ceil(place - 1e-6)) - 1)]
    high = ordered[max(0, min(len(seconds), math.ceil(place + 1e-6)) - 1)]
    assert found is not None
    assert low / 1.07 <= found <= high * 1.07


@settings(deadline=None, max_examples=100)
@given(st.lists(SECONDS, max_size=60), st.lists(SECONDS, max_size=60))
def test_two_histograms_together_are_one_of_all(mine: list[float], others: list[float]) -> None:
    first, second, whole = Histogram(), Histogram(), Histogram()
    for place, seconds in ((first, mine), (second, others), (whole, [*mine, *others])):
        for one in seconds:
            place.add(one)

    first.merge(second)
    assert first.counts == whole.counts


def test_what_was_seen_lately_counts_more() -> None:
    histogram = Histogram()
    for _ in range(1000):
        histogram.add(10)

    for _ in range(130):
        histogram.add(30)

    median = histogram.quantile(0.5)
    assert median is not None
    assert 27 < median < 33
    assert histogram.total <= 130
    assert len(histogram.counts) <= 2


def test_a_few_jobs_make_no_rule() -> None:
    times = LearnedTimes()
    assert times.quantile(KIND, 0.5) is None
    for number in range(5):
        assert times.window(KIND) is None
        assert times.percent(KIND, 5) is None
        times.record(KIND, 10 + number / 100)

    window = times.window(KIND)
    assert window is not None
    assert 9 < window[0] <= window[1] < 11
    assert times.percent(KIND, 5) in range(45, 56)
    assert times.percent(KIND, 1000) == 95
    times.record_percent(KIND)
    assert times.percent(KIND, 5) is None


async def test_processes_share_what_they_have_seen(tmp_path: Path) -> None:
    now = [0.0]
    ledger = SqliteLedger(tmp_path / "jobs.db")
    first, second = LearnedTimes(lambda: now[0]), LearnedTimes(lambda: now[0])
    for times, seconds in ((first, 10.0), (second, 20.0)):
        for _ in range(4):
            times.record(KIND, seconds)

        await times.save(KIND, ledger)

    third = LearnedTimes(lambda: now[0])
    await third.load(KIND, ledger)
    fourth = LearnedTimes(lambda: now[0])
    await fourth.load_all(ledger)
    for times in (second, third, fourth):
        early, late = times.quantile(KIND, 0.25), times.quantile(KIND, 0.75)
        assert early is not None
        assert late is not None
        assert (round(early / 10), round(late / 10)) == (1, 2)

    # What was seen meanwhile is not lost by reading.
    now[0] += 1000
    first.record(KIND, 500)
    await first.load(KIND, ledger)
    top = first.quantile(KIND, 1)
    assert top is not None
    assert top > 400
    await ledger.aclose()


async def test_another_versions_state_is_no_trouble(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "jobs.db")
    for value in ({"counts": 7}, {}, {"counts": {"a": "b"}}, {"of": "another"}):
        await ledger.write_state("times", '["fal", "m", "", "", ""]', value)
        times = LearnedTimes()
        await times.load_all(ledger)
        assert times.quantile(("fal", "m", "", "", ""), 0.5) is None

    await ledger.aclose()


async def test_a_ledger_that_fails_harms_nothing() -> None:
    class Failing(MemoryLedger):
        lease_seconds = 15.0

        async def read_state(self, space: str, name: str) -> Any:
            raise OSError(f"no {space} {name}")

    times = LearnedTimes()
    times.record(KIND, 10)
    await times.load(KIND, Failing())
    await times.save(KIND, Failing())
    assert times.quantile(KIND, 0.5) is not None


async def test_a_plan_says_how_long_it_takes(fal: Fal, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    gateway = fal.gateway = Gateway(ledger=f"sqlite:///{path}")
    assert (await gateway.plan_video_async(fal.config(), REQUEST)).expected_seconds is None
    assert not path.exists()  # nothing is made by asking
    await fal.generate()
    seen = (await gateway.plan_video_async(fal.config(), REQUEST)).expected_seconds
    assert seen is not None
    assert seen > 0
    other = REQUEST.model_copy(update={"duration_seconds": 4})
    assert (await gateway.plan_video_async(fal.config(), other)).expected_seconds is None
    await gateway.aclose(0)

    # And so does one in another process.
    fresh = Gateway(ledger=f"sqlite:///{path}")
    assert (await fresh.plan_video_async(fal.config(), REQUEST)).expected_seconds == seen
    blocking = await asyncio.to_thread(
        Gateway(ledger=f"sqlite:///{path}").plan_video, fal.config(), REQUEST
    )
    assert blocking.expected_seconds == seen
    assert KEY.encode() not in path.read_bytes()
    await fresh.aclose(0)


async def test_percent_is_estimated_where_a_provider_says_none(fal: Fal) -> None:
    resources = fal.gateway._shared.resources()  # noqa: SLF001  (what five jobs would have left)
    fal.script(Script(run_polls=4, stream=False))
    kind = ("fal", "fal-ai/veo3.1", "", "", "")
    for _ in range(10):
        resources.times.record(kind, 0.2)

    updates: list[Any] = []
    await fal.generate(updates.append)
    percents = [one.progress_percent for one in updates if one.status == "processing"]
    assert percents
    assert all(one is not None and 0 <= one <= 95 for one in percents)
    assert percents == sorted(percents)


async def test_a_job_is_noticed_by_what_others_have_seen(fal: Fal) -> None:
    """A new process polls towards the end that others have seen, and not by growing pauses."""
    resources = fal.gateway._shared.resources()  # noqa: SLF001
    kind = ("fal", "fal-ai/veo3.1", "", "", "")
    for _ in range(20):
        resources.times.record(kind, 100.0)

    fal.script(Script(outcome="never", stream=False))
    task = asyncio.ensure_future(fal.generate(poll_interval=1000, provider_config={}))
    await until(lambda: fal.counters.accepted == 1)
    await until(lambda: bool(seen().histories))
    await rounds()
    windows = {history.window for history in seen().histories.values()}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert windows == {resources.times.window(kind)}
