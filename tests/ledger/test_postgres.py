"""What the PostgreSQL ledger keeps, for whom, and what it makes of a database that changes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.exceptions import StorageError, TarashException, ValidationError
from tarash.tarash_gateway.ledger import PostgresLedger, open_ledger
from tarash.tarash_gateway.ledger._slots import SlotRequest
from tests.ledger.makers import HOLDER, begin, make_intent, make_job, make_media, make_operation
from tests.ledger.test_processes import Worker

Hire = Callable[[float], Worker]
ROOT = Path(__file__).parents[2]


def change(url: str, statement: str, *values: object) -> list[Any]:
    """Change the database as only a test may; return what came of it."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(statement.encode(), values or None)
        return done.fetchall() if done.description else []


def age(url: str, seconds: float) -> None:
    """Let every process have been silent for so long."""
    change(url, "UPDATE tarash.processes SET renewed_at = now() - %s", timedelta(seconds=seconds))


@pytest.fixture
def hire(postgres_url: str) -> Iterator[Hire]:
    workers: list[Worker] = []

    def start(lease_seconds: float) -> Worker:
        workers.append(Worker(postgres_url, lease_seconds))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


async def test_a_url_names_one_ledger(postgres_url: str) -> None:
    ledger = open_ledger(postgres_url)
    assert isinstance(ledger, PostgresLedger)
    assert open_ledger(postgres_url) is ledger
    async with Gateway(ledger=postgres_url) as gateway:
        assert await gateway.resume_all_async() == []

    await ledger.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:canary-9b1d@host:port/jobs",
        "postgresql://user:canary-9b1d@host/jobs?no_such_option=1",
        "postgres://user:canary-9b1d@[::1/jobs",
        "postgresql://user:half@canary-9b1d@host/jobs",
        "postgresql://user:12/canary-9b1d@host/jobs",
    ],
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str, postgres_url: str) -> None:
    del postgres_url  # psycopg is installed
    with pytest.raises(ValidationError, match="no URL of a PostgreSQL database") as caught:
        open_ledger(url)

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_processes_race_for_a_key_in_a_database_without_tables(
    postgres_url: str, hire: Hire
) -> None:
    change(postgres_url, "DROP SCHEMA IF EXISTS tarash CASCADE")
    workers = [hire(3600), hire(3600)]
    assert [worker.answer() for worker in workers] == ["ready", "ready"]
    for number, worker in enumerate(workers):
        worker.tell("open", f"worker-{number}", 30)

    answers = [answer for worker in workers for answer in worker.answer()]
    assert (len(answers), answers.count(None), len(set(answers))) == (60, 1, 2)


async def test_a_killed_process_is_not_waited_for_and_has_lost_nothing(
    postgres: PostgresLedger, hire: Hire
) -> None:
    worker = hire(3600)
    assert worker.answer() == "ready"
    assert worker.ask("begin") is True
    assert not await postgres.claim("job", "taker")

    worker.process.kill()
    worker.wait(is_buried=True)
    facts = await postgres.examine()
    assert (facts.holders, facts.alive) == (1, 0)  # at once, not when the lease is over
    found = await postgres.get("job")
    assert found is not None
    assert ([one.intent.id for one in found.entries], found.held) == (["job-1"], False)
    claims = await asyncio.gather(*(postgres.claim("job", f"{one}") for one in range(4)))
    assert claims.count(True) == 1


async def test_a_stopped_process_loses_its_job_and_still_tells_what_it_knows(
    postgres: PostgresLedger, postgres_url: str, hire: Hire
) -> None:
    worker = hire(3600)
    assert worker.answer() == "ready"
    assert worker.ask("begin") is True
    age(postgres_url, 4000)
    assert await postgres.claim("job", HOLDER)

    assert worker.ask("intend", "job", 2) is False
    assert worker.ask("close") is False
    assert worker.ask("claim") is False
    assert worker.ask("accept") is True
    found = await postgres.get("job")
    assert found is not None
    assert (found.state, found.held, len(found.entries)) == ("open", True, 1)
    assert found.entries[0].operation == make_operation("late")


