"""Everything that is done to a database, done at once to the same few jobs: nobody waits for ever.

Deadlocks end by themselves after a second, and what they have cut off is done again; but each one
holds up all who wait behind it. Others' queues had them between a worker and whoever tidied up:
pg-boss 133, 282 and 832, River 1059.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from tarash.tarash_gateway import TarashException
from tarash.tarash_gateway.ledger import PostgresLedger
from tests.ledger.makers import make_intent, make_job, make_media, make_operation

ROUNDS, SHARED = 100, 4
"""Calls of each of those who work at once, and jobs, keys and media that they share."""
Step = Callable[[PostgresLedger, int, str], Awaitable[Any]]
PLACE = {"priority": 0, "at": None}
QUOTE = {"low": "0.1", "high": "0.5", "currency": "USD"}


def media(number: int) -> dict[str, bytes]:
    return {**make_media(b"%d" % number), **make_media(b"%d" % ((number + 1) % SHARED))}


async def _open(ledger: PostgresLedger, number: int, owner: str) -> None:
    if chosen := random.choice([f"job {number}", None]):
        await ledger.open(make_job(id=chosen, idempotency_key=f"key {number}"), owner, {})
    else:
        job = make_job()
        await ledger.open(job, owner, media(number))
        await ledger.close(job.id, owner, "completed")


async def _enqueue(ledger: PostgresLedger, number: int, _: str) -> None:
    keys = [f"key {number}", f"key {(number + 2) % SHARED}"]
    jobs = [make_job(idempotency_key=key) for key in keys]
    await asyncio.gather(*(ledger.enqueue(one, {}, "queue", PLACE) for one in jobs))


async def _end(ledger: PostgresLedger, number: int, owner: str) -> None:
    name = f"job {number}"
    if await ledger.claim(name, owner):
        intent = make_intent(make_job(id=name), quote=QUOTE)
        if await ledger.intend(intent, owner):
            await ledger.accept(intent.id, make_operation(f"op {number}"))
            await ledger.settle(intent.id, "accepted", "completed")

        await ledger.close(name, owner, random.choice(["open", "completed"]), free_key=True)


STEPS: tuple[Step, ...] = (
    _open,
    _enqueue,
    _end,
    lambda ledger, number, _: ledger.receive(f"job {number}-1", b"%d" % number),
    lambda ledger, number, _: ledger.forget(f"job {number}"),
    lambda ledger, _, __: ledger.prune(timedelta(0)),
    lambda ledger, number, _: ledger.write_state("queue", f"job {number}", PLACE),
    lambda ledger, number, _: ledger.write_state("queue", f"job {number}", None),
    lambda ledger, _, __: ledger.due_tasks(limit=10),
    lambda ledger, _, __: ledger.spendings(),
)


def deadlocks(url: str) -> int:
    import psycopg

    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()

    assert found is not None
    return int(found[0])


async def test_no_two_calls_wait_for_each_other(postgres_url: str) -> None:
    ledgers = [PostgresLedger(postgres_url) for _ in range(2)]
    await ledgers[0].jobs()  # which makes the tables
    before = deadlocks(postgres_url)

    async def work(number: int) -> None:
        chance, ledger = random.Random(number), ledgers[number % 2]
        for turn in range(ROUNDS):
            step = chance.choice(STEPS)
            with suppress(TarashException):  # what is there already, or gone
                await step(ledger, chance.randrange(SHARED), f"holder {number} {turn}")

    await asyncio.gather(*(work(number) for number in range(12)))
    for one in ledgers:
        await one.aclose()

    assert deadlocks(postgres_url) == before
