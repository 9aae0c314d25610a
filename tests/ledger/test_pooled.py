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
from tests.cluster import USERS, free_port
from tests.ledger.makers import HOLDER, begin, make_intent, make_job, make_operation

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


@pytest.fixture
def pooled_url(postgres_url: str) -> Iterator[str]:
    if PROGRAM is None:
        pytest.skip("no pgbouncer here: install Debian's `pgbouncer`")

    place = urlsplit(postgres_url)
    with tempfile.TemporaryDirectory(prefix="tarash-pool-") as name:
        folder, own = Path(name), free_port()
        secret = f" password={place.password}" if place.password else ""
        text = SETTINGS.format(
            host=place.hostname,
            port=place.port or 5432,
            user=place.username,
            secret=secret,
            own=own,
            folder=folder,
        )
        settings = folder / "pgbouncer.ini"
        settings.write_text(text, encoding="utf-8")
        arguments = [PROGRAM, "-q", str(settings)]
        if os.geteuid() == 0:  # which it refuses to run as
            known = {one.pw_name for one in pwd.getpwall()}
            user = next(one for one in USERS if one in known)
            for path in (folder, settings):
                shutil.chown(path, user)

            arguments[1:1] = ["-u", user]

        with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as process:
            try:
                _until_it_answers(process, own)
                yield f"postgresql://{place.username}@127.0.0.1:{own}{place.path}"
            finally:
                process.terminate()


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
