"""The process's standard streams, which may break while a job runs: a closed pipe, a full disk.

Writing to them never raises here. What standard output did not take is reported at the end, by the
exit code and on standard error; what standard error did not take is lost.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..progress._steady import Steady, steady

_found: list[str] = []


@contextmanager
def kept() -> Iterator[None]:
    """Let nobody who writes to standard output or standard error fail meanwhile."""
    out, err = sys.stdout, sys.stderr
    if isinstance(out, io.TextIOWrapper):
        # Characters that it has not are written as escapes, instead of failing at the end.
        out.reconfigure(errors="backslashreplace")

    _found.clear()
    sys.stdout, sys.stderr = steady(lambda: out), steady(lambda: err)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            _settle(stream)

        sys.stdout, sys.stderr = out, err


def pour(path: Path) -> None:
    """Write the bytes of a file to standard output."""
    if isinstance(sys.stdout, Steady):
        sys.stdout.pour(path)


def read_text() -> str:
    """Return all of standard input.

    Raises:
        OSError: There is none, or it can't be read.
        UnicodeDecodeError: It is no text.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise OSError("there is no standard input")

    return sys.stdin.read()


def found(where: str) -> None:
    """Remember what is written to standard output, for when it does not take it."""
    _found.append(where)


def written() -> list[str]:
    """Return what was written to standard output."""
    return list(_found)


def lost() -> OSError | None:
    """Return why standard output did not take all that was written to it; None where it did."""
    sys.stdout.flush()
    failure: OSError | None = getattr(sys.stdout, "failure", None)
    return failure


def _settle(stream: object) -> None:
    """Let what a broken stream still holds go nowhere: at exit, Python would fail over it."""
    target = stream.target if isinstance(stream, Steady) and stream.failure is not None else None
    if target is not None:
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, target.fileno())
            os.close(nowhere)
            target.flush()
