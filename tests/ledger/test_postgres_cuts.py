"""A connection that is cut or stalls at each statement of each call: done once, or said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from tarash.tarash_gateway.exceptions import StorageError
from tarash.tarash_gateway.ledger import PostgresLedger
from tarash.tarash_gateway.ledger._write_batching import Enqueued
from tests.ledger.makers import (
    HOLDER,
    begin,
    make_intent,
    make_job,
    make_media,
    make_operation,
)
from tests.proxy import How, Proxy

QUOTE = {"low": "0.1", "high": "0.5", "currency": "USD"}


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(postgres_url) as made:
        yield made


@pytest.fixture
async def cut(proxy: Proxy) -> AsyncIterator[PostgresLedger]:
    made = PostgresLedger(proxy.url, lease_seconds=3600, answer_seconds=1)
    await made.jobs()
    yield made
    await made.aclose()


async def _open(ledger: PostgresLedger, name: str) -> Any:
    job = make_job(id=name, idempotency_key=f"key of {name}")
    assert await ledger.open(job, HOLDER, make_media(name.encode())) is None
    found = await ledger.get(name)
    assert found is not None
    kept = await ledger.media(next(iter(make_media(name.encode()))))
    return found.held, found.state, kept == name.encode()


async def _enqueue(ledger: PostgresLedger, name: str) -> Any:
    """Enqueue several in one transaction, of which two have one key."""
    keys = [f"key of {name}", None, f"key of {name}"]
    jobs = [make_job(id=f"{number} {name}", idempotency_key=key) for number, key in enumerate(keys)]
    some = [Enqueued(one, {}, "queue", {"priority": 3, "at": None}) for one in jobs]
    came: Any = await asyncio.to_thread(vars(ledger)["_store"].enqueue_all, some)
    found = [await ledger.get(one.id) for one in jobs]
    tasks = [await ledger.read_state("queue", one.id) for one in jobs]
    return (
        [one and one.id[:1] for one in came],
        [one and (one.state, one.held) for one in found],
        [one and one.value for one in tasks],
    )


async def _intend(ledger: PostgresLedger, name: str) -> Any:
    job = await begin(ledger, id=name)
    intent = make_intent(job, quote=QUOTE)
    assert await ledger.intend(intent, HOLDER) is True
    found = await ledger.get(name)
    assert found is not None
    spent = [one for one in await ledger.spendings() if one.job_id == name]
    return len(found.entries), [one.amount for one in spent]


async def _accept(ledger: PostgresLedger, name: str) -> Any:
    job = await begin(ledger, id=name)
    await ledger.intend(make_intent(job), HOLDER)
    assert await ledger.note(f"{name}-1", HOLDER, {"tries": 1}) is True
    assert await ledger.accept(f"{name}-1", make_operation(f"op of {name}"), adopted=True)
    found = await ledger.find("fal", f"op of {name}")
    assert found is not None
    assert found.id == name
    return found.entries[0].submission, found.entries[0].heard


async def _end(ledger: PostgresLedger, name: str) -> Any:
    job = await begin(ledger, id=name, idempotency_key=f"key of {name}")
    await ledger.intend(make_intent(job, quote=QUOTE), HOLDER)
    await ledger.receive(f"{name}-1", name.encode())
    cost = {"amount": "0.25", "currency": "USD"}
    await ledger.settle(f"{name}-1", "accepted", "completed", cost=cost, cost_state="settled")
    assert await ledger.close(name, HOLDER, "completed", {"a": 1}) is True
    found = await ledger.get(name)
    assert found is not None
    spent = [one.amount for one in await ledger.spendings() if one.job_id == name]
    return found.held, found.state, found.result, found.entries[0].outcome, spent


async def _take_over(ledger: PostgresLedger, name: str) -> Any:
    await begin(ledger, id=name)
    assert await ledger.close(name, HOLDER, "open") is True
    assert await ledger.claim(name, "another") is True
    assert await ledger.keep(name, "another", {"a": 2}) is True
    found = await ledger.get(name)
    assert found is not None
    return found.held, found.state, found.result


async def _forget(ledger: PostgresLedger, name: str) -> Any:
    await begin(ledger, id=name)
    assert await ledger.close(name, HOLDER, "failed") is True
    assert await ledger.forget(name) is True
    await ledger.renew()
    await ledger.prune(timedelta(days=1))
    return await ledger.get(name)


async def _states(ledger: PostgresLedger, name: str) -> Any:
    first = await ledger.write_state("s", name, {"n": 1}, expected=0)
    assert first
    second = await ledger.write_state("s", name, {"n": 2}, expected=first)
    assert second
    assert await ledger.write_state("s", f"{name} 2", {"n": 3})
    found = await ledger.read_state("s", name)
    assert found is not None
    assert found.version == second
    listed = [one.value for one in await ledger.list_states("s", after=name, limit=1)]
    return found.value, listed, await ledger.write_state("s", name, None, expected=second)


HOWS: tuple[How, ...] = ("before", "after")
Walk = Callable[[PostgresLedger, str], Awaitable[Any]]
WALKS: tuple[Walk, ...] = (_open, _enqueue, _intend, _accept, _end, _take_over, _forget, _states)


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.__name__.strip("_"))
async def test_a_connection_may_be_cut_at_any_statement(
    cut: PostgresLedger, proxy: Proxy, walk: Walk, how: How
) -> None:
    await walk(cut, "the first, which says that this process is alive")
    proxy.arm(10**9, how)
    expected = await walk(cut, "undisturbed")
    statements = proxy.disarm()
    for number in range(1, statements + 1, 1 if how == "after" else 3):
        proxy.arm(number, how)
        assert await walk(cut, f"cut at {number:03d}") == expected, number
        proxy.disarm()

    assert proxy.cuts >= statements // 3


@pytest.mark.parametrize("jobs", [1, 4])
async def test_whether_an_enqueuing_has_come_through_is_known_or_said_to_be_unknown(
    postgres_url: str, postgres: PostgresLedger, jobs: int
) -> None:
    """The database goes away for good at each statement of an enqueuing, before it and after it."""
    seen: set[tuple[Any, int]] = set()
    for how in HOWS:
        number, was_cut = 0, True
        while was_cut:
            number += 1
            some = [
                Enqueued(make_job(id=f"{how} {number} {one}"), {}, "queue", {"priority": 0})
                for one in range(jobs)
            ]
            came, was_cut = await _enqueued_behind_a_cut(postgres_url, some, number, how)
            found = [await postgres.get(one.job.id) for one in some]
            there = sum(one is not None for one in found)
            assert there in (0, jobs), "one transaction holds all of them"
            assert came != "not_sent" or not there
            assert came is not None or there
            seen.add((came, there))

    assert seen == {("not_sent", 0), ("unknown", 0), ("unknown", jobs), (None, jobs)}


async def _enqueued_behind_a_cut(
    url: str, some: list[Enqueued], number: int, how: How
) -> tuple[str | None, bool]:
    """Return what is said of an enqueuing whose connection is cut, and whether it was."""
    async with Proxy(url) as proxy:
        ledger = PostgresLedger(proxy.url, wait_seconds=0)
        await ledger.jobs()
        proxy.arm(number, how)
        try:
            await asyncio.to_thread(vars(ledger)["_store"].enqueue_all, some)
        except StorageError as error:
            return error.submission, True
        finally:
            await ledger.aclose()

        return None, bool(proxy.cuts)


async def test_a_network_that_swallows_everything_is_noticed(
    cut: PostgresLedger, proxy: Proxy
) -> None:
    job = await begin(cut)
    for number in (1, 4):
        proxy.arm(number, "stall")
        assert await cut.intend(make_intent(job, number), HOLDER)
        proxy.disarm()

    assert proxy.cuts == 2
    found = await cut.get(job.id)
    assert found is not None
    assert [one.intent.attempt_number for one in found.entries] == [1, 4]


async def test_a_database_that_stays_away_is_said_without_its_password() -> None:
    from tests.cluster import free_port, missing

    if (why := missing()) is not None:
        pytest.skip(why)

    port = free_port()
    url = f"postgresql://user:canary-9b1d@127.0.0.1:{port}/jobs"
    ledger = PostgresLedger(url, wait_seconds=0.2)
    assert "canary" not in repr(ledger)
    with pytest.raises(StorageError) as caught:
        await ledger.open(make_job(), HOLDER, {})

    told = str(caught.value)
    assert f"postgresql://127.0.0.1:{port}/jobs can't be used: it can't be reached" in told
    assert caught.value.submission == "not_sent"
    assert "canary" not in told
    assert caught.value.__cause__ is None
