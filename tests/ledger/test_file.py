"""The SQLite ledger's file when it can't serve: what is said, and that it is left alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.exceptions import StorageError, TarashException, ValidationError
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger._slots import SlotRequest
from tarash.tarash_gateway.ledger.sqlite._file import File
from tarash.tarash_gateway.ledger.sqlite._schema import MIGRATIONS
from tests.ledger.makers import (
    HOLDER,
    begin,
    make_intent,
    make_job,
)

ROOT = Path(__file__).parents[2]
CANARY = "canary-9b1d"


async def fill(path: Path) -> None:
    """Make a ledger of some hundred kilobytes, and close it."""
    ledger = SqliteLedger(path)
    for _ in range(20):
        job = await begin(ledger, request={"prompt": "cat" * 5000})
        await ledger.intend(make_intent(job), HOLDER)

    await ledger.aclose()


async def refusal(path: Path, *, media: dict[str, bytes] | None = None) -> TarashException:
    """Return the error of a submit that can't be written down."""
    ledger = SqliteLedger(path)
    job = make_job(request={"prompt": CANARY}, idempotency_key=CANARY)
    with pytest.raises(TarashException) as caught:
        await ledger.open(job, HOLDER, media or {})

    await ledger.aclose()
    error = caught.value
    assert type(error) is StorageError
    assert (error.submission, error.retryable) == ("not_sent", False)
    assert str(path) in error.message
    assert CANARY not in f"{error!r}{error.__cause__!r}{error.__context__!r}"
    return error


def spoil(path: Path, damage: str) -> None:
    """Do to a file what disks do."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    match damage:
        case "header":
            content[:16] = b"\xff" * 16
        case "header's pages":
            content[16:100] = b"\xff" * 84
        case "middle":
            content[middle : middle + 8192] = os.urandom(8192)
        case "zeroes":
            content[4096 : 4096 * 3] = bytes(4096 * 2)
        case "cut":
            del content[middle + 100 :]
        case "text":
            content[:] = b"jobs: none, and this is no database at all, but long enough" * 100

    path.write_bytes(content)


@pytest.mark.parametrize("damage", ["header", "header's pages", "middle", "zeroes", "cut", "text"])
async def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "jobs.db"
    await fill(path)
    spoil(path, damage)
    before = path.read_bytes()
    error = await refusal(path)

    assert "damaged" in error.message
    assert "restore" in error.message.lower()
    assert path.read_bytes() == before
    assert not path.with_name("jobs.db-wal").exists()


async def test_damage_that_sqlite_does_not_see_is_told_too(
    sqlite: SqliteLedger, tmp_path: Path
) -> None:
    job = await begin(sqlite)
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection, connection:
        connection.execute("UPDATE jobs SET request = '{'")

    with pytest.raises(TarashException, match="damaged") as caught:
        await sqlite.get(job.id)

    assert job.id in caught.value.message


SPOILT: dict[str, Callable[[SqliteLedger, str], Awaitable[Any]]] = {
    "UPDATE processes SET renewed_at = 'soon'": lambda ledger, job: ledger.get(job),
    "UPDATE processes SET renewed_at = 'then'": lambda ledger, job: ledger.held_among([job]),
    "UPDATE jobs SET created_at = 'soon'": lambda ledger, _: ledger.jobs(),
    "UPDATE intents SET heard = '{'": lambda ledger, _: ledger.oldest(),
    "UPDATE states SET value = '{'": lambda ledger, _: ledger.read_state("keys", "a"),
    "UPDATE states SET until = 'soon'": lambda ledger, _: ledger.list_states("keys"),
    "UPDATE slots SET request = '{'": lambda ledger, _: ledger.list_slots(),
    "UPDATE slots SET renewed_at = 'soon'": lambda ledger, _: ledger.list_slots("line"),
    "UPDATE spending SET quote = '{'": lambda ledger, _: ledger.spendings(),
}


@pytest.mark.parametrize("change", SPOILT)
async def test_whatever_row_is_damaged_is_told_so(
    sqlite: SqliteLedger, tmp_path: Path, change: str
) -> None:
    job = await begin(sqlite)
    await sqlite.intend(make_intent(job), HOLDER)
    await sqlite.write_state("keys", "a", {})
    await sqlite.seek_slots("line", [SlotRequest("a", "line")])
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection, connection:
        assert connection.execute(change).rowcount == 1

    with pytest.raises(StorageError, match="damaged"):
        await SPOILT[change](sqlite, job.id)


async def test_another_programs_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE books (title TEXT)")

    before = path.read_bytes()
    assert "another program's" in (await refusal(path)).message
    assert path.read_bytes() == before


async def test_a_folder_is_refused_and_missing_ones_are_made(tmp_path: Path) -> None:
    assert "it is a folder" in (await refusal(tmp_path)).message
    (tmp_path / "file").touch()
    assert "can't be opened" in (await refusal(tmp_path / "file" / "jobs.db")).message

    ledger = SqliteLedger(tmp_path / "a" / "b" / "jobs.db")
    await begin(ledger)
    await ledger.aclose()


async def test_a_file_that_is_gone_is_missed(sqlite: SqliteLedger, tmp_path: Path) -> None:
    job = await begin(sqlite)
    (tmp_path / "jobs.db").rename(tmp_path / "moved.db")
    with pytest.raises(TarashException, match="moved, removed or replaced") as caught:
        await sqlite.intend(make_intent(job), HOLDER)

    assert caught.value.submission == "not_sent"


async def test_an_older_file_is_brought_up_to_date_and_a_newer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    ledger = SqliteLedger(path)
    job = await begin(ledger)
    await ledger.aclose()

    colours = ("ALTER TABLE jobs ADD COLUMN colour TEXT", "UPDATE jobs SET colour = 'red'")
    newer = File(path, [*MIGRATIONS, colours])
    with newer.read() as connection:
        found = connection.execute("SELECT id, colour FROM jobs").fetchall()

    newer.close()
    assert [tuple(row) for row in found] == [(job.id, "red")]

    before = path.read_bytes()
    error = await refusal(path)
    assert f"format {len(MIGRATIONS) + 1}" in error.message
    assert "Update Tarash Gateway" in error.message
    assert path.read_bytes() == before


async def test_a_step_that_fails_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    ledger = SqliteLedger(path)
    job = await begin(ledger)
    await ledger.aclose()

    broken = ("ALTER TABLE jobs ADD COLUMN colour TEXT", "UPDATE no_such_table SET colour = 'red'")
    newer = File(path, [*MIGRATIONS, broken])
    with pytest.raises(TarashException), newer.read():
        pass

    found = await ledger.get(job.id)
    assert found is not None
    await ledger.aclose()


HOSTILE = """
import asyncio, os, resource, tempfile
from pathlib import Path
from tarash.tarash_gateway.exceptions import TarashException
from tarash.tarash_gateway.ledger import SqliteLedger
from tests.ledger.makers import HOLDER, begin, make_intent, make_job, make_media

