"""The command line as its users run it: in a process of its own, against the simulator."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tarash.tarash_gateway
from tarash.tarash_gateway.testing import Simulator

ABOVE = Path(tarash.tarash_gateway.__file__).parents[2]
CANARY = "canary-4f1d:secret-9b77c2"
# A process that was started in the background may have inherited an ignored SIGINT.
AS_IN_A_TERMINAL = (
    "import signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from tarash.tarash_gateway.cli import main\n"
    "sys.exit(main())"
)
LIMIT = 40


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """Runs `tarash` in a folder of its own; what was said is searched for the key each time."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def __call__(self, *arguments: str, code: int | None = None) -> Ran:
        """Run `tarash` with these arguments, and check its exit code."""
        return self._run("-m", "tarash.tarash_gateway", *arguments, code=code)

    def code(self, source: str, *arguments: str) -> Ran:
        """Run Python code that calls the command line with these arguments."""
        return self._run("-c", source, *arguments)

    def _run(self, *arguments: str, code: int | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        return self._ran(done.returncode, done.stdout, done.stderr, code)

    def interrupted(
        self, when: Callable[[], bool], *arguments: str, by: int = signal.SIGINT, times: int = 1
    ) -> Ran:
        """Run a command, and send it a signal as soon as a condition holds."""
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", AS_IN_A_TERMINAL, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                for _ in range(times):
                    while not when() and process.poll() is None:
                        time.sleep(0.01)

                    process.send_signal(by)
                    time.sleep(0.5)

                out, err = process.communicate(timeout=LIMIT)
            finally:
                process.kill()

        return self._ran(process.returncode, out, err, None)

    def _ran(self, returned: int, out: str, err: str, code: int | None) -> Ran:
        told = out + err
        assert code is None or returned == code, told
        assert "Traceback" not in told
        assert not [part for part in (CANARY, *CANARY.split(":")) if part in told]
        return Ran(returned, out, err)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Without a key and without a simulator."""
    private = ("FAL_", "TARASH_", "XDG_", "FORCE_COLOR", "TTY_", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    folder = tmp_path / "here"
    folder.mkdir()
    own = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}  # for its ledger
    return Command(folder, {**kept, **own, "PYTHONPATH": str(ABOVE), "TERM": "xterm"})


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        simulator.keys["fal"] = [CANARY]
        yield simulator

    assert simulator.leaks == []


@pytest.fixture
def tarash_command(command: Command, simulator: Simulator) -> Command:
    """With a key, against the simulator."""
    command.environment |= {"FAL_KEY": CANARY, "TARASH_FAL_BASE_URL": simulator.base_url("fal")}
    return command
