"""Which processes are alive: a lease by the clock, and the process table where it can be asked."""

from __future__ import annotations

import os
import platform
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

SAID_IN_LEASE = 6
"""How often a process says at most in each lease that it is alive.

Who beats asks three times; a beat that comes just after a submit has said so is not to leave two
thirds of the lease without a word.
"""


def now() -> datetime:
    """Return the time of day, in UTC: the only clock that processes share."""
    return datetime.now(UTC)


def _place() -> str:
    """Name the table that this process's id is a number in; empty where that is not known."""
    host = platform.node()
    if sys.platform != "linux":
        return host if os.name == "posix" else ""

    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{host} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _birth(pid: int) -> str | None:
    """Return when a process has begun; empty where that is not known, None where it has ended."""
    if sys.platform != "linux":
        return ""

    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # others' processes may be hidden

    # Behind the name, which may hold anything: the state, and 18 numbers on, ticks since the boot.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


@dataclass(frozen=True, eq=False)
class Process:
    """One ledger object in one process, as others see it."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    pid: int = field(default_factory=os.getpid)
    place: str = field(default_factory=_place)
    birth: str = field(default_factory=lambda: _birth(os.getpid()) or "")
    gone: set[str] = field(default_factory=set)
    """Holders of this process that could not write down that they have let go."""

    def __post_init__(self) -> None:
        _here[self.id] = self

    def sees(self, row: Mapping[str, Any], age: float) -> bool:
        """Tell whether a holder is alive, by its process's row in the ledger's `processes`.

        A row from the future counts for one lease, so that a clock that was set back does not keep
        the dead alive for as long.

        Args:
            row: The process's, with the name of the holder.
            age: Seconds since the process has said that it is alive, by the ledger's clock.
        """
        if row["id"] == self.id and row["holder"] in self.gone:
            return False

        if not -row["lease_seconds"] <= age < row["lease_seconds"]:
            return False

        if not self.place or row["place"] != self.place:
            return True

        if row["pid"] == self.pid:
            # Two processes at one place can't share a number: the other one has gone before.
            return row["id"] in _here

        return _is_running(row["pid"], row["birth"])


def _is_running(pid: int, birth: str) -> bool:
    """Tell whether a process may be running; False only where it has ended for certain."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # there, and somebody else's

    began = _birth(pid)
    if began is None:
        return False  # ended, and not yet buried by its parent

    return not (birth and began) or birth == began


_here: WeakValueDictionary[str, Process] = WeakValueDictionary()


def _forget() -> None:
    _here.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
