"""What every ledger promises."""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast, get_args

import pytest

from tarash.tarash_gateway._data._types import Submission
from tarash.tarash_gateway.exceptions import TarashException
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.ledger._contract import (
    RECEIVED,
    BudgetWindow,
    JobRecord,
    Ledger,
    MoneyLedger,
    Outcome,
    OverBudgetError,
    PagedLedger,
    RepricingLedger,
    SubmissionRecord,
)
from tests.ledger.makers import (
    HOLDER,
    begin,
    make_intent,
    make_job,
    make_media,
    make_operation,
)  # fmt: skip


async def test_a_job_comes_back_as_it_was_written(ledger: Ledger) -> None:
    job = make_job(idempotency_key="order-4711", chain=({"model": "a"}, {"model": "b"}))
    stray = SubmissionRecord(make_intent(job))
    given = replace(job, state="failed", entries=(stray,), result={"kept": False})

    assert await ledger.open(given, HOLDER, {}) is None
    assert await ledger.get(job.id) == replace(job, held=True)
    assert await ledger.get("another") is None


async def test_a_submit_comes_back_as_it_was_written(ledger: Ledger) -> None:
    job = await begin(ledger)
    first, second = make_intent(job), make_intent(job, 2, payload=None)
    assert await ledger.intend(first, HOLDER)
    await ledger.settle(first.id, "rejected", "failed")
    assert await ledger.intend(second, HOLDER)
    assert await ledger.accept(second.id, make_operation("op"))

    found = await ledger.find("fal", "op")
    assert found is not None
    assert found.id == job.id
    assert found.entries == (
        SubmissionRecord(first, None, "rejected", "failed"),
        SubmissionRecord(second, make_operation("op"), "accepted", None),
    )
    assert await ledger.find("fal", "no such") is None
    assert await ledger.find("runway", "op") is None


async def test_a_key_belongs_to_one_job_until_it_is_freed(ledger: Ledger) -> None:
    first = await begin(ledger, idempotency_key="order")
    second, third = make_job(idempotency_key="order"), make_job(idempotency_key="order")
    known = await ledger.open(second, HOLDER, make_media(b"never written"))
    assert known is not None
    assert (known.id, known.held) == (first.id, True)
    assert await ledger.get(second.id) is None
    with pytest.raises(KeyError):
        await ledger.media(next(iter(make_media(b"never written"))))

    assert await ledger.close(first.id, HOLDER, "completed", {"answer": 42})
    known = await ledger.open(second, HOLDER, {})
    assert known is not None
    assert (known.id, known.state, known.result) == (first.id, "completed", {"answer": 42})
    assert not known.held

    assert await ledger.claim(first.id, "again")
    assert await ledger.close(first.id, "again", "failed", free_key=True)
    assert await ledger.open(second, HOLDER, {}) is None
    known = await ledger.open(third, HOLDER, {})
    assert known is not None
    assert known.id == second.id

    assert await ledger.claim(first.id, "to look once more")
    assert await ledger.close(first.id, "to look once more", "failed")
    known = await ledger.open(third, HOLDER, {})
    assert known is not None
    assert known.id == second.id


async def test_jobs_without_a_key_never_meet(ledger: Ledger) -> None:
    await begin(ledger)
    await begin(ledger)
    assert len(await ledger.jobs()) == 2


async def test_only_the_holder_submits(ledger: Ledger) -> None:
    job = await begin(ledger)
    assert not await ledger.intend(make_intent(job), "another")
    assert not await ledger.intend(make_intent(make_job()), HOLDER)
    assert await ledger.intend(make_intent(job), HOLDER)

    assert await ledger.close(job.id, HOLDER, "open")
    assert not await ledger.intend(make_intent(job, 2), HOLDER)
    found = await ledger.get(job.id)
    assert found is not None
    assert [entry.intent.id for entry in found.entries] == [f"{job.id}-1"]


async def test_an_operation_is_adopted_by_one_submit_only(ledger: Ledger) -> None:
    jobs = [await begin(ledger) for _ in range(5)]
    for job in jobs:
        assert await ledger.intend(make_intent(job), HOLDER)

    first, *others, last = jobs
    assert await ledger.accept(f"{first.id}-1", make_operation("first"))
    assert not await ledger.accept(f"{others[0].id}-1", make_operation("first"), adopted=True)
    taken = await asyncio.gather(
        *(ledger.accept(f"{job.id}-1", make_operation("lost"), adopted=True) for job in others)
    )
    assert sorted(taken) == [False, False, True]

    # What a provider has answered is a fact, whoever has guessed otherwise.
    assert await ledger.accept(f"{last.id}-1", make_operation("lost"))
    found = await ledger.get(last.id)
    assert found is not None
    assert found.entries[0].operation == make_operation("lost")


