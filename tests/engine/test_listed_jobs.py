"""A list is read page by page, and nobody waits for nothing.

Bursts, jobs of others in between, pages that move, servers that repeat themselves: at most a tenth
of a request a job and round.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tarash.tarash_gateway._data._exchange import Operation, Page, Snapshot, Together
from tarash.tarash_gateway._engine._poll_subscriber import ALONE_EVERY, PAGE_SECONDS, PollSubscriber
from tarash.tarash_gateway._engine._shared_polls import LAG_SECONDS, MOST_LACKED, SharedPolls
from tarash.tarash_gateway._support._wakeups import Wakeup
from tests.virtual import on_virtual_time

PAUSE = 8.0
"""Seconds, of a virtual clock, between two polls of a job."""
LATENCY = 0.3
"""Seconds that a page takes, or a poll."""


@dataclass
class Account:
    """A provider's account with its list, and the jobs of ours that are waited for."""

    listed: list[str]
    """Newest first."""
    size: int = 100
    follows: bool = True
    """Whether it knows where a page begins; else each page is the first."""
    moves: bool = True
    """Whether its list says of a job that it has ended."""
    status: dict[str, Any] = field(default_factory=dict)
    lags: float = 0.0
    """Seconds after which its list says of a job that it has ended."""
    latency: float = LATENCY
    together_most: int = 0
    """How many jobs a request names; 0 where it is for a page."""
    pages: int = 0
    alone: dict[str, int] = field(default_factory=dict)
    latest: float = 0.0
    """Seconds that a poll was later than it was due, at most."""
    ends: dict[str, float] = field(default_factory=dict)
    """When jobs end."""
    noticed: list[float] = field(default_factory=list)
    """How long after its end each was noticed."""
    shares: bool = True

    def together(self, operation: Operation) -> Together:
        return Together(self.together_most, place=operation.provider)

    async def poll_many(self, client: object, operations: Sequence[Operation], place: str) -> Page:
        del client
        assert operations
        self.pages += 1
        await asyncio.sleep(self.latency)
        if self.together_most:
            return Page({one.id: Snapshot("processing") for one in operations})

        start = self.listed.index(place) if place in self.listed and self.follows else 0
        further = self.listed[start + self.size : start + self.size + 1]
        now = asyncio.get_running_loop().time() - LATENCY / 2
        over = {one for one, at in self.ends.items() if at + self.lags <= now and self.moves}
        found: Mapping[str, Snapshot] = {
            one: Snapshot("completed" if one in over else self.status.get(one, "processing"))
            for one in self.listed[start : start + self.size]
        }
        return Page(found, further[0] if further else "")

    async def wait(self, subscriber: PollSubscriber, bell: Wakeup, rng: random.Random) -> None:
        """Poll one job for ever, as the engine does: the first time half a second after it began.

        A ring offers news, a nudge asks for a poll at once.
        """
        time = asyncio.get_running_loop().time
        pause = 0.5
        while True:
            start = time()
            due = start + pause * rng.uniform(0.9, 1)
            subscriber.expects(start, due)
            await bell.wait(due - time(), subscriber.more)
            if bell.is_nudged or subscriber.news() is None:
                self.latest = max(self.latest, time() - due)
                bell.is_nudged = False
                name = subscriber.operation.id
                self.alone[name] = self.alone.get(name, 0) + 1
                await asyncio.sleep(LATENCY)
                if self.ends.get(name, math.inf) <= time() - LATENCY / 2:
                    self.noticed.append(time() - self.ends[name])
                    return

            pause = PAUSE

    def cost(self) -> int:
        """Return how many requests were made since the last time that this was asked."""
        made, self.pages = self.pages + sum(self.alone.values()), 0
        self.alone.clear()
        return made


