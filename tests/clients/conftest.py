"""Clients of other makers, as their users run them, against a started server; `nox -s clients`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import (
    Started,
    _sora_is_no_matter,
    served,
    simulator,
    start,
)

__all__ = ["_sora_is_no_matter", "served", "simulator", "start"]

HERE = Path(__file__).parent
PYTHON = "TARASH_CLIENTS_PYTHON"
"""The variable that says which Python has LiteLLM."""
NODE = "TARASH_CLIENTS_NODE"
"""The variable that says in which folder npm has installed."""
Run = Callable[[str], dict[str, Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here: it needs packages that only the session of its own installs."""
    for item in items:
        if str(item.path).startswith(str(HERE)):
            item.add_marker(pytest.mark.clients)


@pytest.fixture
def run(served: Started, simulator: Simulator, tmp_path: Path) -> Run:
    """Return what runs a script of this folder, and returns what each of its steps came to."""
    simulator.script("fal", Script(queue_seconds=0.1, run_seconds=0.1))

    def running(name: str) -> dict[str, Any]:
        command = _command(name, tmp_path)
        secrets = {"TARASH_URL": f"{served.url}/v1", "TARASH_KEY": served.key()}
        kept = {one: os.environ[one] for one in ("PATH", "HOME", "LANG") if one in os.environ}
        done = subprocess.run(
            command,
            env={**kept, **secrets},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        lines = done.stdout.splitlines()
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    return running


def _command(name: str, folder: Path) -> list[str]:
    """Return how a script is run; skips where what it needs is not installed."""
    if name.endswith(".py"):
        python = os.environ.get(PYTHON)
        if not python:
            pytest.skip("LiteLLM is not installed: `nox -s clients` does that")

        return [python, str(HERE / name)]

    modules, node = os.environ.get(NODE), shutil.which("node")
    if not (modules and node):
        pytest.skip("There is no node, or nothing is installed for it: `nox -s clients` does that")

    # Node looks for packages beside the script.
    shutil.copy(HERE / name, folder / name)
    (folder / "node_modules").symlink_to(Path(modules) / "node_modules")
    return [node, str(folder / name)]