async def test_only_a_result_is_written_over_a_users_stop(ledger: Ledger) -> None:
    job = await begin(ledger)
    await ledger.intend(make_intent(job), HOLDER)
    await ledger.accept(f"{job.id}-1", make_operation("op"))
    outcomes: tuple[Outcome, ...] = ("detached", "stopped", "failed", "cancelled", "unknown")
    for outcome in outcomes:
        await ledger.settle(f"{job.id}-1", "accepted", outcome)

    found = await ledger.get(job.id)
    assert found is not None
    assert found.entries[0].outcome == "stopped"


@pytest.mark.parametrize("first", get_args(Outcome))
async def test_what_is_known_for_certain_stays(ledger: Ledger, first: Outcome) -> None:
    job = await begin(ledger)
    await ledger.intend(make_intent(job), HOLDER)
    await ledger.accept(f"{job.id}-1", make_operation("op"))
    await ledger.settle(f"{job.id}-1", "accepted", first)
    await ledger.settle(f"{job.id}-1", "accepted", "completed")
    await ledger.settle("no such", "accepted", "completed")

    found = await ledger.get(job.id)
    assert found is not None
    is_open = first in {"detached", "unknown", "stopped"}
    assert found.entries[0].outcome == ("completed" if is_open else first)


async def test_what_was_changed_for_the_model_is_known_from_the_submit_on(ledger: Ledger) -> None:
    job = await begin(ledger)
    change = {"field": "duration_seconds", "requested": 7.0, "sent": 8, "reason": "it takes 8"}
    intent = replace(make_intent(job), adjustments=(change,))
    await ledger.intend(intent, HOLDER)
    await ledger.note(intent.id, HOLDER, {"tries": 1})

    found = await ledger.get(job.id)
    assert found is not None
    assert found.entries[0].intent.adjustments == (change,)
    assert found.entries[0].heard == {"adjustments": [change], "tries": 1}


@pytest.mark.parametrize("first", ["failed", "cancelled", "completed"])
async def test_a_stop_after_the_end_is_noted_beside_it(ledger: Ledger, first: Outcome) -> None:
    job = await begin(ledger)
    await ledger.intend(make_intent(job), HOLDER)
    await ledger.accept(f"{job.id}-1", make_operation("op"))
    await ledger.note(f"{job.id}-1", HOLDER, {"billing": "none"})
    await ledger.settle(f"{job.id}-1", "accepted", first)
    await ledger.settle(f"{job.id}-1", "accepted", "stopped")
    await ledger.settle("no such", "accepted", "stopped")

    found = await ledger.get(job.id)
    assert found is not None
    assert found.entries[0].outcome == first
    assert found.entries[0].heard == {"billing": "none", "stopped": True}


async def test_only_the_holder_closes(ledger: Ledger) -> None:
    job = await begin(ledger, idempotency_key="order")
    assert not await ledger.close(job.id, "another", "failed", {"a": 1}, free_key=True)
    assert not await ledger.close("no such", HOLDER, "failed")
    found = await ledger.get(job.id)
    assert found is not None
    assert (found.state, found.result, found.held) == ("open", None, True)

    assert await ledger.close(job.id, HOLDER, "unknown", {"a": 2})
    assert not await ledger.close(job.id, HOLDER, "failed", {"a": 3})
    found = await ledger.get(job.id)
    assert found is not None
    assert (found.state, found.result, found.held) == ("unknown", {"a": 2}, False)


async def test_facts_are_written_whoever_holds_the_job(ledger: Ledger) -> None:
    job = await begin(ledger)
    await ledger.intend(make_intent(job), HOLDER)
    await ledger.close(job.id, HOLDER, "open")
    assert await ledger.claim(job.id, "another")
    assert await ledger.accept(f"{job.id}-1", make_operation("late"))
    await ledger.settle(f"{job.id}-1", "accepted", "completed")

    found = await ledger.find("fal", "late")
    assert found is not None
    assert (found.entries[0].submission, found.entries[0].outcome) == ("accepted", "completed")


