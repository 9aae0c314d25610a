"""Slots of accounts: what every ledger promises of jobs in flight, and who is next."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tarash.tarash_gateway._data._types import Submission
from tarash.tarash_gateway.ledger import MemoryLedger, PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import SlotLedger, SlotRequest
from tarash.tarash_gateway.ledger._record_types import Outcome
from tarash.tarash_gateway.ledger._slots import SlotRecord, allocate_slots
from tests.ledger.makers import HOLDER, begin, make_intent

if TYPE_CHECKING:
    _AS_MEMORY: SlotLedger = MemoryLedger()
    _AS_SQLITE: SlotLedger = SqliteLedger("jobs.db")

LINE = "fal:abc"


def want(name: str, **facts: Any) -> SlotRequest:
    return SlotRequest(**{"id": name, "line": LINE, "model": "m", "most": 2, **facts})


async def take(ledger: SlotLedger, *names: str, **facts: Any) -> set[str]:
    answer = await ledger.seek_slots(LINE, [want(name, **facts) for name in names])
    return set(answer.taken)


async def test_no_more_are_inside_than_the_limit(ledger: SlotLedger) -> None:
    assert ledger.keeps_slots
    answer = await ledger.seek_slots(LINE, [want(name) for name in "abcd"])
    assert answer.taken == {"a", "b"}
    assert answer.positions == {"c": 1, "d": 2}
    assert await take(ledger, "c", "d") == set()

    await ledger.free_slot("a")
    answer = await ledger.seek_slots(LINE, [want("c"), want("d")], ["b"])
    assert answer.taken == {"c"}
    assert answer.positions == {"d": 1}
    assert not answer.lost
    assert answer.in_flight == {"": 2, "m": 2}
    assert [one.request.id for one in await ledger.list_slots(LINE)] == ["b", "c", "d"]


async def test_lines_are_apart_from_each_other(ledger: SlotLedger) -> None:
    assert await take(ledger, "a", "b") == {"a", "b"}
    other = await ledger.seek_slots("other", [want("c", line="other")])
    assert other.taken == {"c"}
    assert len(await ledger.list_slots()) == 3


async def test_what_is_free_is_kept_for_those_before(ledger: SlotLedger) -> None:
    assert await take(ledger, "a", "b") == {"a", "b"}
    await take(ledger, "first")
    await ledger.free_slot("a")
    assert await take(ledger, "second") == set()  # the first has not asked again yet
    assert await take(ledger, "first") == {"first"}


async def test_who_leaves_the_line_holds_nobody_up(ledger: SlotLedger) -> None:
    await take(ledger, "a", "b")
    await take(ledger, "c")
    await ledger.free_slot("c")
    await ledger.free_slot("c")
    await ledger.free_slot("nobody")
    await ledger.free_slot("a")
    assert await take(ledger, "d") == {"d"}


async def test_a_slot_that_is_freed_twice_is_one(ledger: SlotLedger) -> None:
    await take(ledger, "a", "b")
    await ledger.free_slot("a")
    await ledger.free_slot("a")
    assert await take(ledger, "c", "d", "e") == {"c"}


async def test_groups_take_turns(ledger: SlotLedger) -> None:
    many = [want(f"big-{n}", group="big", most=1) for n in range(6)]
    few = [want(f"small-{n}", group="small", most=1) for n in range(2)]
    served = []
    for _ in range(8):
        answer = await ledger.seek_slots(LINE, [*many, *few])
        (name,) = answer.taken
        served.append(name)
        many = [one for one in many if one.id != name]
        few = [one for one in few if one.id != name]
        await ledger.free_slot(name)

    assert served == [
        "big-0", "small-0", "big-1", "small-1", "big-2", "big-3", "big-4", "big-5",
    ]  # fmt: skip


async def test_who_has_priority_goes_first(ledger: SlotLedger) -> None:
    await take(ledger, "a", most=1)
    await take(ledger, "low", most=1)
    await take(ledger, "high", most=1, priority=5)
    await ledger.free_slot("a")
    assert await take(ledger, "low", most=1) == set()
    assert await take(ledger, "high", most=1, priority=5) == {"high"}


async def test_a_model_at_its_limit_holds_up_no_other_model(ledger: SlotLedger) -> None:
    def of(name: str, model: str) -> SlotRequest:
        return want(name, model=model, most=3, most_of_model=1)

    asked = [of("a", "x"), of("b", "x"), of("c", "y"), of("d", "y"), of("e", "z"), of("f", "w")]
    answer = await ledger.seek_slots(LINE, asked)
    assert answer.taken == {"a", "c", "e"}
    await ledger.free_slot("a")
    assert (await ledger.seek_slots(LINE, [of("b", "x"), of("d", "y"), of("f", "w")])).taken == {
        "b"
    }


async def test_a_rate_counts_what_has_ended_too(ledger: SlotLedger) -> None:
    facts: dict[str, Any] = {"most": None, "per_minute": 3}
    assert await take(ledger, "a", "b", **facts) == {"a", "b"}
    await ledger.free_slot("a")
    await ledger.free_slot("b")
    assert await take(ledger, "c", "d", **facts) == {"c"}


async def test_what_is_bought_counts_at_once(ledger: SlotLedger) -> None:
    assert await take(ledger, "a", "b") == {"a", "b"}
    assert await take(ledger, "bought", is_bought=True) == {"bought"}
    await ledger.free_slot("a")
    assert await take(ledger, "c") == set()  # two are in flight still
    await ledger.free_slot("b")
    assert await take(ledger, "c") == {"c"}


async def test_asking_twice_takes_one(ledger: SlotLedger) -> None:
    assert await take(ledger, "a") == {"a"}
    assert await take(ledger, "a") == {"a"}
    assert await take(ledger, "b", "c") == {"b"}


async def test_who_asks_again_after_its_end_gets_in_line_again(ledger: SlotLedger) -> None:
    assert await take(ledger, "a", "b") == {"a", "b"}
    await ledger.free_slot("a")
    assert await take(ledger, "c") == {"c"}
    assert await take(ledger, "a") == set()


async def test_many_at_a_time_hold_the_line(ledger: SlotLedger) -> None:
    answers = await asyncio.gather(*(take(ledger, f"n{n}", most=10) for n in range(60)))
    assert sum(len(one) for one in answers) == 10


ENDED: list[tuple[Submission | None, Outcome]] = [
    ("accepted", "completed"),
    ("accepted", "failed"),
    ("rejected", "failed"),
    ("not_sent", "failed"),
    ("accepted", "cancelled"),
    ("accepted", "stopped"),
]
RUNNING: list[tuple[Submission | None, Outcome | None]] = [
    (None, None),
    ("accepted", None),
    ("accepted", "detached"),
    ("unknown", "unknown"),
]


BESIDE = ["", " label key:0123"]
"""What stands behind an intent's id: a job has a place of its account's and one of its label's."""
Lasting = SqliteLedger | PostgresLedger


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))

    return str(tmp_path / "jobs.db")