def played(
    account: Account, ids: Sequence[str], *stages: tuple[float, Callable[[], object]]
) -> None:
    """Wait for jobs, and do something after so many seconds each."""

    async def play() -> None:
        clock = asyncio.get_running_loop().time
        adapter: Any = account
        group = SharedPolls(adapter, None, Together(account.together_most), clock)
        rng, tasks = random.Random(16), []

        async def waited(subscriber: PollSubscriber, bell: Wakeup) -> None:
            await account.wait(subscriber, bell, rng)
            subscriber.has_ended = True
            group.leave(subscriber)

        for one in ids:
            bell = Wakeup()
            operation = Operation("list", "m", "video", one, "2026-11-30T00:00:00+00:00")
            subscriber = PollSubscriber(group, operation, bell)
            if account.shares:
                group.join(subscriber)

            tasks.append(asyncio.create_task(waited(subscriber, bell)))

        for seconds, act in stages:
            await asyncio.sleep(seconds)
            act()

        for task in tasks:
            task.cancel()

        await asyncio.gather(*tasks, return_exceptions=True)

    on_virtual_time(play())


def names(count: int, of: str = "job") -> list[str]:
    return [f"{of}-{number}" for number in range(count)]


@pytest.mark.parametrize(("jobs", "size"), [(300, 20), (1000, 100)])
def test_a_burst_costs_a_page_for_each_page_of_jobs(jobs: int, size: int) -> None:
    """Of a thousand jobs that one second brought, none is polled by itself for that.

    In the first round only, where nobody knows any page: who would wait for long polls alone.
    """
    account = Account(names(jobs), size)
    costs: list[int] = []
    stages = [(PAUSE, lambda: costs.append(account.cost()))] * 4
    played(account, account.listed, *stages)
    assert costs[0] <= jobs
    assert max(costs[1:]) <= max(0.1 * jobs, 4 * jobs / size)
    assert account.latest <= PAUSE / 2


def test_the_jobs_of_others_between_ours_cost_no_poll_of_each() -> None:
    """Eight processes with one account: of each page an eighth is ours."""
    account = Account(names(1000))
    costs: list[int] = []
    stages = [(PAUSE, lambda: costs.append(account.cost()))] * 6
    played(account, account.listed[::8], *stages)
    assert max(costs[1:]) <= 0.3 * 125


def test_a_list_full_of_others_is_not_read_to_its_end() -> None:
    account = Account([*names(5000, "theirs"), *names(20)])
    played(account, names(20), (10 * PAUSE, lambda: None))
    assert account.pages <= 3 * (MOST_LACKED + 1)


def test_jobs_that_new_ones_push_to_further_pages_are_found_there() -> None:
    account = Account(names(300))
    costs: list[int] = []

    def push() -> None:
        account.listed = [*names(40, f"new-{len(costs)}"), *account.listed]
        costs.append(account.cost())

    played(account, names(300), *[(PAUSE, push)] * 10)
    assert max(costs[1:]) <= 0.15 * 300


def test_jobs_that_the_list_lacks_are_polled_by_themselves_and_harm_no_other() -> None:
    account = Account(names(200))
    unlisted = names(50, "unlisted")
    alone: list[dict[str, int]] = []

    def note() -> None:
        alone.append(dict(account.alone))
        account.cost()

    stages = [(4 * PAUSE, account.cost), (6 * PAUSE, note)]
    played(account, [*account.listed, *unlisted], *stages)
    assert all(alone[0][one] >= 5 for one in unlisted)
    assert sum(alone[0].get(one, 0) for one in account.listed) <= 0.1 * 6 * 200


def test_a_server_that_repeats_its_first_page_is_not_asked_for_ever() -> None:
    account = Account(names(400), follows=False)
    alone: list[dict[str, int]] = []
    pages: list[int] = []

    def begun() -> None:
        pages.append(account.pages)
        account.cost()

    stages = [
        (4 * PAUSE, begun),
        (4 * PAUSE, lambda: alone.append(dict(account.alone))),
    ]
    played(account, account.listed, *stages)
    assert pages[0] <= 4 * 4
    assert account.pages <= 4 * 4
    assert sum(alone[0].get(one, 0) for one in names(100)) <= 0.1 * 4 * 100  # those that it shows