async def test_a_job_has_one_holder(ledger: Ledger) -> None:
    job = await begin(ledger)
    assert not await ledger.claim("no such", "another")
    assert not await ledger.claim(job.id, "another")
    assert await ledger.claim(job.id, HOLDER)

    assert await ledger.close(job.id, HOLDER, "open")
    claims = await asyncio.gather(*(ledger.claim(job.id, f"{number}") for number in range(20)))
    assert (claims.count(True), claims.count(False)) == (1, 19)


async def test_a_job_that_has_ended_can_be_taken_up_again(ledger: Ledger) -> None:
    job = await begin(ledger, idempotency_key="order")
    await ledger.close(job.id, HOLDER, "unknown", {"a": 1})
    assert await ledger.claim(job.id, "again")
    assert await ledger.close(job.id, "again", "open")
    found = await ledger.get(job.id)
    assert found is not None
    assert (found.state, found.result, found.held) == ("unknown", {"a": 1}, False)

    assert await ledger.claim(job.id, "once more")
    assert await ledger.close(job.id, "once more", "completed", {"a": 2})
    found = await ledger.get(job.id)
    assert found is not None
    assert (found.state, found.result) == ("completed", {"a": 2})


async def test_jobs_are_listed_newest_first(ledger: Ledger) -> None:
    jobs = [await begin(ledger) for _ in range(4)]
    await ledger.close(jobs[0].id, HOLDER, "failed")
    await ledger.close(jobs[2].id, HOLDER, "completed")

    ids = [job.id for job in jobs]
    assert [job.id for job in await ledger.jobs()] == ids[::-1]
    assert [job.id for job in await ledger.jobs(limit=2)] == [ids[3], ids[2]]
    assert [job.id for job in await ledger.jobs(states=("open",))] == [ids[3], ids[1]]
    ended = await ledger.jobs(states=("failed", "completed"))
    assert [job.id for job in ended] == [ids[2], ids[0]]
    assert await ledger.jobs(states=("cancelled",)) == []


async def test_media_stay_as_long_as_an_open_job_needs_them(ledger: Ledger) -> None:
    media = {**make_media(b"cat" * 1000), **make_media(b"dog")}
    cat, dog = media
    first, second = make_job(), make_job()
    await ledger.open(first, HOLDER, media)
    await ledger.open(second, HOLDER, make_media(b"dog"))
    assert await ledger.media(cat) == b"cat" * 1000

    await ledger.close(first.id, HOLDER, "open")
    assert await ledger.media(cat) == b"cat" * 1000
    assert await ledger.claim(first.id, HOLDER)
    await ledger.close(first.id, HOLDER, "failed")
    with pytest.raises(KeyError):
        await ledger.media(cat)

    assert await ledger.media(dog) == b"dog"
    await ledger.close(second.id, HOLDER, "completed")
    with pytest.raises(KeyError):
        await ledger.media(dog)

    with pytest.raises(KeyError):
        await ledger.media("../jobs.db")


async def test_a_race_for_a_key_has_one_winner(ledger: Ledger) -> None:
    jobs = [make_job(idempotency_key="order") for _ in range(200)]
    answers = await asyncio.gather(*(ledger.open(job, HOLDER, {}) for job in jobs))
    assert answers.count(None) == 1
    winner = jobs[answers.index(None)].id
    assert {answer.id for answer in answers if answer is not None} == {winner}
    assert [job.id for job in await ledger.jobs()] == [winner]


async def test_threads_with_loops_of_their_own_share_it(ledger: Ledger) -> None:
    async def work() -> None:
        for _ in range(5):
            job = await begin(ledger)
            assert await ledger.intend(make_intent(job), HOLDER)
            assert await ledger.close(job.id, HOLDER, "completed")

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(4)]
    for thread in threads:
        thread.start()

    await work()
    for thread in threads:
        thread.join()

    assert len(await ledger.jobs(states=("completed",))) == 25


async def test_it_can_be_closed_and_used_on(ledger: Ledger) -> None:
    job = await begin(ledger)
    await ledger.renew()
    await ledger.aclose()
    await ledger.aclose()
    assert await ledger.intend(make_intent(job), HOLDER)
    assert ledger.lease_seconds > 0


