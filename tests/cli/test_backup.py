"""Copies of ledgers: whole while they are in use, and never in the place of something else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tarash.tarash_gateway.ledger.sqlite._backup import back_up
from tarash.tarash_gateway.testing import Simulator
from tests.cli.conftest import Command


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (number,) = connection.execute("SELECT COUNT(*) FROM jobs").fetchone()

    return int(number)


def test_a_backup_holds_every_job_and_replaces_nothing(
    tarash_command: Command, simulator: Simulator
) -> None:
    where = ("--ledger", "sqlite:///jobs.db")
    job = tarash_command("video", "a cat", "--detach", *where, code=0).out.strip()
    made = tarash_command("ledger", "backup", "copy.db", *where, code=0)
    assert made.out.split() == ["copy.db"]
    assert "copied 1 job of" in made.err
    copy = tarash_command.folder / "copy.db"
    assert copy.stat().st_mode & 0o077 == 0

    (listed,) = tarash_command("jobs", "ls", "--ledger", "sqlite:///copy.db", "--json").json()
    assert listed["request_id"] == job == simulator.jobs("fal")[0].id

    before = copy.read_bytes()
    refused = tarash_command("ledger", "backup", "copy.db", *where, code=2)
    assert "nothing is overwritten" in refused.err
    assert copy.read_bytes() == before
    tarash_command("ledger", "backup", "none/copy.db", *where, code=9)
    tarash_command("ledger", "backup", "other.db", "--ledger", "sqlite:///none.db", code=2)
    assert not [*tarash_command.folder.glob("*other*"), *tarash_command.folder.glob(".copy*")]


def test_what_is_only_in_the_log_is_copied_with_its_media(tmp_path: Path) -> None:
    source, name = tmp_path / "jobs.db", "ab" * 32
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE jobs (id TEXT)")
        writer.execute("CREATE TABLE media (sha256 TEXT, job TEXT)")
        writer.execute("INSERT INTO jobs VALUES ('one')")
        writer.execute("INSERT INTO media VALUES (?, 'one')", (name,))
        made = back_up(source, tmp_path / "copy.db")

    assert (made.jobs, made.media) == (1, 0)  # the bytes were lost before
    assert count(tmp_path / "copy.db") == 1


@pytest.mark.parametrize("end", ["", "-media", "-wal"])
def test_nothing_beside_the_copy_is_taken_for_its_own(tmp_path: Path, end: str) -> None:
    source = tmp_path / "jobs.db"
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("CREATE TABLE jobs (id TEXT)")
        connection.execute("CREATE TABLE media (sha256 TEXT, job TEXT)")

    Path(f"{tmp_path / 'copy.db'}{end}").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        back_up(source, tmp_path / "copy.db")

    assert Path(f"{tmp_path / 'copy.db'}{end}").read_text() == "mine"