HUGE = "cat" * 1_000_000

async def told(call):
    try:
        await call
    except TarashException as error:
        assert error.submission == "not_sent", error.submission
        print(error.message.partition("can't be used: ")[2].partition(" (")[0])
    else:
        print("written")

async def full():
    ledger = SqliteLedger(folder / "full.db")
    job = await begin(ledger)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    await told(ledger.intend(make_intent(job, payload={"body": HUGE}), HOLDER))
    await told(ledger.open(make_job(), HOLDER, make_media(HUGE.encode())))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [len(one.entries) for one in await ledger.jobs()] == [0]
    assert not list((folder / "full.db-media").iterdir())
    await told(ledger.intend(make_intent(job, payload={"body": HUGE}), HOLDER))
    await ledger.aclose()

async def read_only():
    ledger = SqliteLedger(folder / "kept.db")
    job = await begin(ledger)
    await ledger.aclose()
    os.chmod(folder / "kept.db", 0o444)
    os.chmod(folder, 0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)  # nothing is forbidden to the superuser

    await told(ledger.intend(make_intent(job), HOLDER))
    await told(SqliteLedger(folder / "new.db").open(job, HOLDER, {}))
    await told(SqliteLedger(folder / "folder" / "new.db").open(job, HOLDER, {}))

async def main():
    await full()
    await read_only()

# Not in a folder of the test's: its parents are closed to all but the user.
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    asyncio.run(main())
    os.seteuid(os.getuid())
    os.chmod(folder, 0o755)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits and permissions are POSIX")
def test_a_limit_and_a_forbidden_folder_are_named() -> None:
    full = "the disk is full, or a quota is used up"
    run = subprocess.run(
        [sys.executable, "-c", HOSTILE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    *limited, written, old, new, nested = run.stdout.splitlines()
    # SQLite does not tell a limit from a failing disk.
    assert set(limited) <= {"it could not be read or written", full}
    assert limited[1] == full
    assert written == "written"
    assert {old, new, nested} == {"it can't be written"}


def test_a_full_disk_is_named_and_forgotten_when_there_is_room(tmp_path: Path) -> None:
    file = File(tmp_path / "jobs.db")

    def fill_up() -> None:
        with file.write("not_sent") as connection:
            connection.execute("PRAGMA max_page_count = 1")
            connection.execute("INSERT INTO media VALUES ('a', 'b'), ('c', zeroblob(1000000))")

    with pytest.raises(TarashException, match="the disk is full") as caught:
        fill_up()

    assert caught.value.submission == "not_sent"
    with file.write() as connection:
        assert connection.execute("SELECT count(*) FROM media").fetchone()[0] == 0

    file.close()


async def test_what_no_file_can_hold_is_named(sqlite: SqliteLedger) -> None:
    with pytest.raises(ValidationError, match="idempotency_key"):
        await sqlite.open(make_job(idempotency_key="\ud83d"), HOLDER, {})

    job = await begin(sqlite)
    with pytest.raises(TarashException, match="ids are never used twice"):
        await sqlite.open(job, HOLDER, {})


async def test_a_lock_that_another_program_keeps_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tarash.tarash_gateway.ledger.sqlite._file.BUSY_SECONDS", 0.05)
    path = tmp_path / "jobs.db"
    await fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert "locked" in (await refusal(path)).message