async def test_what_is_heard_is_added_to_what_was_heard(ledger: Ledger) -> None:
    job = await begin(ledger)
    intent = make_intent(job, host="https://one.example")
    assert await ledger.intend(intent, HOLDER)
    assert await ledger.note(intent.id, HOLDER, {"tries": 1, "retry_at": "later"}, "rejected")
    assert await ledger.note(intent.id, HOLDER, {"retry_at": None})
    assert await ledger.note(intent.id, "another", {"tries": 9}) is False
    assert await ledger.note("no such", HOLDER, {}) is None

    found = await ledger.get(job.id)
    assert found is not None
    heard = {"tries": 1, "retry_at": None}
    assert found.entries == (SubmissionRecord(intent, None, "rejected", None, heard),)


async def test_a_refused_submit_is_intended_again_by_its_holder_only(ledger: Ledger) -> None:
    job = await begin(ledger)
    intent = make_intent(job)
    assert await ledger.intend(intent, HOLDER)
    assert await ledger.note(intent.id, HOLDER, {"tries": 1}, "rejected")
    assert await ledger.intend(intent, "another") is False
    assert await ledger.intend(intent, HOLDER)

    found = await ledger.get(job.id)
    assert found is not None
    assert found.entries == (SubmissionRecord(intent),)


async def test_not_here_and_held_by_another_are_different_answers(ledger: Ledger) -> None:
    job = await begin(ledger)
    assert await ledger.claim(job.id, "another") is False
    assert await ledger.close(job.id, "another", "failed") is False
    assert await ledger.keep(job.id, "another", None) is False
    assert await ledger.intend(make_intent(job), "another") is False

    assert await ledger.claim("no such", "another") is None
    assert await ledger.close("no such", "another", "failed") is None
    assert await ledger.keep("no such", "another", None) is None
    assert await ledger.intend(make_intent(make_job()), "another") is None


async def test_a_job_is_kept_open_with_its_result(ledger: Ledger) -> None:
    job = await begin(ledger, idempotency_key="order")
    await ledger.close(job.id, HOLDER, "completed", {"a": 1})
    assert await ledger.claim(job.id, HOLDER)
    assert await ledger.keep(job.id, HOLDER, {"a": 2})
    (found,) = await ledger.jobs(states=("open",))
    assert (found.id, found.result, found.held) == (job.id, {"a": 2}, False)


async def test_ids_are_a_providers_own_on_one_host_only(ledger: Ledger) -> None:
    jobs = [await begin(ledger) for _ in range(4)]
    hosts = ("https://one.example", "https://two.example", "https://two.example", "")
    for job, host in zip(jobs, hosts, strict=True):
        assert await ledger.intend(make_intent(job, host=host), HOLDER)

    one, two, three, anywhere = (f"{job.id}-1" for job in jobs)
    assert await ledger.accept(one, make_operation("1"))
    assert await ledger.accept(two, make_operation("1"), adopted=True)
    assert not await ledger.accept(three, make_operation("1"), adopted=True)
    assert not await ledger.accept(anywhere, make_operation("1"), adopted=True)
    for job, host in zip(jobs[:2], hosts, strict=False):
        found = await ledger.find("fal", "1", host)
        assert found is not None
        assert found.id == job.id

    found = await ledger.find(None, "1")
    assert found is not None
    assert found.id == jobs[1].id
    assert await ledger.find("fal", "1", "https://three.example") is None


async def test_a_result_that_was_the_answer_is_kept_until_the_job_is_closed(
    ledger: Ledger,
) -> None:
    job = await begin(ledger, idempotency_key="order")
    assert await ledger.intend(make_intent(job), HOLDER)
    assert await ledger.note(f"{job.id}-1", HOLDER, {"tries": 1})
    await ledger.receive(f"{job.id}-1", b"the result")
    await ledger.receive(f"{job.id}-1", b"the result")  # as when the first call seemed to fail
    await ledger.receive("nobody's", b"another")

    found = await ledger.get(job.id)
    assert found is not None
    (entry,) = found.entries
    assert entry.submission == "accepted"
    assert entry.heard["tries"] == 1
    assert await ledger.media(entry.heard[RECEIVED]) == b"the result"

    assert await ledger.close(job.id, HOLDER, "completed", {"answer": 42})
    with pytest.raises(KeyError):
        await ledger.media(entry.heard[RECEIVED])

    # Nothing would ever drop what came after that.
    await ledger.receive(f"{job.id}-1", b"the result, late")
    with pytest.raises(KeyError):
        await ledger.media(hashlib.sha256(b"the result, late").hexdigest())


