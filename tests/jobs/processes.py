"""Processes for tests: started fast, killed, stopped and continued, listened to through files."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger._contract import JobRecord

ROOT = Path(__file__).parents[2]
PAUSE = 0.005


class Child:
    """One process, and what it has reported so far."""

    def __init__(self, pid: int, path: Path) -> None:
        self.pid = pid
        self.path = path

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended; it is buried as soon as it has."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False

        return True

    def said(self, name: str = "") -> list[dict[str, Any]]:
        """Return its reports that have a fact of this name, or all."""
        text = self.path.read_text() if self.path.exists() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        assert not any("crash" in line for line in lines), text
        return [line for line in lines if not name or name in line]

    def until(self, name: str) -> dict[str, Any]:
        """Wait for a report that has a fact of this name."""
        wait_for(lambda: bool(self.said(name)) or not self.is_alive)
        found = self.said(name)
        assert found, f"it ended, and said {self.said()}"
        return found[0]

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, wherever it is, and wait until it is gone."""
        try:
            self.send(signal.SIGKILL)
        except ProcessLookupError:
            return

        wait_for(lambda: not self.is_alive)

    def join(self) -> list[dict[str, Any]]:
        """Wait until it has done its work; return what it reported."""
        self.until("end")
        wait_for(lambda: not self.is_alive)
        return self.said()


class Zygote:
    """A process with everything imported, whose children start within milliseconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._children: list[Child] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def start(self, work: str, **arguments: Any) -> Child:
        """Start a child on one of the works in `children`."""
        path = self._folder / f"child-{next(self._numbers)}.jsonl"
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps([work, str(path), arguments])}\n")
        self._process.stdin.flush()
        self._children.append(Child(int(self._answer()), path))
        return self._children[-1]

    def end(self) -> None:
        """Kill what still runs."""
        for child in self._children:
            child.kill()

        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; pytest's own timeout ends what never does."""
    while not condition():
        time.sleep(PAUSE)


def records(path: Path) -> list[JobRecord]:
    """Return the jobs in a ledger's file, oldest first."""

    async def read() -> list[JobRecord]:
        ledger = SqliteLedger(path)
        try:
            return (await ledger.jobs(limit=10_000))[::-1]
        finally:
            await ledger.aclose()

    return asyncio.run(read())
