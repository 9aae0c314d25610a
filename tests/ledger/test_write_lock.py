"""Writers of several processes on one file take turns: nobody who waits is overtaken for ever."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from pathlib import Path

import pytest

from tarash.tarash_gateway.ledger.sqlite import _write_lock
from tarash.tarash_gateway.ledger.sqlite._file import File
from tarash.tarash_gateway.ledger.sqlite._write_lock import WriteLock

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="there is no turnstile")


@on_posix
def test_who_has_just_written_does_not_overtake_who_waits(tmp_path: Path) -> None:
    """As two processes are to each other: a connection and a lock each."""
    busy, other = File(tmp_path / "jobs.db"), File(tmp_path / "jobs.db")
    order: list[str] = []

    def wait_and_write() -> None:
        with other.write():
            order.append("other")

    waiting = threading.Thread(target=wait_and_write)
    with other.write():
        pass  # both have it open

    with busy.write():
        order.append("busy")
        waiting.start()
        until_taken(tmp_path)

    for _ in range(5):
        with busy.write():
            order.append("busy")

    waiting.join()
    busy.close()
    other.close()
    assert order[:3] == ["busy", "other", "busy"]


def until_taken(folder: Path) -> None:
    """Wait until somebody stands in the turnstile."""
    probe = os.open(folder, os.O_RDONLY)
    pause = threading.Event()
    try:
        while _write_lock._is_locked(probe):  # noqa: SLF001  (as others look, without waiting for it)
            _write_lock._unlock(probe)  # noqa: SLF001
            pause.wait(0.001)
    finally:
        os.close(probe)


@on_posix
def test_a_turnstile_that_somebody_blocks_is_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_write_lock, "TURNSTILE_SECONDS", 0.02)
    suspended = WriteLock(tmp_path)
    assert suspended._enter()  # noqa: SLF001  (and stands there)
    file = File(tmp_path / "jobs.db")
    for _ in range(2):
        with file.write() as connection:
            connection.execute("SELECT 1")

    suspended.close()
    file.close()


def test_a_folder_without_locks_keeps_nobody_from_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> bool:
        raise OSError(descriptor)

    monkeypatch.setattr(_write_lock, "_is_locked", refuse)
    file = File(tmp_path / "jobs.db")
    with file.write() as connection:
        connection.execute("SELECT 1")

    file.close()


def test_who_is_kept_waiting_for_too_long_hears_so_and_the_next_waits_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jobs.db"
    with File(path).write():
        pass

    monkeypatch.setattr(_write_lock, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    waiting = sqlite3.connect(path, isolation_level=None)
    turns = WriteLock(tmp_path)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        turns.begin(waiting)

    holder.execute("ROLLBACK")
    turns.begin(waiting)
    waiting.execute("ROLLBACK")
    assert waiting.execute("PRAGMA busy_timeout").fetchone() == (50,)
    turns.close()
    holder.close()
    waiting.close()
