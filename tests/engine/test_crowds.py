"""Many jobs wait at once: news that change nothing wake nobody, and no wait is lost for that.

On a virtual clock, with the whole engine and a provider that answers for many jobs by a list.
"""

from __future__ import annotations

import asyncio
import cProfile
import itertools
import logging
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TimeoutError,  # noqa: A004  (the library's own, which is the built-in one too)
)
from tarash.tarash_gateway._data._exchange import Page
from tarash.tarash_gateway._engine._poll_loop import PollLoop
from tarash.tarash_gateway._engine._poll_schedule import LATEST, SHARE
from tarash.tarash_gateway._engine._poll_subscriber import PAGE_SECONDS
from tarash.tarash_gateway.events import AttemptEvent, Polled
from tests.engine.studio import LATENCY, Studio
from tests.virtual import on_virtual_time

MOST_CALLS_OF_NEWS = 110
"""Of a page's word on a job that goes on: with the page's own share, and the alarm after it."""
MOST_CALLS_OF_A_POLL = 700
"""Of a poll of its own, which takes no client here."""


def played(play: Callable[[Studio], Awaitable[None]], **facts: Any) -> Studio:
    """Play with a provider of its own; return it."""
    studio = Studio(**facts)

    async def go() -> None:
        await play(studio)
        await studio.gateway.aclose()

    on_virtual_time(go())
    return studio


def most(seconds: float) -> float:
    """Return how late a job of so many seconds may be noticed: by its pause and three requests."""
    return max(LATEST, SHARE * seconds) + 3 * LATENCY


async def crowd(studio: Studio, count: int, *more: Any, **changes: Any) -> list[float]:
    return await asyncio.gather(*(studio.generate(*more, **changes) for _ in range(count)))


def test_news_that_change_nothing_wake_nobody_and_take_few_calls() -> None:
    """A round of a wait is hundreds of calls, and those of thousands of jobs are a core."""
    profile = cProfile.Profile()

    async def play(studio: Studio) -> None:
        await studio.generate()
        studio.lengths = itertools.repeat(60.0)
        waits = [asyncio.create_task(studio.generate()) for _ in range(100)]
        await asyncio.sleep(10)
        heard, polls = studio.heard, studio.polls
        with profile:
            await asyncio.sleep(45)

        news, alone = studio.heard - heard, studio.polls - polls
        assert news > 10 * 100
        entries = profile.getstats()
        step = vars(PollLoop)["_step"].__code__
        # Once when it begins, and once each time that it goes on: a poll here sleeps twice.
        assert sum(one.callcount for one in entries if one.code is step) <= 3 * alone + 3
        calls = sum(one.callcount for one in entries)
        assert (calls - MOST_CALLS_OF_A_POLL * alone) / news <= MOST_CALLS_OF_NEWS
        await asyncio.gather(*waits)

    played(play)


def disturbed(studio: Studio, waits: list[asyncio.Task[float]], rng: random.Random) -> None:
    """Do something to others: cancel one, take one from the list, let it hang or fail."""
    name = rng.choice(list(studio.jobs))
    acts: list[Callable[[], object]] = [
        lambda: rng.choice(waits).cancel(),
        lambda: studio.hidden.add(name),
        lambda: studio.hidden.discard(name),
        lambda: setattr(studio, "latency", rng.choice([LATENCY, LATENCY, 0.5, 3600])),
        lambda: setattr(studio, "fails", rng.random() < 0.2),
        lambda: None,
    ]
    rng.choice(acts)()


