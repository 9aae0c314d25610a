"""Takes turns at writing with the other processes that write into the same file.

SQLite itself checks ten times a second whether a file is still locked, and whoever has just
written may write again at once. So a process that waits beside others that write one thing after
another has missed the short times between their writes for the ten seconds that a call waits.

Whoever wants to write passes through a turnstile first, and stays in it until its write has begun:
nobody who comes later overtakes it. The turnstile is a lock on the folder of the file, which ends
with its process. It is a courtesy: who can't have it in time competes as SQLite lets it.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import threading
import time
from typing import TYPE_CHECKING

from ._errors import BUSY_SECONDS, is_busy

if TYPE_CHECKING:
    from pathlib import Path

LOOKS = (0.0002, 0.001)
"""Seconds between two checks of whoever is next, from the least to the most: there is one."""
LOOKS_OF_OTHERS = (0.0005, 0.003)
"""And of those who wait for the turnstile."""
TURNSTILE_SECONDS = BUSY_SECONDS / 2
"""So long somebody may stand in the turnstile; a process that was suspended there stays longer."""
AVOIDED_SECONDS = 60.0
"""So long it is passed by after that."""


class WriteLock:
    """The turns of one open file; for one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Note the folder of the file."""
        self._folder = folder
        self._turnstile: int | None = None
        self._avoided_until = float("-inf")
        self._rest = threading.Event()

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin to write, as soon as nobody else does.

        Raises:
            sqlite3.OperationalError: Somebody has kept the file locked for too long.
        """
        until = time.monotonic() + BUSY_SECONDS
        is_inside = self._enter()
        try:
            self._begin(connection, until)
        finally:
            if is_inside:
                self._leave()

    def close(self) -> None:
        """Let go of the folder."""
        turnstile, self._turnstile = self._turnstile, None
        if turnstile is not None:
            os.close(turnstile)

    def _begin(self, connection: sqlite3.Connection, until: float) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            while True:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    if not is_busy(error) or time.monotonic() >= until:
                        raise
                else:
                    return

                self._rest.wait(random.uniform(*LOOKS))
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    def _enter(self) -> bool:
        """Enter the turnstile; False where it can't be had, or not in time."""
        now = time.monotonic()
        if now < self._avoided_until:
            return False

        try:
            if self._turnstile is None:
                self._turnstile = os.open(self._folder, os.O_RDONLY)

            while not _is_locked(self._turnstile):
                if time.monotonic() - now > TURNSTILE_SECONDS:
                    self._avoided_until = time.monotonic() + AVOIDED_SECONDS
                    return False

                self._rest.wait(random.uniform(*LOOKS_OF_OTHERS))
        except OSError:  # not every file system has such locks
            self._avoided_until = now + AVOIDED_SECONDS
            return False

        return True

    def _leave(self) -> None:
        if self._turnstile is not None:
            _unlock(self._turnstile)


if sys.platform == "win32":

    def _is_locked(descriptor: int) -> bool:
        """Say that there is no turnstile."""
        raise OSError(descriptor)

    def _unlock(descriptor: int) -> None:
        """Do nothing."""
        del descriptor

else:
    import fcntl

    def _is_locked(descriptor: int) -> bool:
        """Lock a folder; False where somebody else has locked it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False

        return True

    def _unlock(descriptor: int) -> None:
        """Let somebody else lock it."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)
