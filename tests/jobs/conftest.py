"""Children, simulators and ledgers for the tests of jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.contract.cases import CASES, Case
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
    with Simulator() as running:
        for name in running.providers:
            running.keys[name] = {KEY}

        yield running

    assert running.leaks == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def job(case: Case, simulator: Simulator, prompt: str, **more: Any) -> dict[str, Any]:
    """Return what a child needs to make a job of a case; `config` holds changes of its config."""
    config = case.config(KEY, simulator.base_url(case.provider), **more.pop("config", {}))
    dumped = config.model_dump(mode="json", exclude_unset=True)
    return {
        "kind": case.kind,
        "config": {**dumped, "api_key": KEY},
        "prompt": prompt,
        **more,
    }
