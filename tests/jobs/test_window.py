"""Processes killed at exact points between a job's first line in the ledger and its last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.contract.cases import Case
from tests.jobs.conftest import BY_NAME, KEY, job
from tests.jobs.processes import Child, Zygote, records, wait_for

PROMPT = "A lighthouse in a storm"
LISTING = [
    BY_NAME[name] for name in ("replicate-video-veo-3.1", "luma-video-ray-2", "openai-video-sora-2")
]
BLIND = [BY_NAME[name] for name in ("fal-video-veo3.1", "runway-video-gen4.5")]
AT_ONCE = BY_NAME["stability-image-sd3.5-large"]


class Scene:
    """One job in a process that is killed at one point, and what a later one makes of it."""

    def __init__(self, zygote: Zygote, simulator: Simulator, path: Path) -> None:
        self.zygote = zygote
        self.simulator = simulator
        self.path = path

    def child(self, case: Case, trap: str | None, *, by_handle: bool = False) -> Child:
        jobs = [job(case, self.simulator, PROMPT, by_handle=by_handle)]
        return self.zygote.start("crowd", path=str(self.path), jobs=jobs, trap=trap)

    def killed(self, case: Case, trap: str, *, by_handle: bool = False) -> None:
        """Make a job, and kill its process where the trap is."""
        child = self.child(case, trap, by_handle=by_handle)
        child.until("reached")
        child.kill()

    def resumed(self, case: Case) -> dict[str, Any]:
        """Resume what there is, and return the one report."""
        keys = {case.provider: KEY}
        said = self.zygote.start("resume", path=str(self.path), keys=keys, at_least=1).join()
        (report,) = [one for one in said if "id" in one]
        return report

    def record(self) -> JobRecord:
        (record,) = records(self.path)
        return record

    def accepted(self, case: Case) -> list[str]:
        counters = self.simulator.counters(case.provider)
        assert counters.submits <= 1
        return [one.id for one in self.simulator.jobs(case.provider)]


@pytest.fixture
def scene(zygote: Zygote, simulator: Simulator, path: Path) -> Scene:
    return Scene(zygote, simulator, path)


def is_listing(case: Case) -> bool:
    return hasattr(default_registry.adapter(case.provider), "find_submitted")


@pytest.mark.parametrize("case", LISTING, ids=str)
def test_accepted_and_not_written_down_is_found_in_the_list(case: Case, scene: Scene) -> None:
    scene.killed(case, "before accept")
    (made,) = scene.accepted(case)
    assert scene.record().entries[0].operation is None

    report = scene.resumed(case)
    assert report["response"] == made
    assert report["adopted"]
    assert scene.accepted(case) == [made]
    assert scene.record().state == "completed"


@pytest.mark.parametrize("case", LISTING[:1], ids=str)
def test_accepted_without_an_answer_is_found_in_the_list(case: Case, scene: Scene) -> None:
    scene.simulator.fail(case.provider, "submit", Fault.hang(accepted=True))
    child = scene.child(case, None)
    wait_for(lambda: scene.simulator.counters(case.provider).accepted == 1)
    child.kill()

    assert scene.resumed(case)["response"] == scene.accepted(case)[0]


@pytest.mark.parametrize("case", BLIND, ids=str)
def test_accepted_and_not_written_down_is_unknown_without_a_list(case: Case, scene: Scene) -> None:
    scene.killed(case, "before accept", by_handle=True)
    (made,) = scene.accepted(case)

    report = scene.resumed(case)
    assert report["submission"] == "unknown"
    record = scene.record()
    assert record.state == "unknown"
    for name in (case.provider, case.model, record.id, "dashboard"):
        assert name in report["message"]

    assert scene.accepted(case) == [made]


@pytest.mark.parametrize(
    "point", ["after receive", "before settle", "after settle", "before close"]
)
def test_an_answer_that_was_the_result_is_delivered_by_whoever_comes_next(
    point: str, scene: Scene
) -> None:
    """Nobody can fetch it a second time, so it is written down when it comes."""
    scene.killed(AT_ONCE, point)
    report = scene.resumed(AT_ONCE)

    assert report["media"]
    assert len(scene.accepted(AT_ONCE)) == 1
    record = scene.record()
    assert (record.state, record.entries[-1].outcome) == ("completed", "completed")
    folder = scene.path.with_name(f"{scene.path.name}-media")
    assert list(folder.iterdir()) == []


def test_an_answer_that_was_the_result_is_unknown_when_it_died_with_us(scene: Scene) -> None:
    scene.killed(AT_ONCE, "before receive")
    report = scene.resumed(AT_ONCE)
    assert report["submission"] == "unknown"
    assert len(scene.accepted(AT_ONCE)) == 1


@pytest.mark.parametrize("case", [*LISTING[:1], *BLIND[:1]], ids=str)
def test_nothing_left_before_it_was_intended(case: Case, scene: Scene) -> None:
    scene.killed(case, "before intend")
    assert scene.accepted(case) == []

    assert scene.resumed(case)["response"] == scene.accepted(case)[0]


@pytest.mark.parametrize("case", [*LISTING[:1], *BLIND[:1]], ids=str)
def test_intended_and_never_sent_is_not_sent_by_others(case: Case, scene: Scene) -> None:
    """Whoever comes later can't know that it never left."""
    scene.killed(case, "after intend")
    report = scene.resumed(case)
    assert report["submission"] == "unknown"
    assert scene.accepted(case) == []
    if is_listing(case):
        assert "its list shows no job" in report["message"]