async def test_leases_go_by_the_databases_clock(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    job = await begin(postgres)
    other = PostgresLedger(postgres_url, lease_seconds=1)
    change(postgres_url, "UPDATE tarash.processes SET place = 'another machine'")
    assert not await other.claim(job.id, "other")
    age(postgres_url, 3500)
    assert not await other.claim(job.id, "other")
    age(postgres_url, 3700)
    assert await other.claim(job.id, "other")
    assert not await postgres.intend(make_intent(job), HOLDER)
    await other.aclose()


async def test_the_same_submit_is_not_written_down_twice(postgres: PostgresLedger) -> None:
    job = await begin(postgres)
    assert await postgres.intend(make_intent(job), HOLDER)
    with pytest.raises(TarashException, match="written down before"):
        await postgres.intend(make_intent(job), HOLDER)

    await postgres.settle(f"{job.id}-1", "not_sent", "failed")
    assert await postgres.intend(make_intent(job), HOLDER)
    with pytest.raises(StorageError, match="in the ledger already"):
        await postgres.open(make_job(id=job.id), HOLDER, {})


@pytest.mark.parametrize("name", ["half \ud83d", "nul \0"])
async def test_text_that_the_database_has_no_room_for_is_said(
    postgres: PostgresLedger, name: str
) -> None:
    with pytest.raises(ValidationError, match="PostgreSQL can't write that down"):
        await postgres.open(make_job(idempotency_key=name), HOLDER, {})


async def test_an_input_may_be_too_large(postgres_url: str) -> None:
    small = PostgresLedger(postgres_url, max_media_bytes=10)
    assert await small.open(make_job(), HOLDER, make_media(b"x" * 10)) is None
    with pytest.raises(ValidationError, match=r"11 bytes.*give its URL instead"):
        await small.open(make_job(), HOLDER, make_media(b"x" * 11))

    await small.aclose()


async def test_bytes_are_kept_once_and_go_with_the_last_job(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    async def cycle(number: int) -> None:
        job = make_job(id=f"cycle-{number}")
        await postgres.open(job, HOLDER, make_media(b"cat" * 1000))
        assert await postgres.media(next(iter(make_media(b"cat" * 1000)))) == b"cat" * 1000
        await postgres.close(job.id, HOLDER, "completed")

    await asyncio.gather(*(cycle(number) for number in range(30)))
    assert change(postgres_url, "SELECT count(*) FROM tarash.contents") == [(0,)]


async def test_closed_jobs_are_pruned_by_age(postgres: PostgresLedger, postgres_url: str) -> None:
    old, young, open_, held = [
        await begin(postgres, idempotency_key=key) for key in ("old", "young", "open", "held")
    ]
    await postgres.intend(make_intent(old), HOLDER)
    await postgres.accept(f"{old.id}-1", make_operation("op"))
    for job in (old, young, held):
        await postgres.close(job.id, HOLDER, "completed", {"a": 1})

    assert await postgres.claim(held.id, HOLDER)
    change(postgres_url, "UPDATE tarash.jobs SET closed_at = '2020-01-01' WHERE id != %s", young.id)
    assert await postgres.prune(timedelta(days=10**6)) == 0
    assert await postgres.prune(timedelta(days=30)) == 1
    assert [job.id for job in await postgres.jobs()] == [held.id, open_.id, young.id]
    assert await postgres.find("fal", "op") is None
    assert await postgres.open(make_job(idempotency_key="old"), HOLDER, {}) is None
    assert await postgres.prune(timedelta(0)) == 1
    with pytest.raises(ValidationError):
        await postgres.prune(timedelta(days=-1))


async def test_workers_of_two_versions_share_a_database(postgres_url: str) -> None:
    from tarash.tarash_gateway.ledger.postgres._address import Address
    from tarash.tarash_gateway.ledger.postgres._database import Database
    from tarash.tarash_gateway.ledger.postgres._schema import MIGRATIONS

    old = PostgresLedger(postgres_url)
    job = await begin(old)
    expanded = (*MIGRATIONS, ("ALTER TABLE tarash.jobs ADD COLUMN colour text",))
    try:
        new = Database(Address(postgres_url), expanded)
        new.write(lambda transaction: transaction.run("UPDATE tarash.jobs SET colour = 'red'"))
        assert await old.intend(make_intent(job), HOLDER)
        await old.aclose()
        assert await old.close(job.id, HOLDER, "completed")

        # A version later, what the old one needs is taken away: it says so, and writes nothing.
        change(postgres_url, "UPDATE tarash.meta SET oldest = version")
        await old.aclose()
        with pytest.raises(StorageError, match="Update Tarash Gateway here"):
            await begin(old)
    finally:
        new.pool.close()
        change(postgres_url, "ALTER TABLE tarash.jobs DROP COLUMN IF EXISTS colour")
        change(postgres_url, "UPDATE tarash.meta SET version = %s, oldest = 1", len(MIGRATIONS))


async def test_a_migration_behind_a_dump_holds_nobody_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    from tarash.tarash_gateway.ledger.postgres import _database
    from tarash.tarash_gateway.ledger.postgres._address import Address
    from tarash.tarash_gateway.ledger.postgres._schema import MIGRATIONS

    monkeypatch.setattr(_database, "LOCK_SECONDS", 0.1)
    change(postgres_url, "DROP SCHEMA IF EXISTS tarash CASCADE")
    before = _database.Database(Address(postgres_url), MIGRATIONS[:-1])
    before.read(lambda transaction: transaction.all("SELECT 1 FROM tarash.jobs"))
    now = PostgresLedger(postgres_url)
    with psycopg.connect(postgres_url) as dump:
        dump.execute("SELECT 1 FROM tarash.jobs, tarash.intents, tarash.spending")
        migration = asyncio.create_task(now.jobs())
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted"
        while not change(postgres_url, waits):  # noqa: ASYNC110  (another connection waits)
            await asyncio.sleep(0.01)

        # As a worker of the version before: it waits behind the change, and not for the dump.
        before.write(lambda transaction: transaction.run("DELETE FROM tarash.jobs"))
        before.write(lambda transaction: transaction.run("DELETE FROM tarash.spending"))
        assert not migration.done()

    assert await migration == []
    assert change(postgres_url, "SELECT version FROM tarash.meta") == [(len(MIGRATIONS),)]
    before.pool.close()
    await now.aclose()


async def test_what_a_worker_of_the_version_before_forgets_has_its_name(postgres_url: str) -> None:
    from tarash.tarash_gateway.ledger.postgres._address import Address
    from tarash.tarash_gateway.ledger.postgres._database import Database
    from tarash.tarash_gateway.ledger.postgres._schema import MIGRATIONS

    change(postgres_url, "DROP SCHEMA IF EXISTS tarash CASCADE")
    before = Database(Address(postgres_url), MIGRATIONS[:4])
    before.read(lambda transaction: transaction.all("SELECT 1 FROM tarash.jobs"))
    ledger = PostgresLedger(postgres_url)
    job = await begin(ledger)
    quote = {"low": "0.5", "high": "0.5", "currency": "USD"}
    intent = replace(make_intent(job), quote=quote)
    assert await ledger.intend(intent, HOLDER)
    operation = make_operation("op")
    assert await ledger.accept(intent.id, operation)
    assert await ledger.close(job.id, HOLDER, "open")
    before.write(
        lambda one: one.run("UPDATE tarash.spending SET state = 'possible' WHERE job = %s", job.id)
    )
    before.write(lambda one: one.run("DELETE FROM tarash.jobs WHERE id = %s", job.id))
    before.pool.close()
    (row,) = await ledger.spendings_of(operation.provider, "op")
    assert (row.intent_id, row.state, row.quote) == (intent.id, "possible", quote)
    await ledger.aclose()


async def test_a_database_that_was_replaced_is_noticed(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    await begin(postgres)
    assert postgres.generation == 0
    change(postgres_url, "DROP SCHEMA tarash CASCADE")
    await postgres.aclose()
    assert await postgres.jobs() == []
    assert postgres.generation == 1


async def test_a_closed_connection_is_replaced(postgres: PostgresLedger, postgres_url: str) -> None:
    job = await begin(postgres)
    change(
        postgres_url,
        """
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid != pg_backend_pid()
        """,
    )
    assert await postgres.intend(make_intent(job), HOLDER)
    assert postgres.generation == 0


FORKING = """
import asyncio, os, sys
from tarash.tarash_gateway.ledger import open_ledger
from tests.ledger.makers import HOLDER, begin, make_intent, make_job

ledger = open_ledger(sys.argv[1])
job = asyncio.run(begin(ledger))
told, tell = os.pipe()
child = os.fork()
if child == 0:
    os.close(tell)
    os.read(told, 1)  # until the parent has closed its ledger and ended

    async def work():
        assert not await ledger.intend(make_intent(job), HOLDER)  # the parent's, not ours
        assert await ledger.claim(job.id, HOLDER)
        await begin(ledger, id="of the child")
        print("written", flush=True)

    asyncio.run(work())
    os._exit(0)

async def work():
    assert await ledger.intend(make_intent(job, 2), HOLDER)

asyncio.run(work())
"""


def test_a_forked_child_goes_on_as_another_process(postgres_url: str) -> None:
    run = subprocess.run(
        # What is left open when the interpreter exits is closed, and nobody warns of it.
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", FORKING,
         postgres_url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert (run.stdout, run.stderr, run.returncode) == ("written\n", "", 0)
    jobs = change(postgres_url, "SELECT id, state FROM tarash.jobs ORDER BY number")
    assert jobs[1:] == [("of the child", "open")]


async def test_who_waits_is_woken_from_another_connection(
    postgres: PostgresLedger, postgres_url: str
) -> None:
    job = await begin(postgres)
    other = PostgresLedger(postgres_url)
    await postgres.until_changed("nothing", 60, 0.01)  # starts the thread
    async with asyncio.timeout(60):
        while not postgres._listener.hears:  # noqa: ASYNC110, SLF001  (its thread's work)
            await asyncio.sleep(0.01)

    waits = [asyncio.create_task(postgres.until_changed(job.id, 300, 300)) for _ in range(3)]
    aside = asyncio.create_task(postgres.until_changed("another", 300, 300))
    await asyncio.sleep(0)
    await other.settle("no such", "accepted", "stopped")
    assert await postgres.intend(make_intent(job), HOLDER)
    await other.accept(f"{job.id}-1", make_operation("op"))
    await asyncio.wait_for(asyncio.gather(*waits), 60)
    assert not aside.done()

    # A connection that is lost is made again, and wakes all: they may have missed something.
    change(
        postgres_url,
        """
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid != pg_backend_pid()
        """,
    )
    await asyncio.wait_for(aside, 60)
    await other.aclose()


async def test_many_who_race_for_a_job_have_one_winner(postgres_url: str) -> None:
    ledgers = [PostgresLedger(postgres_url) for _ in range(4)]
    for round_ in range(10):
        job = await begin(ledgers[0], id=f"raced-{round_}")
        assert await ledgers[0].close(job.id, HOLDER, "open")
        claims = await asyncio.gather(
            *(one.claim(job.id, f"{number}") for number in range(5) for one in ledgers)
        )
        assert claims.count(True) == 1, round_

    for one in ledgers:
        await one.aclose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tarash.jobs SET request = '{'",
        "UPDATE tarash.intents SET heard = '{'",
        "UPDATE tarash.states SET value = '{'",
        "UPDATE tarash.slots SET request = '{'",
    ],
)
async def test_whatever_row_is_damaged_is_told_so(
    postgres: PostgresLedger, postgres_url: str, statement: str
) -> None:
    job = await begin(postgres)
    await postgres.intend(make_intent(job), HOLDER)
    await postgres.write_state("keys", "a", {})
    await postgres.seek_slots("line", [SlotRequest("a", "line")])
    change(postgres_url, statement)
    reads: dict[str, Any] = {
        "jobs": postgres.jobs,
        "intents": postgres.oldest,
        "states": partial(postgres.read_state, "keys", "a"),
        "slots": postgres.list_slots,
    }
    with pytest.raises(StorageError, match="a row of it is damaged") as caught:
        await reads[statement.split()[1].removeprefix("tarash.")]()

    assert "Restore that row" in caught.value.message
