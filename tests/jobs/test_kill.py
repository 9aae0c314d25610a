"""Processes killed at random moments: nothing is bought twice, and nothing is lost unnamed."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Script, Simulator
from tests.jobs.conftest import BY_NAME, KEY, Report, job
from tests.jobs.processes import Zygote, records, wait_for

CASES = [
    BY_NAME[name]
    for name in (
        "fal-video-veo3.1",
        "fal-image-dev",
        "runway-video-gen4.5",
        "replicate-video-veo-3.1",
        "replicate-image-flux-schnell",
        "luma-video-ray-2",
        "luma-image-photon-1",
        "openai-video-sora-2",
        "xai-video-grok-imagine-video",
        "stability-image-sd3.5-large",
    )
]
PROVIDERS = sorted({case.provider for case in CASES})
KEYS = dict.fromkeys(PROVIDERS, KEY)
MOST_REQUESTS = 6
"""For each job; more than it needs, so that some rounds are killed when all is over."""


class Round:
    """Jobs at once in a process that is killed; then others take over what is left."""

    def __init__(
        self, zygote: Zygote, simulator: Simulator, path: Path, number: int, count: int
    ) -> None:
        self.zygote = zygote
        self.simulator = simulator
        self.path = path
        self.random = random.Random(number)
        self.jobs = [self._job(number, index) for index in range(count)]

    def _job(self, number: int, index: int) -> dict[str, Any]:
        prompt = f"prompt-{number}-{index}-"
        case = CASES[index % len(CASES)]
        by_handle = (index + number + index // len(CASES)) % 2 == 0
        return job(case, self.simulator, prompt, key=prompt, by_handle=by_handle)

    def requests(self) -> list[Any]:
        return [one for name in PROVIDERS for one in self.simulator.requests(name)]

    def bought(self, prompt: str) -> list[str]:
        """Return the ids of the jobs that the providers made of a prompt."""
        return [
            made.id
            for name in PROVIDERS
            for made in self.simulator.jobs(name)
            if prompt in str(made.payload)
        ]

    def submits(self, prompt: str) -> int:
        """Return how often a prompt has left."""
        asked = [one for one in self.requests() if one.method == "POST"]
        return sum(prompt.encode() in one.body for one in asked)

    def run(self) -> Counter[str]:
        """Kill, resume, ask again; check what came of each job, and count the ways it went."""
        for name in PROVIDERS:
            pace = [self.random.choice((0.0, 0.05, 0.3)) for _ in self.jobs]
            self.simulator.script(name, *(Script(run_seconds=one) for one in pace))

        moment = self.random.randrange(MOST_REQUESTS * len(self.jobs))
        first = self.zygote.start("crowd", path=str(self.path), jobs=self.jobs)
        wait_for(lambda: len(self.requests()) >= moment or not first.is_alive)
        first.kill()
        told = {one["prompt"]: one for one in first.said("response")}

        # A second one dies while it resumes, at times.
        second = self.zygote.start("resume", path=str(self.path), keys=KEYS)
        if self.random.random() < 0.5:
            more = len(self.requests()) + self.random.randrange(2 * len(self.jobs))
            wait_for(lambda: len(self.requests()) >= more or not second.is_alive)
            second.kill()
        else:
            second.join()

        third = self.zygote.start("resume", path=str(self.path), keys=KEYS)
        reports = {one["id"]: one for one in third.join() if "id" in one}
        between = {record.request["prompt"]: record for record in records(self.path)}

        # Whoever does not know what became of it asks for everything again, with the same keys.
        again = {one["prompt"]: one for one in self.retry()}
        return Counter(
            self.fate(prompt, told.get(prompt), between.get(prompt), again[prompt], reports)
            for prompt in again
        )

    def retry(self) -> list[dict[str, Any]]:
        said = self.zygote.start("crowd", path=str(self.path), jobs=self.jobs).join()
        return [one for one in said if "response" in one or "error" in one]

    def fate(
        self,
        prompt: str,
        told: dict[str, Any] | None,
        record: JobRecord | None,
        again: dict[str, Any],
        reports: dict[str, dict[str, Any]],
    ) -> str:
        """Check one job: its provider's word, the ledger's and ours."""
        assert self.submits(prompt) <= 1, f"{prompt} was sent twice"
        ids = self.bought(prompt)
        if record is None:
            assert told is None
            assert "response" in again, again
            return "begun by the retry"

        if record.state == "completed":
            (entry,) = record.entries
            assert "response" in again, again
            if entry.operation is None:  # the answer was the result
                assert again["media"], again
            else:
                assert [entry.operation.id] == ids
                assert again["response"] == entry.operation.id

            assert told is None or told["response"] == again["response"]
            was_adopted = reports.get(record.id, {}).get("adopted")
            return "adopted" if was_adopted else "completed"

        assert record.state == "unknown", (record, reports.get(record.id))
        (entry,) = record.entries
        assert told is None
        assert again["submission"] == "unknown", again
        for name in (entry.intent.provider, entry.intent.model, record.id):
            assert name in again["message"], again

        adapter = default_registry.adapter(entry.intent.provider)
        if hasattr(adapter, "find_submitted") and record.kind == "video":
            assert ids == [], f"{prompt} is in the provider's list: {again}"

        return "unknown"


def storm(
    zygote: Zygote, simulator: Simulator, folder: Path, *, rounds: int, jobs: int
) -> Counter[str]:
    fates: Counter[str] = Counter()
    for number in range(rounds):
        simulator.reset()
        fates += Round(zygote, simulator, folder / f"jobs-{number}.db", number, jobs).run()

    return fates


@pytest.mark.timeout(300)
def test_killed_at_random_moments(zygote: Zygote, simulator: Simulator, tmp_path: Path) -> None:
    fates = storm(zygote, simulator, tmp_path, rounds=5, jobs=10)
    assert fates["completed"]


@pytest.mark.soak
def test_killed_at_two_hundred_moments(
    zygote: Zygote, simulator: Simulator, tmp_path: Path, report: Report
) -> None:
    fates = storm(zygote, simulator, tmp_path, rounds=200, jobs=20)
    report(f"200 kills of 20 jobs: {dict(fates)}")
    assert fates.total() == 200 * 20
    assert fates["completed"]
    assert fates["unknown"]