@pytest.mark.parametrize(
    "outcome", [None, "completed", "failed", "cancelled", "stopped", "detached"]
)
async def test_a_later_figure_takes_the_place_of_what_was_spent(
    ledger: MoneyLedger, outcome: Outcome
) -> None:
    quote = {"low": "0.4", "high": "0.6", "currency": "USD"}
    window = BudgetWindow(Decimal("0.7"), "a budget")
    job = await begin(ledger)
    first, second, third = (
        make_intent(job, number, quote=quote, budgets=(window,)) for number in (1, 2, 3)
    )
    assert await ledger.intend(first, HOLDER)
    if outcome is not None:
        told = {"amount": "0.6", "currency": "USD"}
        await ledger.settle(first.id, "accepted", outcome, cost=told, cost_state="reported")

    with pytest.raises(OverBudgetError):
        await ledger.intend(second, HOLDER)

    late = cast("RepricingLedger", ledger)
    await late.reprice(first.id, {"amount": "0.1", "currency": "USD"}, "reported")
    await late.reprice(first.id, {"amount": "0.05", "currency": "USD"}, "settled")
    await late.reprice("no such", {"amount": "9", "currency": "USD"}, "settled")
    (row,) = await ledger.spendings()
    assert (row.amount, row.currency, row.state) == (Decimal("0.05"), "USD", "settled")
    assert await ledger.intend(second, HOLDER)

    await late.reprice(first.id, {"amount": "70", "currency": "CNY"}, "settled")
    assert [one.currency for one in await ledger.spendings()] == ["CNY", "USD"]
    with pytest.raises(OverBudgetError) as refused:  # another currency is in no budget
        await ledger.intend(third, HOLDER)

    assert refused.value.spent == Decimal("0.6")


async def test_sums_beyond_measure_are_over_the_budget(ledger: MoneyLedger) -> None:
    quote = {"low": "1000000000", "high": "1000000000", "currency": "USD"}
    job = await begin(ledger)
    for number in range(1, 12):
        assert await ledger.intend(make_intent(job, number, quote=quote), HOLDER)

    window = BudgetWindow(Decimal("0.7"), "a budget")
    with pytest.raises(OverBudgetError):
        await ledger.intend(make_intent(job, 20, budgets=(window,)), HOLDER)


async def spent(ledger: MoneyLedger, job: JobRecord, window: BudgetWindow) -> Decimal:
    """Return what counts for a budget, as a submit that does not fit is said."""
    quote = {"low": "1", "high": "1", "currency": "USD"}
    tight = replace(window, amount=Decimal(-1000))
    with pytest.raises(OverBudgetError) as refused:
        await ledger.intend(make_intent(job, 999, quote=quote, budgets=(tight,)), HOLDER)

    return refused.value.spent


@pytest.mark.parametrize("seed", range(3))
async def test_what_counts_for_a_budget_is_the_sum_of_what_was_spent(
    ledger: MoneyLedger, seed: int
) -> None:
    chosen = random.Random(seed)
    begun = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
    starts = [
        None,
        *(datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((1, 0), (21, 0), (20, 23))),
    ]
    users = [{}, {"user": ""}, {"user": "42"}, {"user": "42", "team": "ü"}, {"team": "42"}]
    windows = [
        BudgetWindow(Decimal(9), "a budget", since, label=label)
        for since in starts
        for label in (None, ("user", "42"), ("user", ""), ("team", "ü"), ("team", ""))
    ]
    job = await begin(ledger)
    submits = [
        make_intent(job, n, labels=users[n % 5], created_at=begun + timedelta(minutes=7 * n))
        for n in range(1, 16)
    ]
    late = cast("RepricingLedger", ledger)
    for _ in range(40):
        amount = str(chosen.randrange(1, 90) / 100)
        cost = {"amount": amount, "currency": chosen.choice(["USD", "USD", "CNY"])}
        one = chosen.choice(submits)
        match chosen.randrange(4):
            case 0 | 1:
                await ledger.settle(one.id, "rejected", "failed")
                quote = {"low": amount, "high": amount, "currency": cost["currency"]}
                large = (BudgetWindow(Decimal(999), "large"),)
                with suppress(TarashException):  # one that may have been bought
                    await ledger.intend(replace(one, quote=quote, budgets=large), HOLDER)
            case 2:
                await late.reprice(one.id, cost, "settled")
            case _:
                await ledger.settle(one.id, "accepted", "failed", cost=cost, cost_state="reported")

    rows = [one for one in await ledger.spendings() if one.currency == "USD" and one.amount]
    assert rows
    for window in windows:
        counted = [
            one.amount or 0
            for one in rows
            if window.since is None or one.at >= window.since
            if window.label is None or one.labels.get(window.label[0], "") == window.label[1]
        ]
        assert await spent(ledger, job, window) == sum(counted, Decimal(0)), window


