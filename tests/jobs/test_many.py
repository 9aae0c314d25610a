"""Several processes, one ledger: the same key at once, and one that stands still past its lease."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway._engine._timeouts import SURE_SECONDS
from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.testing import Script, Simulator
from tests.contract.cases import Case
from tests.jobs.conftest import BY_NAME, KEY, finish, job
from tests.jobs.processes import Child, Zygote, records, wait_for

FAL = BY_NAME["fal-video-veo3.1"]
RUNWAY = BY_NAME["runway-video-gen4.5"]
STABILITY = BY_NAME["stability-image-sd3.5-large"]
KEYS = {"fal": KEY, "runway": KEY}
LEASE = 0.4
PROMPT = "A lighthouse in a storm"


def race(  # noqa: PLR0913  (what makes a race)
    zygote: Zygote,
    simulator: Simulator,
    path: Path,
    case: Case,
    *,
    processes: int,
    calls: int,
    config: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Ask for one job under one key, in all ways at once; return the ends."""
    asked = [
        job(case, simulator, PROMPT, key="order-4711", by_handle=bool(number % 2))
        for number in range(calls)
    ]
    for one in asked:
        one["config"].update(config or {})

    children = [
        zygote.start("crowd", path=str(path), jobs=asked, lease=60) for _ in range(processes)
    ]
    said = [one for child in children for one in child.join()]
    return [one for one in said if "response" in one or "error" in one]


def check_race(
    zygote: Zygote, simulator: Simulator, path: Path, processes: int, calls: int
) -> None:
    for case in (FAL, RUNWAY, STABILITY):
        simulator.reset()
        file = path.with_name(f"{case}.db")
        ends = race(zygote, simulator, file, case, processes=processes, calls=calls)
        assert len(ends) == processes * calls
        assert len({(one["response"], one["media"]) for one in ends}) == 1
        assert simulator.counters(case.provider).submits == 1
        assert [one.state for one in records(file)] == ["completed"]


def test_one_key_in_two_processes_at_once_is_one_job(
    zygote: Zygote, simulator: Simulator, path: Path
) -> None:
    check_race(zygote, simulator, path, 2, 15)


@pytest.mark.soak
@pytest.mark.parametrize("processes", [2, 5])
def test_one_key_two_hundred_times_at_once_is_one_job(
    processes: int, zygote: Zygote, simulator: Simulator, path: Path
) -> None:
    check_race(zygote, simulator, path, processes, 200)


def test_one_key_whose_first_provider_fails_buys_one_fallback(
    zygote: Zygote, simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(run_seconds=0.3, outcome="failed"))
    simulator.script("runway", Script(run_seconds=0.3))
    fallback = job(RUNWAY, simulator, PROMPT)["config"]
    ends = race(
        zygote,
        simulator,
        path,
        FAL,
        processes=3,
        calls=6,
        config={"fallback_configs": [fallback]},
    )

    assert simulator.counters("fal").submits == 1
    assert simulator.counters("runway").submits == 1
    (made,) = simulator.jobs("runway")
    assert {one.get("response") for one in ends} == {made.id}, ends


def test_one_key_whose_job_fails_has_one_error(
    zygote: Zygote, simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(run_seconds=0.3, outcome="failed"))
    ends = race(zygote, simulator, path, FAL, processes=2, calls=6)

    assert simulator.counters("fal").submits == 1
    assert {one["error"] for one in ends} == {"GenerationFailedError"}
    assert len({one["operation"] for one in ends}) == 1


class Stopped:
    """A process that stops itself at one point, and another one that takes its job over."""

    def __init__(self, zygote: Zygote, simulator: Simulator, path: Path) -> None:
        self.zygote = zygote
        self.simulator = simulator
        self.path = path
        self.first: Child | None = None

    def stop(self, point: str, config: dict[str, Any] | None = None, leap: float = 0) -> None:
        """Let a process begin the job, and stop itself."""
        asked = job(FAL, self.simulator, PROMPT)
        asked["config"].update(config or {})
        self.first = self.zygote.start(
            "crowd",
            path=str(self.path),
            jobs=[asked],
            lease=LEASE,
            trap=point,
            by_signal=True,
            leap=leap,
        )
        self.first.until("reached")

    def take_over(self) -> Child:
        """Start a process that takes the job as soon as the lease is over."""
        arguments = {"path": str(self.path), "keys": KEYS, "at_least": 1}
        return self.zygote.start("resume", **arguments)

    def go_on(self) -> dict[str, Any]:
        """Let the first one go on to its end; return what it comes to."""
        assert self.first is not None
        self.first.send(signal.SIGCONT)
        (end,) = [one for one in self.first.join() if "response" in one or "error" in one]
        return end

    def end_of(self, child: Child) -> dict[str, Any]:
        (end,) = [one for one in child.join() if "id" in one]
        return end

    @property
    def record(self) -> JobRecord:
        (record,) = records(self.path)
        return record


