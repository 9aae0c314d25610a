"""All providers in one process: one loop, one cache of clients, no connection too many."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tarash.tarash_gateway
from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.testing import Simulator
from tests.conftest import until

from .cases import CASES
from .cases import everyone as simulate_everyone
from .conftest import KEY

ROOT = Path(__file__).parents[2]
ABOVE = Path(tarash.tarash_gateway.__file__).parents[2]
ROUNDS = 3
OF_PROVIDER = Counter(case.provider for case in CASES)
OWN_DOWNLOADS = {"openai", "azure-openai", "google"}
"""They have no URL that works without our credentials."""


@pytest.fixture
def everyone() -> Iterator[Simulator]:
    """All providers, each with a key of its own."""
    with simulate_everyone() as running:
        for name in running.providers:
            running.keys[name] = {f"{KEY}-{name}", KEY}

        yield running

    assert running.leaks == []


async def _all_closed(simulator: Simulator) -> None:
    names = [*simulator.providers, "media", "foreign"]
    await until(lambda: not any(simulator.counters(name).open_connections for name in names))


def test_all_providers_share_a_loop_and_nothing_else(everyone: Simulator) -> None:
    async def work() -> list[Any]:
        made: list[Any] = []
        async with Gateway() as gateway:
            for _ in range(ROUNDS):
                calls = []
                for case in CASES:
                    generate: Callable[..., Any] = getattr(gateway, f"generate_{case.kind}_async")
                    key = f"{KEY}-{case.provider}"
                    asked = case.config(key, everyone.base_url(case.provider))
                    calls.append(generate(asked, case.request()))

                made += await asyncio.gather(*calls)

        return made

    made = asyncio.run(work())
    asyncio.run(_all_closed(everyone))

    assert {response.status for response in made} == {"completed"}
    assert len(OF_PROVIDER) >= 7
    for name, cases in OF_PROVIDER.items():
        counted = everyone.counters(name)
        assert (counted.submits, counted.accepted) == (cases * ROUNDS, cases * ROUNDS)
        # For each case at most one to buy through, one to look through and one to listen to; anew
        # in each round, since a slow machine outlasts the time that one counts as fresh.
        assert counted.connections <= 3 * cases * ROUNDS
        headers = str([request.headers for request in everyone.requests(name)])
        strangers = [f"{KEY}-{other}" for other in OF_PROVIDER if other not in name]
        assert not [key for key in strangers if f"{key}'" in headers]
        assert bool(counted.downloads + counted.results) >= (name in OWN_DOWNLOADS)

    # Where a URL serves, nothing is downloaded.
    assert everyone.requests("media") == everyone.requests("foreign") == []


@pytest.mark.timeout(120)
def test_two_event_loops_and_the_blocking_api_leave_nothing_open(everyone: Simulator) -> None:
    origins = {name: everyone.base_url(name) for name in everyone.providers}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.contract.loops_probe"],
        input=json.dumps(origins),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(ABOVE), "PATH": ""},
    )
    assert done.stderr == ""
    assert Counter(json.loads(done.stdout)) == {"completed": 3 * len(CASES)}
    assert {name: everyone.counters(name).accepted for name in OF_PROVIDER} == {
        name: 3 * count for name, count in OF_PROVIDER.items()
    }
    asyncio.run(_all_closed(everyone))
