"""What the SQLite ledger keeps, for how long, and for whose eyes."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tarash.tarash_gateway.exceptions import TarashException, ValidationError
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger.sqlite._file import File
from tests.ledger.makers import HOLDER, begin, make_intent, make_job, make_media, make_operation


def everything_below(folder: Path) -> list[Path]:
    """Return all files and folders in a folder."""
    return list(folder.rglob("*"))


def test_each_change_is_on_disk_before_its_call_returns(tmp_path: Path) -> None:
    file = File(tmp_path / "jobs.db")
    with file.write() as connection:
        settings = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "fullfsync", "foreign_keys")
        ]

    file.close()
    assert settings == ["wal", 2, 1, 1]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
async def test_only_the_user_may_read_it(sqlite: SqliteLedger, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await sqlite.open(make_job(), HOLDER, make_media(b"cat"))
    finally:
        os.umask(before)

    modes = {one: stat.S_IMODE(one.stat().st_mode) for one in everything_below(tmp_path)}
    assert len(modes) == 5  # the file, its two companions, the folder of media, one medium
    assert {mode & 0o077 for mode in modes.values()} == {0}


async def test_media_are_files_while_they_are_needed(sqlite: SqliteLedger, tmp_path: Path) -> None:
    media = make_media(b"cat" * 1000)
    name = next(iter(media))
    folder = tmp_path / "jobs.db-media"
    first, second = make_job(), make_job()
    await sqlite.open(first, HOLDER, media)
    await sqlite.open(second, HOLDER, media)
    assert [one.name for one in folder.iterdir()] == [name]
    await sqlite.close(first.id, HOLDER, "failed")
    assert [one.name for one in folder.iterdir()] == [name]

    (folder / name).write_bytes(b"dog" * 1000)
    with pytest.raises(KeyError):
        await sqlite.media(name)

    await sqlite.close(second.id, HOLDER, "failed")
    assert list(folder.iterdir()) == []
    with pytest.raises(ValidationError):
        await sqlite.open(make_job(), HOLDER, {"../cat": b""})


async def test_what_a_crash_has_left_is_swept(tmp_path: Path) -> None:
    path, folder = tmp_path / "jobs.db", tmp_path / "jobs.db-media"
    ledger = SqliteLedger(path)
    job = make_job()
    await ledger.open(job, HOLDER, make_media(b"cat"))
    await ledger.aclose()

    needed = next(iter(make_media(b"cat")))
    orphan = next(iter(make_media(b"dog")))
    names = [orphan, f".{orphan}.young", f".{orphan}.old", "notes.txt", ".keep"]
    for name in names:
        (folder / name).write_bytes(b"dog")

    for name in names[2:]:
        os.utime(folder / name, (0, 0))

    next_one = SqliteLedger(path)
    assert await next_one.media(needed) == b"cat"
    left = {one.name for one in folder.iterdir()}
    assert left == {needed, f".{orphan}.young", "notes.txt", ".keep"}
    await next_one.aclose()


async def test_closed_jobs_are_pruned_by_age(sqlite: SqliteLedger, tmp_path: Path) -> None:
    old, young, open_, held = [
        await begin(sqlite, idempotency_key=key) for key in ("old", "young", "open", "held")
    ]
    await sqlite.intend(make_intent(old), HOLDER)
    await sqlite.accept(f"{old.id}-1", make_operation("op"))
    for job in (old, young, held):
        await sqlite.close(job.id, HOLDER, "completed", {"a": 1})

    assert await sqlite.claim(held.id, HOLDER)
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection, connection:
        then = "2020-01-01T00:00:00.000000+00:00"
        connection.execute("UPDATE jobs SET closed_at = ? WHERE id != ?", (then, young.id))

    assert await sqlite.prune(timedelta(days=10**6)) == 0
    assert await sqlite.prune(timedelta(days=30)) == 1
    assert [job.id for job in await sqlite.jobs()] == [held.id, open_.id, young.id]
    assert await sqlite.find("fal", "op") is None
    assert await sqlite.open(make_job(idempotency_key="old"), HOLDER, {}) is None
    assert await sqlite.prune(timedelta(0)) == 1
    with pytest.raises(ValidationError):
        await sqlite.prune(timedelta(days=-1))


async def test_the_same_submit_is_not_written_down_twice(sqlite: SqliteLedger) -> None:
    job = await begin(sqlite)
    assert await sqlite.intend(make_intent(job), HOLDER)
    with pytest.raises(TarashException, match="written down before"):
        await sqlite.intend(make_intent(job), HOLDER)

    await sqlite.settle(f"{job.id}-1", "not_sent", "failed")
    assert await sqlite.intend(make_intent(job), HOLDER)
    found = await sqlite.get(job.id)
    assert found is not None
    assert [entry.outcome for entry in found.entries] == [None]
