"""Many who enqueue at once share transactions: each as durable, and as alone, as before."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from tarash.tarash_gateway.exceptions import StorageError, ValidationError
from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import JobRecord
from tarash.tarash_gateway.ledger._write_batching import LARGEST, Enqueued, WriteBatcher
from tests.conftest import until
from tests.ledger.makers import make_job, make_media

TASK = {"priority": 3, "at": None}
pytestmark = pytest.mark.parametrize("ledger", ["sqlite", "postgres"], indirect=True)


def store_of(ledger: Any) -> Any:
    return vars(ledger)["_store"]


def enqueue(ledger: Any, job: JobRecord) -> asyncio.Task[Any]:
    return asyncio.create_task(ledger.enqueue(job, {}, "queue", TASK))


async def test_each_is_there_with_its_task_and_few_transactions_were_made(
    ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    store = store_of(ledger)
    write = store.enqueue_all

    def counted(some: Sequence[Enqueued]) -> Any:
        sizes.append(len(some))
        return write(some)

    monkeypatch.setattr(store, "enqueue_all", counted)
    jobs = [make_job() for _ in range(150)]
    assert await asyncio.gather(*(enqueue(ledger, one) for one in jobs)) == [None] * 150
    tasks = await ledger.list_states("queue")
    assert {one.name for one in tasks} == {one.id for one in jobs}
    found = [await ledger.get(one.id) for one in jobs[::50]]
    assert [(one.state, one.held) for one in found] == [("open", False)] * 3
    assert sum(sizes) == 150
    assert max(sizes) <= LARGEST
    assert len(sizes) < 50


async def test_a_key_has_one_job_however_many_ask_for_it_at_once(ledger: Any) -> None:
    jobs = [make_job(idempotency_key=f"order {number % 10}") for number in range(120)]
    came = await asyncio.gather(*(enqueue(ledger, one) for one in jobs))
    every = list(zip(jobs, came, strict=True))
    written = {one.idempotency_key: one.id for one, known in every if not known}
    assert len(written) == 10
    assert [one.id for one in came if one] == [
        written[job.idempotency_key] for job, known in every if known
    ]
    assert len(await ledger.list_states("queue")) == 10


async def test_two_processes_that_write_the_same_keys_do_not_wait_for_each_other_for_ever(
    ledger: Any, request: pytest.FixtureRequest
) -> None:
    is_file = isinstance(ledger, SqliteLedger)
    url = "" if is_file else request.getfixturevalue("postgres_url")
    other: Any = SqliteLedger(ledger.path) if is_file else PostgresLedger(url)
    keys = [f"order {number}" for number in range(60)]
    jobs = [make_job(idempotency_key=one) for one in [*keys, *reversed(keys)]]
    both = [ledger] * 60 + [other] * 60
    came = await asyncio.gather(*(enqueue(*one) for one in zip(both, jobs, strict=True)))
    assert sum(one is None for one in came) == 60
    await other.aclose()


async def test_one_that_can_not_be_written_harms_none_of_the_others(ledger: Any) -> None:
    known = make_job()
    await ledger.enqueue(known, {}, "queue", TASK)
    nul = make_job(id="nul \x00") if isinstance(ledger, PostgresLedger) else make_job(id="\ud83d")
    jobs = [*(make_job() for _ in range(20)), nul, make_job(id=known.id), make_job()]
    waits = [enqueue(ledger, one) for one in jobs]
    came = await asyncio.gather(*waits, return_exceptions=True)
    failed = {id(job): one for job, one in zip(jobs, came, strict=True) if one is not None}
    assert failed.keys() == {id(nul), id(jobs[-2])}
    assert isinstance(failed[id(nul)], ValidationError | StorageError)
    assert isinstance(failed[id(jobs[-2])], StorageError)
    assert len(await ledger.list_states("queue")) == 22


async def test_where_none_could_be_written_each_hears_so_by_an_error_of_its_own(
    ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> Any:
        raise StorageError("the disk is full", submission="not_sent") from OSError("no room")

    monkeypatch.setattr(store_of(ledger), "enqueue_all", fail)
    waits = [enqueue(ledger, make_job()) for _ in range(30)]
    came: list[Any] = await asyncio.gather(*waits, return_exceptions=True)
    assert len({id(one) for one in came}) == 30
    assert {(str(one), str(one.__cause__), one.submission) for one in came} == {
        ("the disk is full", "no room", "not_sent")
    }


async def test_who_leaves_before_his_turn_has_written_nothing_and_after_it_he_waits(
    ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, begun = threading.Event(), threading.Event()
    write = store_of(ledger).enqueue_all

    def slow(some: Sequence[Enqueued]) -> Any:
        begun.set()
        goes_on.wait()
        return write(some)

    monkeypatch.setattr(store_of(ledger), "enqueue_all", slow)
    first = []
    for _ in range(1 if isinstance(ledger, SqliteLedger) else 4):  # as many as may be under way
        begun.clear()
        first.append(enqueue(ledger, make_job()))
        await until(begun.is_set)

    late = make_job()
    leaving = enqueue(ledger, late)
    await asyncio.sleep(0)
    leaving.cancel()
    first[0].cancel()
    await asyncio.wait([leaving])
    await asyncio.sleep(0.02)
    is_waited_for = not first[0].done()
    goes_on.set()  # before anything is asserted: threads wait for it
    came = await asyncio.gather(*first, return_exceptions=True)
    assert leaving.cancelled()
    assert is_waited_for
    assert isinstance(came[0], asyncio.CancelledError)
    assert came[1:] == [None] * (len(first) - 1)
    assert await ledger.get(late.id) is None
    assert len(await ledger.list_states("queue")) == len(first)


async def test_media_are_written_by_themselves(ledger: Any) -> None:
    media = make_media(b"an image")
    jobs = [make_job() for _ in range(3)]
    await asyncio.gather(*(ledger.enqueue(one, media, "queue", TASK) for one in jobs))
    assert await ledger.media(next(iter(media))) == b"an image"


async def test_several_loops_enqueue_in_one_ledger(ledger: Any) -> None:
    async def some() -> None:
        await asyncio.gather(*(enqueue(ledger, make_job()) for _ in range(30)))

    threads = [threading.Thread(target=asyncio.run, args=(some(),)) for _ in range(3)]
    for one in threads:
        one.start()

    await some()
    for one in threads:
        await asyncio.to_thread(one.join)

    assert len(await ledger.list_states("queue")) == 120


def test_a_loop_that_ends_in_the_middle_leaves_nobody_waiting(ledger: Any) -> None:
    async def hang(_: Sequence[str]) -> Sequence[None]:
        await asyncio.Event().wait()
        return []

    together: WriteBatcher[str, None] = WriteBatcher(f"hangs beside {ledger!r}", hang, at_once=1)
    left: list[asyncio.Task[None]] = []

    async def main() -> None:
        left.extend(asyncio.create_task(together.write("anything")) for _ in range(3))
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert all(one.cancelled() for one in left)
