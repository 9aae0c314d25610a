"""What a database's administrator may have set: every call does the same, whatever it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tarash.tarash_gateway import StorageError
from tarash.tarash_gateway.ledger import PostgresLedger
from tests.ledger.makers import make_job
from tests.ledger.test_postgres_cuts import WALKS

SETTINGS: dict[str, Mapping[str, str]] = {
    "how values are written": {
        "bytea_output": "escape",
        "client_min_messages": "debug1",
        "DateStyle": "SQL, DMY",
        "extra_float_digits": "-3",
        "IntervalStyle": "sql_standard",
        "search_path": "nowhere",
        "TimeZone": "Asia/Kathmandu",
    },
    "nobody waits": {
        "idle_in_transaction_session_timeout": "100",
        "lock_timeout": "1",
        "statement_timeout": "2000",
    },
    "idle connections are closed": {"idle_session_timeout": "20"},
    "transactions are serializable and read-only": {
        "default_transaction_isolation": "serializable",
        "default_transaction_read_only": "on",
    },
    "a crash may lose what was answered": {"synchronous_commit": "off"},
    "no plan is read by an index": {
        "enable_bitmapscan": "off",
        "enable_indexscan": "off",
        "plan_cache_mode": "force_generic_plan",
    },
}


@pytest.fixture(params=SETTINGS.values(), ids=list(SETTINGS))
async def ledger(
    request: pytest.FixtureRequest, postgres_url: str, postgres: PostgresLedger
) -> AsyncIterator[PostgresLedger]:
    import psycopg

    await postgres.jobs()  # which makes the tables
    name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        known = {row[0] for row in connection.execute("SELECT lower(name) FROM pg_settings")}
        for setting, value in request.param.items():
            if setting.lower() in known:  # some are newer than the server
                connection.execute(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")

        made = PostgresLedger(postgres_url)
        yield made
        await made.aclose()
        connection.execute(f'ALTER DATABASE "{name}" RESET ALL')


async def test_each_call_does_the_same(ledger: PostgresLedger, postgres: PostgresLedger) -> None:
    for number, walk in enumerate(WALKS):
        expected: Any = await walk(postgres, f"{number} as it comes")
        await asyncio.sleep(0.03)  # so long a connection is idle
        assert await walk(ledger, f"{number} as it is set") == expected, walk.__name__


async def test_who_waits_is_woken(ledger: PostgresLedger, postgres: PostgresLedger) -> None:
    waits = asyncio.ensure_future(ledger.until_changed("a job", 60, 0.5))
    async with asyncio.timeout(60):  # not waited for
        while not waits.done():
            await asyncio.sleep(0.05)
            await _tell(postgres)


async def _tell(ledger: PostgresLedger) -> None:
    import psycopg

    options: Any = ledger.address.options() | {"options": "-c idle_session_timeout=0"}
    async with await psycopg.AsyncConnection.connect(**options, autocommit=True) as connection:
        await connection.execute("SELECT pg_notify('tarash_jobs', 'a job')")


@asynccontextmanager
async def encoded(url: str, encoding: str) -> AsyncIterator[PostgresLedger]:
    """Yield a ledger in a database of its own, whose text is in another encoding."""
    import psycopg

    place, _, name = url.rpartition("/")
    other = f"{name}_{encoding.lower()}"
    options = f"TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{other}" {options}')
        made = PostgresLedger(f"{place}/{other}")
        try:
            yield made
        finally:
            await made.aclose()
            connection.execute(f'DROP DATABASE "{other}" WITH (FORCE)')


@pytest.mark.parametrize("said", [None, "LATIN1"])
async def test_in_a_database_of_bytes_each_call_does_the_same(
    said: str | None,
    postgres_url: str,
    postgres: PostgresLedger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The driver hands out bytes of such a one: who had the job was never who asked."""
    if said is not None:
        monkeypatch.setenv("PGCLIENTENCODING", said)

    async with encoded(postgres_url, "SQL_ASCII") as ledger:
        for number, walk in enumerate(WALKS):
            expected: Any = await walk(postgres, f"{number} as it comes")
            assert await walk(ledger, f"{number} of bytes") == expected, walk.__name__

        job = make_job(idempotency_key="Zoë's ☔")
        await ledger.open(job, "me", {})
        assert [one.idempotency_key for one in await ledger.jobs()].count("Zoë's ☔") == 1