def over(place: str) -> Lasting:
    """Return a ledger of a process whose lease is over at once."""
    kind: Any = PostgresLedger if place.startswith("postgresql") else SqliteLedger
    ledger: Lasting = kind(place, lease_seconds=1e-6)
    return ledger


async def left_behind(
    place: str, submission: Submission | None, outcome: Outcome | None, beside: str = ""
) -> str:
    """Take a slot and submit in a process, so to speak, whose lease is over; return the intent."""
    dead = over(place)
    job = await begin(dead)
    intent = make_intent(job)
    name = f"{intent.id}{beside}"
    assert (await dead.seek_slots(LINE, [want(name, most=1)])).taken == {name}
    assert await dead.intend(intent, HOLDER)
    if outcome is not None:
        await dead.settle(intent.id, submission, outcome)
    elif submission is not None:
        await dead.note(intent.id, HOLDER, {}, submission)

    await dead.aclose()
    return intent.id


@pytest.mark.parametrize("beside", BESIDE, ids=["account", "label"])
@pytest.mark.parametrize(("submission", "outcome"), RUNNING)
async def test_a_job_that_may_run_keeps_its_slot_after_its_process(
    place: str, submission: Submission | None, outcome: Outcome | None, beside: str
) -> None:
    intent = await left_behind(place, submission, outcome, beside)
    ledger = over(place)
    assert await take(ledger, "b", most=1) == set()
    assert await take(ledger, "b", most=1) == set()
    # Whoever resumes it takes its slot over, and no second one.
    name = f"{intent}{beside}"
    assert await take(ledger, name, most=1, is_bought=True) == {name}
    await ledger.settle(intent, "accepted", "completed")
    assert await take(ledger, "b", most=1) == {"b"}
    await ledger.aclose()


@pytest.mark.parametrize("beside", BESIDE, ids=["account", "label"])
@pytest.mark.parametrize(("submission", "outcome"), ENDED)
async def test_a_job_that_has_ended_keeps_no_slot(
    place: str, submission: Submission | None, outcome: Outcome, beside: str
) -> None:
    await left_behind(place, submission, outcome, beside)
    ledger = over(place)
    assert await take(ledger, "b", most=1) == {"b"}
    await ledger.aclose()


async def test_a_slot_without_a_submit_ends_with_its_lease(tmp_path: Any) -> None:
    dead = SqliteLedger(tmp_path / "jobs.db", lease_seconds=1e-6)
    assert await take(dead, "never sent", most=1) == {"never sent"}
    assert await take(dead, "b", most=1) == {"b"}
    answer = await dead.seek_slots(LINE, [], ["never sent"])
    assert answer.lost == {"never sent"}
    await dead.aclose()


def waiting(name: str, number: int, **facts: Any) -> SlotRecord:
    return SlotRecord(want(name, **facts.pop("request", {})), number, **facts)


def test_the_dead_hold_nobody_up() -> None:
    dead = waiting("dead", 1, is_alive=False, silent=20.0)
    changes = allocate_slots([dead], [want("b", most=1)], [])
    assert changes.answer.taken == {"b"}
    assert changes.drop == ("dead",)


def test_a_lost_job_gives_its_slot_back_when_its_bound_has_passed() -> None:
    facts: dict[str, Any] = {"turn": 1, "taken_ago": 900.0, "is_alive": False, "may_run": True}
    within = waiting("lost", 1, silent=599.0, **facts)
    beyond = waiting("lost", 1, silent=601.0, **facts)
    assert allocate_slots([within], [want("b", most=1)], []).answer.taken == set()
    assert allocate_slots([beyond], [want("b", most=1)], []).answer.taken == {"b"}


@pytest.mark.parametrize("groups", [1, 2, 3, 7])
def test_turns_are_even_however_many_each_group_has(groups: int) -> None:
    """Among those that wait, no group is more than one turn ahead of another."""
    records = [
        waiting(f"{group}-{n}", number=group * 100 + n, request={"group": str(group), "most": 1})
        for group in range(groups)
        for n in range(5 + group * 10)
    ]
    served: list[str] = []
    for _ in range(groups * 5):
        asked = [one.request for one in records if one.turn is None]
        changes = allocate_slots(records, asked, [])
        (name,) = changes.take
        served.append(name.split("-")[0])
        records = [
            SlotRecord(one.request, one.number, changes.take[name], 0.0, is_free=True)
            if one.request.id == name
            else one
            for one in records
        ]

    counts = [served.count(str(group)) for group in range(groups)]
    assert max(counts) - min(counts) == 0