@pytest.mark.parametrize("point", ["after accept", "before settle", "before close"])
@pytest.mark.parametrize("case", BLIND[:1], ids=str)
def test_what_was_accepted_is_waited_for(case: Case, point: str, scene: Scene) -> None:
    scene.killed(case, point)
    (made,) = scene.accepted(case)

    report = scene.resumed(case)
    assert report["response"] == made
    assert scene.accepted(case) == [made]
    assert scene.record().state == "completed"


def test_a_handler_that_was_killed_is_never_run_again_by_itself(scene: Scene) -> None:
    child = scene.zygote.start("handled", path=str(scene.path), again=False)
    child.until("handled")
    child.kill()

    said = scene.zygote.start("handled", path=str(scene.path), again=True).join()
    assert [one for one in said if "handled" in one] == []
    (report,) = [one for one in said if "id" in one]
    assert report["submission"] == "unknown"
    assert "'mine'" in report["message"]
    assert scene.record().state == "unknown"


@pytest.mark.parametrize("point", ["after accept x2", "before accept x2", "before intend x2"])
def test_killed_in_the_middle_of_the_chain(point: str, scene: Scene) -> None:
    """The first has failed; the second is accepted, lost, or not begun yet."""
    fal, runway = BLIND
    scene.simulator.script("fal", Script(outcome="failed"))
    asked = job(fal, scene.simulator, PROMPT)
    asked["config"]["fallback_configs"] = [job(runway, scene.simulator, PROMPT)["config"]]
    child = scene.zygote.start("crowd", path=str(scene.path), jobs=[asked], trap=point)
    child.until("reached")
    child.kill()

    keys = {"fal": KEY, "runway": KEY}
    said = scene.zygote.start("resume", path=str(scene.path), keys=keys, at_least=1).join()
    (report,) = [one for one in said if "id" in one]
    assert len(scene.accepted(fal)) == 1
    made = scene.accepted(runway)
    if point.startswith("before accept"):
        assert report["submission"] == "unknown"
        assert "runway" in report["message"]
    else:
        assert [report["response"]] == made
        assert report["attempts"] == 2

    assert scene.record().state == ("unknown" if "error" in report else "completed")


@pytest.mark.parametrize("point", ["before settle", "before close"])
def test_a_failure_is_told_again_and_the_next_of_the_chain_is_bought_once(
    point: str, scene: Scene
) -> None:
    """The first has failed and we die before that is closed; the chain goes on from there."""
    fal, replicate = BLIND[0], LISTING[0]
    scene.simulator.script("fal", Script(outcome="failed"))
    with_fallback = job(fal, scene.simulator, PROMPT)
    with_fallback["config"]["fallback_configs"] = [
        job(replicate, scene.simulator, PROMPT)["config"]
    ]
    child = scene.zygote.start("crowd", path=str(scene.path), jobs=[with_fallback], trap=point)
    child.until("reached")
    child.kill()

    keys = {"fal": KEY, "replicate": KEY}
    said = scene.zygote.start("resume", path=str(scene.path), keys=keys, at_least=1).join()
    (report,) = [one for one in said if "id" in one]
    assert len(scene.accepted(fal)) == 1
    assert [report["response"]] == scene.accepted(replicate)
    assert scene.record().state == "completed"
