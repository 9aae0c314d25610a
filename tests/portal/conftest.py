"""Runs a script in a process of its own, against a simulator in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.portal.scripts import PRELUDE

ROOT = Path(__file__).parents[2]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


class Scripts:
    """Starts scripts whose fal is the simulator, with every warning an error."""

    def __init__(self, simulator: Simulator) -> None:
        self._environment = {
            **os.environ,
            "FAL_KEY": "canary-key-of-the-tests",
            "TARASH_FAL_BASE_URL": simulator.base_url("fal"),
        }

    def start(self, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PRELUDE + script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
            cwd=ROOT if (ROOT / "tarash").exists() else None,
        )

    def run(self, script: str) -> str:
        """Return what the script printed; it must end well and print no warning."""
        process = self.start(script)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert errors == ""
        return output


@pytest.fixture
def scripts(simulator: Simulator) -> Scripts:
    return Scripts(simulator)
