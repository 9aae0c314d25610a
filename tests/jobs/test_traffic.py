"""Many processes, one ledger, one limit of jobs in flight: it holds, whoever is killed."""

from __future__ import annotations

import signal
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Script, Simulator
from tests.jobs.conftest import BY_NAME, KEY
from tests.jobs.processes import Child, Zygote, records, wait_for

FAL = BY_NAME["fal-video-veo3.1"]
USERS = ("ada", "ben", "cleo")


def orders(simulator: Simulator, number: int, name: str) -> list[dict[str, Any]]:
    """Return jobs of three users, all of the first before any of the next."""
    config = {
        "provider": "fal",
        "model": "fal-ai/veo3.1",
        "api_key": KEY,
        "base_url": simulator.base_url("fal"),
        "poll_interval": 0.1,
        "timeout": 600,
        "provider_config": {"min_poll_interval": 0.02},
    }
    made = [
        {"user": user, "key": f"{name}-{user}-{at}", "config": config}
        for user in USERS
        for at in range(number)
    ]
    return sorted(made, key=lambda one: str(one["user"]))


def ends_of(children: list[Child]) -> tuple[dict[str, str], set[str]]:
    """Return the job that each order came to, and the orders of which nobody can know.

    Those were killed between their submit and its answer.
    """
    said = [one for child in children for one in child.said()]
    errors = [one for one in said if "error" in one]
    assert not [one for one in errors if one["submission"] != "unknown"]
    ends = {one["key"]: one["response"] for one in said if "response" in one}
    return ends, {one["key"] for one in errors}


def check_line(  # noqa: PLR0913  (what makes a crowd)
    zygote: Zygote,
    simulator: Simulator,
    path: Path,
    *,
    processes: int,
    each: int,
    in_flight: int,
    kills: int,
) -> dict[str, float]:
    """Run the crowd, kill and replace some; return the mean wait of each user in seconds."""
    simulator.script("fal", Script(run_seconds=0.15, stream=False))
    work = [orders(simulator, each, f"p{number}") for number in range(processes)]
    arguments: dict[str, Any] = {"path": str(path), "in_flight": in_flight}
    children = [zygote.start("traffic", jobs=one, **arguments) for one in work]
    running = list(children)
    total = processes * each * len(USERS)
    for number in range(kills):
        wait_until_accepted(simulator, (number + 1) * total // (kills + 2))
        place = number % processes
        running[place].kill()
        running[place] = zygote.start("traffic", jobs=work[place], **arguments)
        children.append(running[place])

    for child in running:
        child.join()

    ends, unknown = ends_of(children)
    assert set(ends).isdisjoint(unknown)
    assert len(ends) + len(unknown) == total
    assert len(unknown) <= in_flight * kills
    assert len(set(ends.values())) == len(ends)
    counters = simulator.counters("fal")
    assert counters.most_in_flight <= in_flight
    bought = [one.payload["prompt"] for one in simulator.jobs("fal")]
    assert counters.accepted == counters.submits == len(bought) == len(set(bought))
    assert set(ends) <= set(bought) <= set(ends) | unknown
    states = Counter(one.state for one in records(path))
    assert (states["completed"], states.total()) == (len(ends), total)
    return waits_of(simulator)


def wait_until_accepted(simulator: Simulator, number: int) -> None:
    wait_for(lambda: simulator.counters("fal").accepted >= number)


def waits_of(simulator: Simulator) -> dict[str, float]:
    """Return the mean wait of each user: from the first submit of all to its own."""
    at: defaultdict[str, list[datetime]] = defaultdict(list)
    for one in simulator.jobs("fal"):
        at[one.payload["prompt"].split("-")[1]].append(one.submitted_at)

    first = min(min(times) for times in at.values())
    return {
        user: sum((one - first).total_seconds() for one in times) / len(times)
        for user, times in at.items()
    }


def check_fair(waits: dict[str, float], share: float) -> None:
    mean = sum(waits.values()) / len(waits)
    assert all(abs(one - mean) <= share * mean for one in waits.values()), waits


def test_processes_hold_one_line_together(zygote: Zygote, simulator: Simulator, path: Path) -> None:
    check_line(zygote, simulator, path, processes=3, each=4, in_flight=3, kills=1)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_eight_processes_hold_one_line_together(
    zygote: Zygote, simulator: Simulator, path: Path, report: Any
) -> None:
    waits = check_line(zygote, simulator, path, processes=8, each=21, in_flight=10, kills=6)
    report(f"waits: {waits}; in flight: {simulator.counters('fal').most_in_flight}")
    check_fair(waits, 0.2)


@pytest.mark.parametrize("point", ["before intend", "after intend"])
def test_who_stands_still_past_its_lease_sends_nothing_without_a_slot(
    zygote: Zygote, simulator: Simulator, path: Path, point: str
) -> None:
    simulator.script("fal", Script(run_seconds=0.3, stream=False))
    first, second = orders(simulator, 1, "a")[:2]
    arguments: dict[str, Any] = {"path": str(path), "in_flight": 1, "lease": 2}
    stopped = zygote.start("traffic", jobs=[first], trap=point, by_signal=True, **arguments)
    stopped.until("reached")
    other = zygote.start("traffic", jobs=[second], **arguments)
    if point == "before intend":  # nothing is written down: its slot ends with its lease
        other.join()
        more = zygote.start("traffic", jobs=[{**second, "key": "b"}], **arguments)
        wait_for(lambda: simulator.counters("fal").accepted == 2)
        stopped.send(signal.SIGCONT)
        more.join()
    else:  # it may have submitted, for all that others know
        stopped.send(signal.SIGCONT)
        other.join()

    stopped.join()
    assert simulator.counters("fal").most_in_flight == 1
    assert "response" in stopped.said("key")[0]
