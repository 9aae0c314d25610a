"""The command line as its users run it: in a process of its own, against the simulator.

A command that is run without ado is a fork of a process that has imported it (`forks`); what
depends on how Python starts, and what is sent signals, starts from nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
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
# The event loop's clock, which limits are measured by, leaps when there is a file.
LEAPING = (
    "import asyncio, os\n"
    "clock = asyncio.BaseEventLoop.time\n"
    "asyncio.BaseEventLoop.time = (\n"
    "    lambda loop: clock(loop) + 1000 * os.path.exists({leap!r}))\n"
)
ONE_BY_ONE = """
import contextlib, io, json, sys
from tarash.tarash_gateway.cli import main

told = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)

    told.append((code, out.getvalue(), err.getvalue()))

print(json.dumps(told))
"""
LIMIT = 120
When = Callable[[], bool]


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

    def __init__(
        self, folder: Path, environment: dict[str, str], forks: subprocess.Popen[str]
    ) -> None:
        self.folder = folder
        self.environment = environment
        self._forks = forks

    def __call__(self, *arguments: str, code: int | None = None, before: str = "") -> Ran:
        """Run `tarash` with these arguments, after some code, and check its exit code."""
        out, err = (self.folder.with_name(name) for name in ("out", "err"))
        job = {
            "arguments": arguments,
            "folder": str(self.folder),
            "environment": self.environment,
            "before": before,
            "out": str(out),
            "err": str(err),
        }
        assert self._forks.stdin is not None
        assert self._forks.stdout is not None
        self._forks.stdin.write(json.dumps(job) + "\n")
        self._forks.stdin.flush()
        returned = int(self._forks.stdout.readline())
        return self._ran(returned, out.read_text(), err.read_text(), code)

    def each(self, commands: Sequence[Sequence[str]]) -> list[Ran]:
        """Run several commands, one after the other in one process."""
        done = self._run("-c", ONE_BY_ONE, json.dumps(commands), code=0)
        return [self._ran(code, out, err, None) for code, out, err in done.json()]

    def afresh(self, *arguments: str, code: int | None = None) -> Ran:
        """Run `tarash` in a Python that is started for it."""
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
        self, when: When | Sequence[When], *arguments: str, by: int = signal.SIGINT
    ) -> Ran:
        """Run a command, and send it a signal as soon as each condition holds."""

        def interrupt(process: subprocess.Popen[str]) -> None:
            process.send_signal(by)

        return self._meanwhile(when, interrupt, AS_IN_A_TERMINAL, arguments)

    def leaping(self, when: When, *arguments: str, code: int | None = None) -> Ran:
        """Run a command whose clock is put forward by 1000 seconds when a condition holds."""
        leap = self.folder.with_name("leap")

        def put_forward(_: subprocess.Popen[str]) -> None:
            leap.touch()

        leap.unlink(missing_ok=True)
        source = LEAPING.format(leap=str(leap)) + AS_IN_A_TERMINAL
        return self._meanwhile(when, put_forward, source, arguments, code)

    def _meanwhile(
        self,
        when: When | Sequence[When],
        act: Callable[[subprocess.Popen[str]], None],
        source: str,
        arguments: Sequence[str],
        code: int | None = None,
    ) -> Ran:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", source, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                for condition in [when] if callable(when) else when:
                    while not condition() and process.poll() is None:
                        time.sleep(0.01)

                    act(process)

                out, err = process.communicate(timeout=LIMIT)
            finally:
                process.kill()

        return self._ran(process.returncode, out, err, code)

    def drawn(self, *arguments: str, columns: int = 60) -> str:
        """Run a command on a terminal; return all that was written to it."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tarash.tarash_gateway", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            written = b""
            while True:
                try:
                    read = os.read(ours, 65536)
                except OSError:
                    break  # the other end is closed: how a terminal on Linux ends

                if not read:
                    break

                written += read

            os.close(ours)
            assert process.wait(LIMIT) == 0

        return written.decode()

    def _ran(self, returned: int, out: str, err: str, code: int | None) -> Ran:
        told = out + err
        assert code is None or returned == code, told
        assert "Traceback" not in told
        assert not [part for part in (CANARY, *CANARY.split(":")) if part in told]
        return Ran(returned, out, err)


def environment() -> dict[str, str]:
    private = ("FAL_", "TARASH_", "XDG_", "FORCE_COLOR", "TTY_", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return {**kept, "PYTHONPATH": str(ABOVE), "TERM": "xterm"}


@pytest.fixture(scope="session")
def forks() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("forks.py"))],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


@pytest.fixture
def command(tmp_path: Path, forks: subprocess.Popen[str]) -> Command:
    """Without a key and without a simulator."""
    folder = tmp_path / "here"
    folder.mkdir()
    own = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}  # for its ledger
    return Command(folder, environment() | own, forks)


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