@pytest.fixture
def stopped(zygote: Zygote, simulator: Simulator, path: Path) -> Stopped:
    return Stopped(zygote, simulator, path)


@pytest.mark.parametrize("point", ["before intend", "after accept", "before settle"])
def test_stopped_past_its_lease_and_taken_over(point: str, stopped: Stopped) -> None:
    stopped.stop(point)
    taken = stopped.end_of(stopped.take_over())
    late = stopped.go_on()

    assert taken["response"] == stopped.simulator.jobs("fal")[0].id
    assert late["error"] == "TarashException"
    assert "taken over by another process" in late["message"]
    assert stopped.record.id in late["message"]
    assert stopped.simulator.counters("fal").submits == 1
    assert stopped.record.state == "completed"


def test_stopped_past_its_deadline_cancels_nothing_that_another_waits_for(
    stopped: Stopped,
) -> None:
    stopped.simulator.script("fal", Script(outcome="never", stream=False))
    stopped.stop("after accept", leap=4000)
    second = stopped.take_over()
    before = stopped.simulator.counters("fal").polls
    wait_for(lambda: stopped.simulator.counters("fal").polls > before)

    late = stopped.go_on()
    assert "taken over by another process" in late["message"], late
    assert stopped.simulator.counters("fal").cancels == 0

    finish(stopped.simulator, "fal")
    assert stopped.end_of(second)["response"] == stopped.simulator.jobs("fal")[0].id


def test_stopped_past_its_lease_buys_no_fallback_that_another_buys(stopped: Stopped) -> None:
    stopped.simulator.script("fal", Script(outcome="failed"))
    fallback = job(RUNWAY, stopped.simulator, PROMPT)["config"]
    stopped.stop("after accept", {"fallback_configs": [fallback]})
    taken = stopped.end_of(stopped.take_over())
    late = stopped.go_on()

    assert [taken["response"]] == [one.id for one in stopped.simulator.jobs("runway")]
    assert "taken over by another process" in late["message"]
    for name in ("fal", "runway"):
        assert stopped.simulator.counters(name).submits == 1


def test_stopped_before_it_sent_keeps_what_it_buys_after_others_gave_up(stopped: Stopped) -> None:
    """The other one can only say that nobody knows; the job that comes late is still ours."""
    stopped.stop("after intend")
    taken = stopped.end_of(stopped.take_over())
    assert (taken["submission"], str(stopped.record.state)) == ("unknown", "unknown")

    late = stopped.go_on()
    (made,) = stopped.simulator.jobs("fal")
    assert late.get("response") == made.id, late
    assert stopped.record.state == "completed"


def test_stopped_between_its_line_and_its_send_and_followed(stopped: Stopped) -> None:
    """Whoever followed could not know; what leaves afterwards is written down, and delivered."""
    stopped.stop("after intend")
    taken = stopped.end_of(stopped.take_over())
    assert taken["submission"] == "unknown"
    assert stopped.simulator.counters("fal").submits == 0

    late = stopped.go_on()
    (made,) = stopped.simulator.jobs("fal")
    assert late["response"] == made.id
    assert stopped.simulator.counters("fal").submits == 1
    assert stopped.record.state == "completed"


@pytest.mark.soak
def test_stopped_for_long_between_its_line_and_its_send_sends_nothing(stopped: Stopped) -> None:
    stopped.stop("after intend")
    stopped.end_of(stopped.take_over())
    time.sleep(SURE_SECONDS)
    late = stopped.go_on()
    assert "stood still" in late["message"]
    assert stopped.simulator.counters("fal").submits == 0
    assert stopped.simulator.jobs("fal") == []
