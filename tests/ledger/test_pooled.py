"""A ledger behind a real pgbouncer that hands out connections by transaction."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tarash.tarash_gateway.ledger import PostgresLedger
from tarash.tarash_gateway.ledger._contract import JobRecord
from tests.cluster import USERS, free_port
from tests.ledger.makers import (
    HOLDER,
    begin,
    make_intent,
    make_job,
    make_media,
    make_operation,
)

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SETTINGS = """
[databases]
* = host={host} port={port} user={user}{secret}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
logfile = {folder}/log
"""


class Pooler:
    """A pgbouncer before a database, which may be killed and started again."""

    def __init__(self, url: str, folder: Path) -> None:
        place, self._own = urlsplit(url), free_port()
        secret = f" password={place.password}" if place.password else ""
        text = SETTINGS.format(
            host=place.hostname,
            port=place.port or 5432,
            user=place.username,
            secret=secret,
            own=self._own,
            folder=folder,
        )
        settings = folder / "pgbouncer.ini"
        settings.write_text(text, encoding="utf-8")
        self._arguments = [str(PROGRAM), "-q", str(settings)]
        if os.geteuid() == 0:  # which it refuses to run as
            known = {one.pw_name for one in pwd.getpwall()}
            user = next(one for one in USERS if one in known)
            for path in (folder, settings):
                shutil.chown(path, user)

            self._arguments[1:1] = ["-u", user]

        self.url = f"postgresql://{place.username}@127.0.0.1:{self._own}{place.path}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._process = subprocess.Popen(self._arguments, stderr=subprocess.DEVNULL)
        _until_it_answers(self._process, self._own)

    def kill(self) -> None:
        """End it at once, with all connections that lead through it."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def pooler(postgres_url: str) -> Iterator[Pooler]:
    if PROGRAM is None:
        pytest.skip("no pgbouncer here: install Debian's `pgbouncer`")

    with tempfile.TemporaryDirectory(prefix="tarash-pool-") as name:
        made = Pooler(postgres_url, Path(name))
        try:
            yield made
        finally:
            made.kill()


@pytest.fixture
def pooled_url(pooler: Pooler) -> str:
    return pooler.url


def _until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    import socket

    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return

        time.sleep(0.02)

    raise AssertionError("pgbouncer has ended")


async def test_jobs_are_written_down_through_a_pooler(pooled_url: str) -> None:
    # More connections than the pooler has to its database: transactions of one share them.
    ledgers = [PostgresLedger(pooled_url, connections=4) for _ in range(2)]
    one, other = ledgers
    job = await begin(one)
    assert await other.claim(job.id, "taker") is False
    await asyncio.gather(*(one.intend(make_intent(job, number), HOLDER) for number in range(8)))
    assert await one.accept(make_intent(job, 0).id, make_operation("op"))
    found = await other.find("fal", "op")
    assert found is not None
    assert (found.id, len(found.entries)) == (job.id, 8)
    for number in range(12):
        await one.enqueue(make_job(id=f"queued-{number}"), {}, "queue", {"priority": number})

    assert len(await other.list_states("queue")) == 12
    counted = await asyncio.gather(
        *(ledgers[n % 2].write_state("counts", "one", {"n": n}, expected=0) for n in range(8))
    )
    assert sum(version is not None for version in counted) == 1
    for ledger in ledgers:
        await ledger.aclose()


async def test_who_waits_behind_a_pooler_is_not_left_waiting(pooled_url: str) -> None:
    ledger = PostgresLedger(pooled_url)
    await begin(ledger)
    async with asyncio.timeout(30):
        # As deaf as it is, the long time of who hears would be a loss.
        await asyncio.gather(*(ledger.until_changed("job", 3600, 0.2) for _ in range(3)))

    await ledger.aclose()


async def test_a_pooler_that_is_killed_again_and_again_loses_nothing(
    pooler: Pooler, postgres: PostgresLedger
) -> None:
    ledger = PostgresLedger(pooler.url)
    jobs = [make_job(id=f"job {number}", idempotency_key=f"key {number}") for number in range(120)]

    async def write(some: list[JobRecord]) -> None:
        for one in some:
            assert await ledger.enqueue(one, {}, "queue", {"priority": 0}) is None
            assert await ledger.claim(one.id, HOLDER) is True
            assert await ledger.intend(make_intent(one), HOLDER) is True
            assert await ledger.close(one.id, HOLDER, "completed") is True

    writing = asyncio.gather(*(write(jobs[place::6]) for place in range(6)))
    kills = 0
    while not writing.done():
        await asyncio.sleep(0.1)
        await asyncio.to_thread(pooler.kill)
        await asyncio.to_thread(pooler.start)
        kills += 1

    await writing
    found = await postgres.jobs(limit=1000)
    assert sorted(one.id for one in found) == sorted(one.id for one in jobs)
    assert {(one.state, len(one.entries)) for one in found} == {("completed", 1)}
    assert await postgres.list_states("queue") == []
    assert kills > 1
    await ledger.aclose()


async def test_a_user_with_few_connections_waits_for_them(
    postgres_url: str, postgres: PostgresLedger
) -> None:
    """Its own pool is larger than what the database lets it have."""
    import psycopg

    await postgres.jobs()  # which makes the tables
    place = urlsplit(postgres_url)
    name = f"few_{place.path.strip('/')}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 2")
        connection.execute(f"GRANT USAGE ON SCHEMA tarash TO {name}")
        for kind in ("TABLES", "SEQUENCES"):
            connection.execute(f"GRANT ALL ON ALL {kind} IN SCHEMA tarash TO {name}")

        few = PostgresLedger(
            place._replace(netloc=f"{name}@{place.netloc.split('@')[-1]}").geturl()
        )
        try:
            await asyncio.gather(
                *(few.enqueue(make_job(), make_media(b"one"), "queue", {}) for _ in range(24))
            )
            assert len(await postgres.list_states("queue")) == 24
        finally:
            await few.aclose()
            connection.execute(f"DROP OWNED BY {name}")
            connection.execute(f"DROP ROLE {name}")