@pytest.mark.parametrize("way", ["forget", "prune"])
async def test_what_is_reserved_follows_the_fate_of_a_job_that_is_forgotten(
    ledger: MoneyLedger, way: str
) -> None:
    quote = {"low": "0.4", "high": "0.6", "currency": "USD"}
    heard: list[Submission | None] = [None, "unknown", "rejected", "not_sent", "accepted"]
    ids: dict[Submission | None, str] = {}
    for number, submission in enumerate(heard, 1):
        job = await begin(ledger)
        ids[submission] = f"{job.id}-1"
        assert await ledger.intend(make_intent(job, quote=quote), HOLDER)
        if submission == "accepted":
            assert await ledger.accept(ids[submission], make_operation(str(number)))
        elif submission is not None:
            assert await ledger.note(ids[submission], HOLDER, {}, submission)

        assert await ledger.close(job.id, HOLDER, "open" if way == "forget" else "failed")
        if way == "forget" or isinstance(ledger, MemoryLedger):
            assert await ledger.forget(job.id)

    if way == "prune" and not isinstance(ledger, MemoryLedger):
        assert await cast("PagedLedger", ledger).prune(timedelta(0)) == len(heard)

    assert await ledger.jobs() == []
    left = {one.intent_id: (one.state, one.amount) for one in await ledger.spendings()}
    nothing, all_of_it = ("settled", Decimal(0)), ("possible", Decimal("0.6"))
    expected = [all_of_it, all_of_it, nothing, nothing, all_of_it]
    assert [left[ids[one]] for one in heard] == expected

    # Whoever had gone on with it says what it came to; of what is known it says nothing.
    settled: list[Submission] = ["accepted", "rejected"]
    for submission in settled:
        for amount in ("0.5", "9"):
            told = {"amount": amount, "currency": "USD"}
            await ledger.settle(
                ids[submission], "accepted", "completed", cost=told, cost_state="reported"
            )

    left = {one.intent_id: (one.state, one.amount) for one in await ledger.spendings()}
    assert left[ids["accepted"]] == ("reported", Decimal("0.5"))
    assert left[ids["rejected"]] == nothing


@pytest.mark.parametrize(
    ("submission", "outcome"), [(None, "cancelled"), ("not_sent", "cancelled"), ("rejected", None)]
)
async def test_a_submit_that_has_not_left_is_written_down_once_more(
    ledger: Ledger, submission: Any, outcome: Any
) -> None:
    """Workers of the version before kept no word of a submit that was cancelled before it left."""
    job = await begin(ledger)
    intent = make_intent(job)
    assert await ledger.intend(intent, HOLDER)
    if submission is not None:
        assert await ledger.note(intent.id, HOLDER, {"tries": 1}, submission)

    if outcome is not None:
        await ledger.settle(intent.id, submission, outcome)

    assert await ledger.intend(intent, HOLDER) is True
    found = await ledger.get(job.id)
    assert found is not None
    (entry,) = found.entries
    assert (entry.submission, entry.outcome, entry.heard) == (None, None, {})


@pytest.mark.parametrize("outcome", [None, "unknown", "detached"])
async def test_a_submit_that_may_have_left_is_not_written_down_once_more(
    ledger: Ledger, outcome: Any
) -> None:
    if isinstance(ledger, MemoryLedger):
        pytest.skip("one process knows what it has sent")

    job = await begin(ledger)
    intent = make_intent(job)
    assert await ledger.intend(intent, HOLDER)
    if outcome is not None:
        await ledger.settle(intent.id, "unknown", outcome)

    with pytest.raises(TarashException, match="written down before"):
        await ledger.intend(intent, HOLDER)