def test_a_list_that_stands_still_hides_no_end() -> None:
    """The first of its jobs whose own poll says otherwise tells it to all."""
    account = Account(names(100), moves=False)
    account.ends = dict.fromkeys(account.listed, 2 * PAUSE)
    played(account, account.listed, (30 * PAUSE, account.cost))
    assert len(account.noticed) == 100
    assert max(account.noticed) <= (ALONE_EVERY // 2 + 2) * PAUSE


def test_a_list_that_lags_by_seconds_is_read_on() -> None:
    """As where its machines agree late: an end is noticed, and nobody is polled alone for that."""
    account = Account(names(100), lags=LAG_SECONDS - 1)
    rng = random.Random(5)
    account.ends = {one: rng.uniform(2 * PAUSE, 20 * PAUSE) for one in account.listed}
    played(account, account.listed, (25 * PAUSE, lambda: None))
    assert len(account.noticed) == 100
    assert sum(account.alone.values()) <= 3 * 100


def test_what_a_page_says_has_ended_is_polled_by_itself() -> None:
    account = Account(names(100))
    done = names(30)

    def end() -> None:
        account.alone.clear()
        account.status = dict.fromkeys(done, "completed")

    played(account, account.listed, (2 * PAUSE, end), (PAUSE, lambda: None))
    assert account.alone.keys() >= set(done)


@pytest.mark.parametrize("size", [20, 100])
def test_shared_polls_notice_ends_as_soon_as_polls_alone(size: int) -> None:
    """But for the one request that tells: what has ended is polled by itself after it."""
    noticed: dict[bool, list[float]] = {}
    for shares in (True, False):
        account = Account(names(300), size, shares=shares)
        rng = random.Random(7)
        account.ends = {one: rng.uniform(2 * PAUSE, 10 * PAUSE) for one in account.listed}
        played(account, account.listed, (13 * PAUSE, lambda: None))
        assert len(account.noticed) == 300
        noticed[shares] = account.noticed

    together, alone = noticed[True], noticed[False]
    assert sum(together) <= sum(alone) + len(alone) * LATENCY
    assert max(together) <= max(alone) + LATENCY


def test_nobody_waits_long_for_a_list_that_does_not_answer() -> None:
    """A poll of its own is made within half a pause, and then nobody asks the list for minutes."""
    account = Account(names(20), latency=3600)
    played(account, account.listed, (20 * PAUSE, lambda: None))
    assert account.latest <= PAUSE / 2
    assert account.pages <= 3
    assert min(account.alone[one] for one in account.listed) >= 15


def test_a_list_that_has_gone_silent_is_asked_ever_more_seldom() -> None:
    account = Account(names(20))

    def fall_silent() -> None:
        account.latency = 3600
        account.cost()

    played(account, account.listed, (3 * PAUSE, fall_silent), (450 * PAUSE, lambda: None))
    assert account.latest <= PAGE_SECONDS
    assert account.pages <= 10  # within an hour


def test_jobs_that_are_named_share_requests_however_many_there_are() -> None:
    account = Account([], together_most=20)
    costs: list[int] = []
    stages = [(PAUSE, lambda: costs.append(account.cost()))] * 5
    played(account, names(400), *stages)
    assert max(costs[1:]) <= 0.08 * 400


async def test_jobs_that_are_all_due_at_once_are_named_together() -> None:
    """As where a burst was submitted, or a busy process comes to all of them too late."""
    account = Account([], together_most=20, latency=0)
    adapter: Any = account
    clock = asyncio.get_running_loop().time
    group = SharedPolls(adapter, None, Together(20), clock)
    subscribers, waits = [], []
    for one in names(100):
        operation = Operation("list", "m", "video", one, "2026-11-30T00:00:00+00:00")
        bell = Wakeup()
        subscribers.append(PollSubscriber(group, operation, bell))
        group.join(subscribers[-1])
        subscribers[-1].expects(clock() - 2, clock() - 1)
        waits.append(bell.wait(0, subscribers[-1].more))

    assert all(await asyncio.gather(*waits))
    assert None not in [one.news() for one in subscribers]
    assert account.pages == 5
