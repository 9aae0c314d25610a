"""A module that serves in a process of its own, seen from this one: JSON lines both ways."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]


class Beside:
    """A running process, which ends with its standard input. A context manager."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._process: subprocess.Popen[str] | None = None
        self._begins_with: Any = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self._begins_with = self._read()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            with self._process as process:  # which closes its standard input, and so ends it
                process.stdout and process.stdout.close()

    def ask(self, *command: Any) -> Any:
        """Send a line, and return the answer to it."""
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("the process is not running; use it in a `with` statement")

        self._process.stdin.write(f"{json.dumps(command)}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the process is not running; use it in a `with` statement")

        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._command[2]} has ended; what it said is above")

        return json.loads(line)


def answer(value: Any) -> None:
    """Answer, in the process that serves."""
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()