@pytest.mark.parametrize("seed", range(4))
def test_no_job_is_noticed_later_than_it_may_be_whatever_happens_to_others(seed: int) -> None:
    """Others are cancelled, run out of time, leave the list; the list hangs, fails, lacks jobs."""
    rng = random.Random(seed)

    async def play(studio: Studio) -> None:
        studio.lengths = (rng.uniform(0.5, 60) for _ in itertools.count())
        waits = []
        for _ in range(100):
            changes = {"timeout": rng.uniform(1, 50)} if rng.random() < 0.2 else {}
            waits.append(asyncio.create_task(studio.generate(**changes)))
            await asyncio.sleep(rng.choice([0, 0, 0.01, 0.1]))

        for _ in range(100):
            await asyncio.sleep(rng.uniform(0.1, 1))
            disturbed(studio, waits, rng)

        ended = await asyncio.gather(*waits, return_exceptions=True)
        for one in ended:
            assert isinstance(one, float | asyncio.CancelledError | TimeoutError), one

        late = sorted(one for one in ended if isinstance(one, float))
        assert len(late) >= 50
        # A page that hangs is waited for; nothing else makes anybody late.
        assert late[-1] <= most(60) + PAGE_SECONDS
        assert late[len(late) // 2] <= most(60) / 2

    played(play)


@pytest.mark.parametrize("which", ["first", "last", "all but one"])
def test_whoever_asks_for_others_may_be_cancelled_meanwhile(which: str) -> None:
    async def play(studio: Studio) -> None:
        studio.lengths = itertools.repeat(20.0)
        studio.latency = 1.0
        waits = [asyncio.create_task(studio.generate()) for _ in range(20)]
        await studio.is_listed.wait()
        gone = {"first": waits[:1], "last": waits[-1:], "all but one": waits[1:]}[which]
        for one in gone:
            one.cancel()

        ended = await asyncio.gather(*waits, return_exceptions=True)
        late = [one for one in ended if isinstance(one, float)]
        assert len(late) == 20 - len(gone)
        assert max(late) <= most(20) + studio.latency

    played(play)


def test_a_job_that_leaves_the_list_is_polled_by_itself_and_the_others_are_not() -> None:
    async def play(studio: Studio) -> None:
        studio.lengths = itertools.repeat(30.0)
        waits = [asyncio.create_task(studio.generate()) for _ in range(50)]
        await asyncio.sleep(3)
        studio.hidden = {"job-7"}
        late = await asyncio.gather(*waits)
        assert max(late) <= most(30)

    studio = played(play)
    assert len(studio.jobs["job-7"].polls) >= 10
    others = [len(job.polls) for name, job in studio.jobs.items() if name != "job-7"]
    assert sum(others) <= 3 * 49


def test_a_deadline_between_two_polls_ends_a_wait_that_nobody_has_woken() -> None:
    async def play(studio: Studio) -> None:
        now = asyncio.get_running_loop().time
        studio.lengths = itertools.repeat(100.0)
        others = [asyncio.create_task(studio.generate()) for _ in range(20)]
        start = now()
        with pytest.raises(TimeoutError, match="within 33 s"):
            await studio.generate(timeout=33)

        assert 33 <= now() - start <= 33 + 6  # a last poll, and a cancellation
        await asyncio.gather(*others)

    played(play)


def test_shared_news_count_as_polls_of_a_job_that_may_have_only_so_many() -> None:
    async def play(studio: Studio) -> None:
        studio.lengths = itertools.repeat(100.0)
        others = [asyncio.create_task(studio.generate()) for _ in range(20)]
        with pytest.raises(TimeoutError, match="after 7 polls"):
            await studio.generate(max_poll_attempts=7)

        job = studio.jobs["job-20"]
        assert 7 <= len(job.polls) + len(job.heard) <= 16  # some pages came before it was due
        await asyncio.gather(*others)

    played(play)


def test_a_callback_hears_of_each_change_and_of_nothing_twice() -> None:
    updates: list[Any] = []

    async def play(studio: Studio) -> None:
        studio.lengths = itertools.repeat(30.0)
        others = [asyncio.create_task(studio.generate()) for _ in range(20)]
        mine = asyncio.create_task(studio.generate(updates.append))
        for percent in (10, 40, 80):
            await asyncio.sleep(8)
            for job in studio.jobs.values():
                job.progress = percent

        await asyncio.gather(mine, *others)

    played(play)
    facts = [(one.status, one.progress_percent) for one in updates]
    assert facts == [*dict.fromkeys(facts)]
    assert [percent for _, percent in facts if percent] == [10, 40, 80, 100]


def test_an_observer_hears_of_each_poll() -> None:
    events: list[AttemptEvent] = []

    async def play(studio: Studio) -> None:
        studio.lengths = itertools.repeat(30.0)
        studio.gateway = Gateway(registry=studio.registry, observers=[events.append])
        await crowd(studio, 20)

    studio = played(play)
    for name, job in studio.jobs.items():
        heard = [one for one in events if isinstance(one, Polled) and one.operation_id == name]
        assert len(job.heard) / 3 <= len(heard) - len(job.polls) <= len(job.heard) + 1


def test_a_job_that_begins_to_run_is_seen_to() -> None:
    """News that do change something wake as they did."""
    statuses: list[str] = []

    async def play(studio: Studio) -> None:
        studio.lengths = itertools.repeat(30.0)
        studio.queued = 10.0
        others = [asyncio.create_task(studio.generate()) for _ in range(20)]
        await studio.generate(lambda update: statuses.append(update.status))
        await asyncio.gather(*others)

    played(play)
    assert [*dict.fromkeys(statuses)] == ["queued", "processing", "completed"]
    assert len(statuses) <= 4  # the first is said before anybody asks


def test_a_status_is_logged_once_also_where_nobody_is_called_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    async def play(studio: Studio) -> None:
        studio.lengths = itertools.repeat(30.0)
        studio.queued = 10.0
        await studio.generate()  # alone, so that each poll is its own

    studio = played(play)
    assert studio.polls > 10
    statuses = [vars(one)["status"] for one in caplog.records if vars(one).get("event") == "polled"]
    assert statuses == ["queued", "processing"]


class OneOdd(Studio):
    """Says once of a job that asks for itself what nobody can hear."""

    odd: str | None = None

    async def poll_many(self, client: Any, operations: Any, place: str) -> Page:
        page = await super().poll_many(client, operations, place)
        asked = [one.id for one in operations if one.id in page.found]
        if self.odd is not None or not asked or self.lists < SEVERAL:
            return page

        self.odd = asked[0]
        odd: Any = {**page.found, self.odd: None}
        return Page(odd, page.further)


SEVERAL = 10


def test_a_job_that_a_page_said_something_odd_of_is_polled_by_itself() -> None:
    studio = OneOdd()

    async def play() -> None:
        studio.lengths = itertools.repeat(140.0)
        await crowd(studio, 20)
        await studio.gateway.aclose()

    on_virtual_time(play())
    assert studio.odd is not None
    job = studio.jobs[studio.odd]
    asked = sorted((*job.polls, *job.heard))
    assert max(after - before for before, after in itertools.pairwise(asked)) < 2 * PAGE_SECONDS


WHOSE: ContextVar[str] = ContextVar("WHOSE")


class Owned(Studio):
    """Notes in whose context its lists are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_for: set[str] = set()

    async def poll_many(self, client: Any, operations: Any, place: str) -> Page:
        self.read_for.add(WHOSE.get("nobody's"))
        return await super().poll_many(client, operations, place)


def test_lists_are_read_in_a_context_of_those_who_wait_for_them() -> None:
    """The timer that all waits of a loop share is set by jobs of any gateway."""
    studios = {"one": Owned(), "other": Owned()}

    async def generate(whose: str) -> None:
        WHOSE.set(whose)
        await studios[whose].generate()

    async def play() -> None:
        for studio in studios.values():
            studio.lengths = itertools.cycle([20.0, 26.0, 33.0])

        await asyncio.gather(*(generate(whose) for _ in range(20) for whose in studios))
        for studio in studios.values():
            await studio.gateway.aclose()

    on_virtual_time(play())
    assert {whose: studio.read_for for whose, studio in studios.items()} == {
        "one": {"one"},
        "other": {"other"},
    }
