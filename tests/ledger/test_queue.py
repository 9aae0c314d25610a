"""What of the queue is due: found in its order, by an index that holds nothing else."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import DueTask
from tarash.tarash_gateway.ledger._sql import _queue as queue
from tarash.tarash_gateway.ledger.sqlite._dialect import in_sqlite, taught
from tarash.tarash_gateway.ledger.sqlite._file import File
from tarash.tarash_gateway.ledger.sqlite._schema import MIGRATIONS
from tests.ledger.makers import HOLDER, begin, make_job

OLD_JOB = """
    INSERT INTO {schema}jobs (id, kind, chain, request, fingerprint, created_at, state)
    VALUES ('{name}', 'video', '[]', '{{}}', '', '2026-01-02T03:04:05+00:00', 'open')
"""


async def put(ledger: Any, priority: int = 0, at: datetime | None = None, **facts: Any) -> str:
    """Enqueue a job; return its id."""
    job = make_job(**facts)
    task = {"priority": priority, "at": None if at is None else at.isoformat()}
    if hasattr(ledger, "enqueue"):
        assert await ledger.enqueue(job, {}, "queue", task) is None
    else:
        await ledger.write_state("queue", job.id, task)
        assert await ledger.open(job, HOLDER, {}) is None
        await ledger.close(job.id, HOLDER, "open")

    return job.id


async def due(ledger: Any, size: int = 1000) -> list[str]:
    """Return all that is due, read in pages."""
    found: list[str] = []
    after: DueTask | None = None
    while page := (await ledger.due_tasks(limit=size, after=after)).tasks:
        assert len(page) <= size
        found += [one.job_id for one in page]
        after = page[-1]

    return found


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
async def test_what_is_due_comes_in_its_order(ledger: Any, size: int) -> None:
    low, first, high, second = [await put(ledger, one) for one in (-3, 0, 1_000_000, 0)]
    assert await due(ledger, size) == [high, first, second, low]


async def test_what_is_scheduled_is_due_when_its_time_has_come(ledger: Any) -> None:
    now = datetime.now(UTC)
    await put(ledger, 9, now + timedelta(hours=1))
    assert await due(ledger) == []
    page = await ledger.due_tasks()
    assert 3500 < page.next_in <= 3600
    passed = await put(ledger, 5, now - timedelta(seconds=1))
    whole = await put(ledger, 6, (now - timedelta(seconds=1)).replace(microsecond=0))
    other = await put(ledger, 7)
    assert await due(ledger) == [other, whole, passed]
    assert 3500 < (await ledger.due_tasks()).next_in <= 3600


async def test_nothing_is_scheduled(ledger: Any) -> None:
    await put(ledger)
    assert (await ledger.due_tasks()).next_in is None


async def test_more_than_a_step_may_become_due_at_once(
    ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PROMOTED", 2)
    past = datetime.now(UTC) - timedelta(seconds=1)
    every = [await put(ledger, number, past) for number in range(5)]
    assert await due(ledger) == every[::-1]


async def test_what_is_driven_or_has_ended_is_not_due(ledger: Any) -> None:
    held, ended, handed_on, dropped = [await put(ledger) for _ in range(4)]
    for one in (held, ended, handed_on):
        assert await ledger.claim(one, HOLDER)

    await ledger.close(ended, HOLDER, "completed")
    await ledger.close(handed_on, HOLDER, "open")
    await ledger.write_state("queue", dropped, None)
    assert await due(ledger) == [handed_on]


async def test_a_job_that_is_open_again_is_no_task(ledger: Any) -> None:
    job_id = await put(ledger)
    assert await ledger.claim(job_id, HOLDER)
    assert await ledger.close(job_id, HOLDER, "completed")
    assert await ledger.claim(job_id, HOLDER)
    assert await ledger.keep(job_id, HOLDER, None)
    assert await due(ledger) == []


@pytest.mark.parametrize("ledger", ["sqlite", "postgres"], indirect=True)
async def test_what_the_dead_have_left_is_due_in_its_turn(
    ledger: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    dead: Any = SqliteLedger(tmp_path / "jobs.db", lease_seconds=0.05)
    if isinstance(ledger, PostgresLedger):
        dead = PostgresLedger(request.getfixturevalue("postgres_url"), lease_seconds=0.05)

    low, left, high = [await put(ledger, one) for one in (1, 2, 3)]
    assert await dead.claim(left, HOLDER)
    while left not in await due(ledger):
        pass  # until its lease is over

    assert await due(ledger, 1) == [high, left, low]
    await dead.aclose()


@pytest.mark.parametrize("ledger", ["sqlite", "postgres"], indirect=True)
async def test_what_a_holder_of_ours_could_not_let_go_of_is_due(ledger: Any) -> None:
    job_id = await put(ledger)
    assert await ledger.claim(job_id, HOLDER)
    with pytest.raises(TypeError):
        await ledger.close(job_id, HOLDER, "completed", {"no": object()})

    assert await due(ledger) == [job_id]


@pytest.mark.parametrize("seed", range(3))
async def test_it_is_what_reading_all_tasks_would_find(ledger: Any, seed: int) -> None:
    chance = random.Random(seed)
    now = datetime.now(UTC)
    names: list[str] = []
    for _ in range(60):
        one = chance.choice(names) if names else ""
        match chance.randrange(9):
            case 0 | 1 | 2:
                at = chance.choice([None, now - timedelta(minutes=1), now + timedelta(hours=1)])
                names.append(await put(ledger, chance.randrange(-2, 3), at))
            case 3:
                await ledger.claim(one, HOLDER) if one else None
            case 4:
                await ledger.close(one, HOLDER, chance.choice(["open", "completed"]))
            case 5:
                await ledger.write_state("queue", one, None) if one else None
            case 6 if one:
                await ledger.write_state("queue", one, {"priority": 1, "at": None})
            case 7:
                await ledger.keep(one, HOLDER, None)
            case 8 if one and chance.random() < 0.3:
                await ledger.forget(one)

    tasks = {one.name: one.value for one in await ledger.list_states("queue")}
    free = {one.id for one in await ledger.jobs(states=("open",)) if not one.held}
    expected = {
        name: value["priority"]
        for name, value in tasks.items()
        if name in free and (value["at"] is None or datetime.fromisoformat(value["at"]) <= now)
    }
    # One that was left by a job that has ended may be among them.
    ended = {one.id for one in await ledger.jobs() if one.state != "open"}
    found = [one for one in await due(ledger, 3) if one not in ended]
    assert sorted(found) == sorted(expected)
    assert [expected[one] for one in found] == sorted(expected.values(), reverse=True)


# --------------------------------------------------------------------------- what nobody drives
async def unfinished(ledger: Any, size: int) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while page := await ledger.unfinished(after=after, limit=size):
        assert len(page) <= size
        found += [one.id for one in page]
        after = page[-1].id

    return found


@pytest.mark.parametrize("size", [1, 2, 1000])
async def test_what_nobody_drives_is_read_in_pages_oldest_first(ledger: Any, size: int) -> None:
    jobs = [(await begin(ledger)).id for _ in range(7)]
    assert await unfinished(ledger, size) == []
    for one in jobs[1:6]:
        assert await ledger.close(one, HOLDER, "open")

    assert await ledger.claim(jobs[4], HOLDER)
    assert await ledger.claim(jobs[5], HOLDER)
    assert await ledger.close(jobs[5], HOLDER, "completed")
    assert await unfinished(ledger, size) == jobs[1:4]


async def test_a_page_begins_behind_a_job_in_whatever_state(ledger: Any) -> None:
    first, second = await begin(ledger), await begin(ledger)
    assert await ledger.close(first.id, HOLDER, "completed")
    assert await ledger.close(second.id, HOLDER, "open")
    (found,) = await ledger.unfinished(after=first.id)
    assert (found.id, found.request, found.held) == (second.id, second.request, False)
    assert await ledger.unfinished(after="nobody's") == []


@pytest.mark.parametrize("states", [(), ("open",), ("open", "completed", "failed")])
async def test_the_oldest_are_the_newest_the_other_way_round(ledger: Any, states: Any) -> None:
    jobs = [(await begin(ledger)).id for _ in range(9)]
    for number, state in enumerate(("completed", "failed", "cancelled")):
        assert await ledger.close(jobs[3 * number], HOLDER, state)

    newest = [one.id for one in await ledger.jobs(states=states)]
    found: list[str] = []
    while page := await ledger.oldest(states=states, limit=2, after=found[-1] if found else None):
        assert len(page) <= 2
        found += [one.id for one in page]

    assert found == newest[::-1]
    assert await ledger.oldest(after="nobody's") == []


# ------------------------------------------------------------------------- versions side by side
async def test_a_file_of_the_version_before_is_worked(tmp_path: Path) -> None:
    version = next(n for n, steps in enumerate(MIGRATIONS) if "task_rank" in "".join(steps))
    path = tmp_path / "jobs.db"
    before = File(path, MIGRATIONS[:version])
    task = "INSERT INTO states (space, name, value) VALUES ('queue', ?, ?)"
    late = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with before.write() as connection:
        for name, value in (("a", {"priority": 1, "at": None}), ("b", {"priority": 2, "at": late})):
            connection.execute(OLD_JOB.format(schema="", name=name))
            connection.execute(task, (name, json.dumps(value)))

    ledger = SqliteLedger(path)
    assert await due(ledger) == ["a"]  # which changes the tables under it
    assert (await ledger.due_tasks()).next_in is not None
    with before.write() as connection:
        connection.execute(OLD_JOB.format(schema="", name="c"))
        connection.execute(task, ("c", json.dumps({"priority": 5, "at": None})))
        connection.execute(task, ("d", json.dumps({"priority": 9, "at": None})))  # first its task
        connection.execute(OLD_JOB.format(schema="", name="d"))

    assert await due(ledger) == ["d", "c", "a"]
    with before.write() as connection:
        connection.execute("UPDATE jobs SET state = 'completed' WHERE id = 'c'")
        connection.execute("DELETE FROM states WHERE space = 'queue' AND name = 'c'")

    assert await due(ledger) == ["d", "a"]
    before.close()
    await ledger.aclose()


async def test_a_worker_of_the_version_before_enqueues_beside_this_one(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    import psycopg

    first = await put(postgres, 1)
    task = (
        "INSERT INTO tarash.states (space, name, value, version) VALUES ('queue', %s, %s, 1) "
        "ON CONFLICT (space, name) DO UPDATE SET value = excluded.value"
    )
    with psycopg.connect(postgres_url, autocommit=True) as before:
        for name, priority in (("old", 5), ("older", 0)):
            before.execute(OLD_JOB.format(schema="tarash.", name=name).encode())
            before.execute(task, (name, json.dumps({"priority": priority, "at": None})))

        assert await due(postgres) == ["old", first, "older"]
        before.execute(task, ("older", json.dumps({"priority": 7, "at": None})))
        assert await due(postgres) == ["older", "old", first]
        before.execute("UPDATE tarash.jobs SET state = 'completed' WHERE id = 'old'")
        before.execute("DELETE FROM tarash.states WHERE space = 'queue' AND name = 'old'")
        assert await due(postgres) == ["older", first]


# ----------------------------------------------------------------------------------- what is read
MANY = """
    INSERT INTO tarash.jobs (id, kind, chain, request, fingerprint, created_at, state, process,
        task_rank, task_at)
    SELECT 'many-' || n, 'video', '[]', '{}', '', now(),
        CASE WHEN n <= 20000 THEN 'completed' ELSE 'open' END,
        CASE WHEN n > 30000 THEN 'another' END,
        CASE WHEN n > 20000 THEN -9 END,
        CASE WHEN n BETWEEN 20001 AND 30000 THEN now() + interval '1 day' END
    FROM generate_series(1, 32000) AS n
