"""Files of a ledger that are removed or replaced while it is open: what is saved, and what is said.

Jobs are then "not in this file", which is no other answer than "held by another".
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tarash.tarash_gateway.exceptions import StorageError
from tarash.tarash_gateway.ledger import SqliteLedger
from tests.ledger.makers import HOLDER, begin, make_intent, make_job, make_operation

ENDS = {"log": ("-wal",), "index": ("-shm",), "both": ("-wal", "-shm")}


def remove(path: Path, *ends: str) -> None:
    """Do what a clean-up script or a sync tool does."""
    for end in ends:
        Path(f"{path}{end}").unlink()


def restore_copy(path: Path) -> None:
    """Put a backup in the place of a ledger."""
    remove(path, "-wal", "-shm")
    Path(f"{path}.bak").rename(path)


@pytest.mark.parametrize("which", ENDS)
async def test_nothing_is_lost_with_the_log(
    sqlite: SqliteLedger, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = await begin(sqlite, idempotency_key="before")
    remove(sqlite.path, *ENDS[which])
    after = await begin(sqlite, idempotency_key="after")
    assert await sqlite.intend(make_intent(before), HOLDER)

    other = SqliteLedger(sqlite.path)  # as another process would find it
    assert {job.id for job in await other.jobs()} == {before.id, after.id}
    await other.aclose()
    assert sqlite.generation == 1
    assert "ledger_missed" in [vars(record)["event"] for record in caplog.records]


async def test_a_log_that_others_still_use_is_not_merged(sqlite: SqliteLedger) -> None:
    job = await begin(sqlite)
    other = SqliteLedger(sqlite.path)
    assert await other.get(job.id) is not None
    remove(sqlite.path, "-wal", "-shm")
    with pytest.raises(StorageError, match="log beside it") as caught:
        await sqlite.intend(make_intent(job), HOLDER)

    assert caught.value.submission == "not_sent"
    await other.aclose()


async def test_a_file_that_was_removed_comes_back_while_a_job_runs(sqlite: SqliteLedger) -> None:
    past = await begin(sqlite, idempotency_key="past")
    await sqlite.close(past.id, HOLDER, "completed", {"answer": 42})
    job = await begin(sqlite, idempotency_key="order")
    assert await sqlite.intend(make_intent(job), HOLDER)
    remove(sqlite.path, "", "-wal", "-shm")
    assert await sqlite.accept(f"{job.id}-1", make_operation("op"))

    other = SqliteLedger(sqlite.path)
    known = await other.open(make_job(idempotency_key="past"), HOLDER, {})
    assert known is not None
    assert known.result == {"answer": 42}
    found = await other.find("fal", "op")
    assert found is not None
    assert found.id == job.id
    await other.aclose()


async def test_a_file_that_was_removed_stays_away_when_no_job_runs(sqlite: SqliteLedger) -> None:
    job = await begin(sqlite)
    await sqlite.close(job.id, HOLDER, "completed")
    remove(sqlite.path, "", "-wal", "-shm")
    with pytest.raises(StorageError, match="moved, removed or replaced"):
        await sqlite.get(job.id)

    assert await sqlite.get(job.id) is None


async def test_a_job_is_not_in_the_file_that_came_in_its_place(sqlite: SqliteLedger) -> None:
    with closing(sqlite3.connect(f"{sqlite.path}.bak")) as copy:
        await begin(sqlite)
        with closing(sqlite3.connect(sqlite.path)) as connection:
            connection.backup(copy)

    job = await begin(sqlite)
    assert await sqlite.intend(make_intent(job), HOLDER)
    restore_copy(sqlite.path)
    with pytest.raises(StorageError, match="moved, removed or replaced"):
        await sqlite.settle(f"{job.id}-1", "accepted", "completed")

    assert sqlite.generation > 0
    assert await sqlite.claim(job.id, HOLDER) is None
    assert await sqlite.close(job.id, HOLDER, "completed") is None
    assert await sqlite.keep(job.id, HOLDER, None) is None
    assert await sqlite.intend(make_intent(job), HOLDER) is None
    assert await sqlite.note(f"{job.id}-1", HOLDER, {}) is None
    assert await sqlite.open(job, HOLDER, {}) is None
    assert await sqlite.claim(job.id, "another") is False
