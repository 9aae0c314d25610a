"""Children, simulators and ledgers for the tests of jobs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.cluster import Cluster, missing
from tests.contract.cases import CASES, Case, everyone
from tests.jobs.processes import Zygote

KEY = "canary-jobs-2b6e90"
BY_NAME = {str(case): case for case in CASES}


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    if not hasattr(os, "fork"):
        pytest.skip("children are forked")

    started = Zygote(tmp_path_factory.mktemp("children"))
    yield started
    started.end()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with everyone() as running:
        for name in running.providers:
            running.keys[name] = {KEY}

        yield running

    assert running.leaks == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


Report = Callable[[str], None]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Tell whoever runs the long forms what was counted."""

    def write(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return write


def finish(simulator: Simulator, provider: str) -> str:
    """Let the newest job be done; return its id."""
    state = simulator._state(provider)  # noqa: SLF001  (jobs that end when a test says so)
    found = state.find(state.jobs()[-1].id)
    assert found is not None
    found.end(state.clock(), cancelled=False)
    return found.id


def config_for(case: Case, simulator: Simulator, *, key: str = KEY, **changes: Any) -> Any:
    """Return a config of a case whose limits no slow machine reaches."""
    return case.config(key, simulator.base_url(case.provider), **{"timeout": 3600, **changes})


def job(case: Case, simulator: Simulator, prompt: str, **more: Any) -> dict[str, Any]:
    """Return what a child needs to make a job of a case; `config` holds changes of its config."""
    dumped = config_for(case, simulator, **more.pop("config", {})).model_dump(
        mode="json", exclude_unset=True
    )
    return {
        "kind": case.kind,
        "config": {**dumped, "api_key": KEY},
        "prompt": prompt,
        **more,
    }


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if (why := missing()) is not None:
        pytest.skip(why)

    # Its own, since it is restarted; not in pytest's folder, which only its user may enter.
    with tempfile.TemporaryDirectory(prefix="tarash-chaos-") as folder:
        made = Cluster(Path(folder))
        made.make()
        try:
            yield made
        finally:
            made.stop()