async def test_a_character_that_a_database_lacks_is_named_as_the_reason(postgres_url: str) -> None:
    async with encoded(postgres_url, "LATIN1") as ledger:
        await ledger.open(make_job(idempotency_key="Zoë's"), "me", {})
        with pytest.raises(StorageError, match="made with ENCODING 'UTF8'") as caught:
            await ledger.open(make_job(idempotency_key="☔"), "me", {})

        assert caught.value.submission == "not_sent"
        assert [one.idempotency_key for one in await ledger.jobs()] == ["Zoë's"]


FULL = """
    CREATE SCHEMA IF NOT EXISTS full_queue;
    CREATE TABLE IF NOT EXISTS full_queue.sent (name text);
    CREATE OR REPLACE FUNCTION full_queue.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'too many notifications in the NOTIFY queue' USING ERRCODE = '54000';
    END $$;
    DROP TRIGGER IF EXISTS refused ON full_queue.sent;
    CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON full_queue.sent
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_queue.refuse();
    CREATE OR REPLACE FUNCTION full_queue.pg_notify(text, text) RETURNS void LANGUAGE sql AS $$
        INSERT INTO full_queue.sent VALUES ($1)
    $$
"""
"""What a COMMIT does whose notifications have no room: PostgreSQL's own queue takes 8 GB."""


async def test_what_is_written_does_not_depend_on_room_for_notifications(
    postgres_url: str, postgres: PostgresLedger
) -> None:
    """An application that listens and never reads fills one queue for the whole cluster."""
    import psycopg

    await postgres.jobs()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(FULL)
        ledger = PostgresLedger(f"{postgres_url}?options=-csearch_path%3Dfull_queue,pg_catalog")
        try:
            for number, walk in enumerate(WALKS):
                expected: Any = await walk(postgres, f"{number} as it comes")
                assert await walk(ledger, f"{number} without room") == expected, walk.__name__

            async with asyncio.timeout(60):  # not waited for: nobody is told, and looks again
                await ledger.until_changed("a job", 60, 0.05)
        finally:
            await ledger.aclose()
            connection.execute("DROP SCHEMA full_queue CASCADE")


async def test_who_reads_may_be_busy_for_longer_than_an_answer_takes(postgres_url: str) -> None:
    """Reading 100,000 jobs on a crowded machine ended as if the database were away."""
    from tarash.tarash_gateway.ledger.postgres._address import Address
    from tarash.tarash_gateway.ledger.postgres._database import Database
    from tarash.tarash_gateway.ledger.postgres._pool import Pool

    address = Address(postgres_url)
    database = Database(address, pool=Pool(address, seconds=0.5), wait_seconds=5)

    def slowly(transaction: Any) -> Any:
        first = transaction.first("SELECT 1 AS one")
        threading.Event().wait(0.6)  # a writer's connection is taken back after 0.4 s
        return first, transaction.first("SELECT 1 AS one")

    assert await asyncio.to_thread(database.read, slowly) == ({"one": 1}, {"one": 1})
    database.pool.close()


@pytest.mark.parametrize("code", ["0A000", "25006"])
def test_a_standby_is_waited_for_until_it_takes_over(code: str) -> None:
    """It says so in two ways: of a transaction that may write, and of a statement that does."""
    import psycopg

    from tarash.tarash_gateway.ledger.postgres._address import Address
    from tarash.tarash_gateway.ledger.postgres._errors import is_passing, storage_error

    told = psycopg.errors.lookup(code)("cannot set transaction read-write mode during recovery")
    assert is_passing(told)
    error = storage_error(Address("postgresql://a/b"), told, "not_sent")
    assert "it is read-only, as a standby is (cannot set" in error.message
    assert "target_session_attrs=read-write" in error.message
