"""A job and its place in the queue, written down at once by the ledger in a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tarash.tarash_gateway.exceptions import StorageError
from tarash.tarash_gateway.ledger import SqliteLedger
from tests.ledger.makers import make_job

TASK = {"priority": 3, "at": None}
REFUSED = """
    CREATE TRIGGER refused BEFORE INSERT ON states BEGIN SELECT RAISE(ABORT, 'no task'); END
"""


async def test_nobody_holds_it_and_its_task_is_there(sqlite: SqliteLedger) -> None:
    job = make_job()
    assert await sqlite.enqueue(job, {}, "queue", TASK) is None
    found = await sqlite.get(job.id)
    assert found is not None
    assert (found.state, found.held) == ("open", False)
    state = await sqlite.read_state("queue", job.id)
    assert state is not None
    assert state.value == TASK
    assert await sqlite.claim(job.id, "worker") is True


async def test_one_whose_key_is_known_leaves_nothing(sqlite: SqliteLedger) -> None:
    first = make_job(idempotency_key="same")
    again = make_job(idempotency_key="same")
    assert await sqlite.enqueue(first, {}, "queue", TASK) is None
    known = await sqlite.enqueue(again, {}, "queue", TASK)
    assert known is not None
    assert known.id == first.id
    assert [one.name for one in await sqlite.list_states("queue")] == [first.id]


async def test_both_are_written_down_or_neither(sqlite: SqliteLedger) -> None:
    job = make_job()
    await sqlite.write_state("other", "any", TASK)
    with closing(sqlite3.connect(sqlite.path)) as connection:
        connection.execute(REFUSED)  # so that the second half fails

    with pytest.raises(StorageError, match="no task"):
        await sqlite.enqueue(job, {}, "queue", TASK)

    assert await sqlite.get(job.id) is None