"""


@pytest.mark.parametrize("is_quiet", [False, True])
async def test_neither_what_has_ended_nor_what_is_driven_or_scheduled_is_read(
    postgres: PostgresLedger, postgres_url: str, is_quiet: bool
) -> None:
    import psycopg

    from tests.ledger.test_queries import rows_read

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # As the statistics of a quiet night say it: there are no open jobs at all.
        connection.execute(MANY.replace("'open'", "'completed'") if is_quiet else MANY)
        connection.execute("ANALYZE tarash.jobs")
        connection.execute("UPDATE tarash.jobs SET state = 'open' WHERE task_rank IS NOT NULL")
        for number in range(3):
            await put(postgres, number)

        for query, values in (
            (queue.FREE, (queue.LOWEST, -1, 100)),
            (queue.NEXT, ()),
            (queue.PROMOTE, (100,)),
            (queue.LEFT, (["gone", "me"], ["gone"], ["holder"], queue.LOWEST, -1, 100)),
        ):
            found = connection.execute(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".encode(), values or None
            ).fetchone()
            assert found is not None
            assert rows_read(found[0][0]["Plan"]) < 20, json.dumps(found)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (queue.FREE, "jobs_due (task_rank>?)"),
        (queue.LEFT, "jobs_by_process (process=?)"),
        (queue.NEXT, "jobs_scheduled"),
        (queue.PROMOTE, "jobs_scheduled (task_at<?)"),
    ],
)
async def test_a_file_finds_what_is_due_by_an_index(
    sqlite: SqliteLedger, query: str, index: str
) -> None:
    await put(sqlite)
    with closing(taught(sqlite3.connect(sqlite.path))) as connection:
        values = ["[]"] * query.count("%s")
        rows = connection.execute(f"EXPLAIN QUERY PLAN {in_sqlite(query)}", values).fetchall()

    plan = " ".join(str(row[3]) for row in rows)
    assert f"INDEX {index}" in plan
    assert query is queue.LEFT or "B-TREE" not in plan


async def test_a_task_that_comes_or_goes_reads_no_table_of_jobs_through(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    import psycopg

    scans = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'tarash.jobs'::regclass"
    task = "INSERT INTO tarash.states (space, name, value, version) VALUES ('queue', %s, %s, 1)"
    await put(postgres)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(MANY)
        connection.execute("ANALYZE tarash.jobs")
        before = connection.execute(scans).fetchone()
        for name in ("many-1", "many-30001"):
            connection.execute(task, (name, json.dumps({"priority": 1, "at": None})))
            connection.execute("UPDATE tarash.states SET value = %s", ('{"priority": 2}',))
            connection.execute("DELETE FROM tarash.states WHERE name = %s", (name,))

        assert connection.execute(scans).fetchone() == before
