"""One request for many jobs: the waits of one account share what it says of those that still run.

It is no verdict: what it says has ended is polled by itself. So is what it lacks, and every job now
and then; where it fails, everybody polls as if it was not there. A list is read page by page, and
from then on each page for the jobs that were on it, wherever in a burst they were made.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._support._logging import event
from ..exceptions import TarashException
from ._poll_subscriber import (
    ALONE_EVERY,
    EARLY,
    PAGE_SECONDS,
    RUNNING,
    PassOver,
    PollSubscriber,
    Wakeable,
)

if TYPE_CHECKING:
    from .._data._exchange import Operation, Snapshot, Together
    from ..providers._contract import Adapter, SharingAdapter

SHARED_FROM = 8
"""Fewer jobs are polled each by itself."""
OFF_SECONDS, LONGEST_OFF = 60.0, 3600.0
"""After a request that failed, everybody polls alone for so long; each time twice as long, up to
the second."""
MOST_LACKED = 2
"""A job that is missing so often in a row is not in the list."""
LAG_SECONDS = 5.0
"""A list that still calls a job running so long after its own poll has said that it has ended does
not move on: its jobs are polled alone, as after a request that failed."""
MOST_ENDED = 128
"""So many jobs that have ended are remembered for that; those before them are on no page that
matters."""
LEAST_PAGES = 3
"""So many pages of a list are read for jobs that none of them has; more, where each has had
`SHARED_FROM` of ours."""


class _StandsStillError(Exception):
    """The list does not move on."""


class SharedPolls:
    """The waits of one account, as far as one request can answer for them. Of one event loop."""

    def __init__(
        self, adapter: Adapter, client: Any, together: Together, clock: Callable[[], float]
    ) -> None:
        self._adapter = cast("SharingAdapter", adapter)
        self._client = client
        self._together = together
        self.clock = clock
        self._subscribers: dict[PollSubscriber, None] = {}
        self._of_job: dict[str, list[PollSubscriber]] = {}
        self._ended: dict[str, float] = {}
        self._context = copy_context()
        self._readings: set[asyncio.Task[None]] = set()
        self._off_until = self._next_at = -math.inf
        self._off = OFF_SECONDS

    @property
    def names_jobs(self) -> bool:
        """Whether a request names the jobs that it is for, as a poll of one does."""
        return self._together.most > 0

    @property
    def shares(self) -> bool:
        """Whether there are jobs enough, and no request has failed of late."""
        return len(self._subscribers) >= SHARED_FROM and self.clock() >= self._off_until

    @property
    def first_alone(self) -> int:
        """Which poll of a new wait is its own, so that those of a burst are spread."""
        return ALONE_EVERY // 2 + len(self._subscribers) % ALONE_EVERY

    def asks(self, subscriber: PollSubscriber) -> bool:
        """Tell whether a request is on its way that may say where a job stands."""
        if not subscriber.is_asked_for:
            self._begin(subscriber)

        return subscriber.is_asked_for

    def _begin(self, subscriber: PollSubscriber) -> None:
        now = self.clock()
        is_late = self._next_at - now > EARLY * subscriber.pause
        if subscriber.lacked >= MOST_LACKED or is_late or not self.shares:
            return

        free = [
            one for one in self._subscribers if one.lacked < MOST_LACKED and not one.is_asked_for
        ]
        asked, place = self._by_id(subscriber, free) if self.names_jobs else _on(subscriber, free)
        if not asked[1:]:
            return

        for one in asked:
            one.is_asked_for = True

        # Not in that of whoever asks: an alarm, or a job that may end meanwhile.
        context = self._context.copy()
        reading = asyncio.create_task(self._read(asked, place), context=context)
        self._readings.add(reading)
        reading.add_done_callback(self._readings.discard)

    def _by_id(
        self, subscriber: PollSubscriber, free: Iterable[PollSubscriber]
    ) -> tuple[Sequence[PollSubscriber], str]:
        waiting = (one for one in free if one is not subscriber and not one.is_alone)
        others = sorted(waiting, key=lambda one: one.due)
        return [subscriber, *others[: self._together.most - 1]], ""

    async def _read(self, subscribers: Sequence[PollSubscriber], place: str) -> None:
        """Ask for jobs, as many pages of a list as it takes and is worth while."""
        asked = dict.fromkeys(subscribers)
        answered, pages, seen = False, 0, set[str]()
        try:
            while asked and (pages < LEAST_PAGES or len(seen) >= SHARED_FROM * pages):
                await self._turn_to_ask()
                asked_at = self.clock()
                snapshots, place_after = await self._page([one.operation for one in asked], place)
                ours = {snapshot for snapshot in snapshots if snapshot in self._of_job}
                self._deliver(snapshots, place, asked, asked_at)
                pages += 1
                if not place_after or (ours and ours <= seen):
                    break  # the end, or what begins anew

                place, seen = place_after, seen | ours

            answered, self._off = True, OFF_SECONDS
        except Exception as error:  # noqa: BLE001  (whatever it is, each job is polled by itself)
            pause = error.retry_after if isinstance(error, TarashException) else None
            self._off_until = self.clock() + max(self._off, pause or 0)
            self._off = min(2 * self._off, LONGEST_OFF)
            event(logging.DEBUG, "shared_poll_failed", error=f"{type(error).__name__}: {error}")
        finally:
            for one in asked:
                one.goes_without(lacks=answered)

    async def _turn_to_ask(self) -> None:
        now = self.clock()
        at = max(now, self._next_at)
        self._next_at = at + self._together.apart
        if at > now:
            await asyncio.sleep(at - now)

    async def _page(
        self, operations: Sequence[Operation], place: str
    ) -> tuple[Mapping[str, Snapshot], str]:
        with anyio.fail_after(PAGE_SECONDS):
            page = await self._adapter.poll_many(self._client, operations, place)

        return page.found, page.further

    def _deliver(
        self,
        snapshots: Mapping[str, Snapshot],
        place: str,
        asked: dict[PollSubscriber, None],
        asked_at: float,
    ) -> None:
        """Pass on what a page says, to all whose jobs are on it.

        Raises:
            _StandsStillError: It calls a job running that ended long before.
        """
        for job_id in self._ended.keys() & snapshots.keys():
            is_late = asked_at - self._ended[job_id] > LAG_SECONDS
            if is_late and snapshots[job_id].status in RUNNING:
                raise _StandsStillError(f"the list calls {job_id} running, which has ended")

        for job_id, snapshot in snapshots.items():
            for one in self._of_job.get(job_id, ()):
                one.place = place
                one.is_asked_for = one.is_asked_for and one not in asked
                one.hear(snapshot, asked_at)
                asked.pop(one, None)  # not before: one that fails to hear is polled by itself

    def join(self, subscriber: PollSubscriber) -> None:
        """Take a wait in."""
        self._subscribers[subscriber] = None
        self._of_job.setdefault(subscriber.operation.id, []).append(subscriber)

    def leave(self, subscriber: PollSubscriber) -> bool:
        """Let go of a wait; return whether it was the last."""
        self._subscribers.pop(subscriber, None)
        if subscriber.has_ended:
            self._ended[subscriber.operation.id] = self.clock()
            if len(self._ended) > MOST_ENDED:
                del self._ended[next(iter(self._ended))]

        same = self._of_job.get(subscriber.operation.id, [])
        if subscriber in same:
            same.remove(subscriber)

        if not same:
            self._of_job.pop(subscriber.operation.id, None)

        if self._subscribers:
            return False

        for reading in self._readings:
            reading.cancel()

        return True


def _on(
    subscriber: PollSubscriber, free: Sequence[PollSubscriber]
) -> tuple[Sequence[PollSubscriber], str]:
    """Return for whom a page of a list is read, and which: a job's own, or the first."""
    if subscriber.place is not None:
        beside = [one for one in free if one.place == subscriber.place]
        if len(beside) > 1:
            return beside, subscriber.place

    # Those that are on no page yet, or alone on what was one.
    sharing = Counter(one.place for one in free)
    unplaced = [one for one in free if one.place is None or sharing[one.place] == 1]
    return (unplaced if len(unplaced) >= SHARED_FROM else ()), ""


def joined(  # noqa: PLR0913, PLR0917  (called in one place, with what that place has)
    groups: dict[Hashable, SharedPolls],
    adapter: Adapter,
    client: Any,
    operation: Operation,
    bell: Wakeable,
    pass_over: PassOver,
) -> AbstractContextManager[PollSubscriber | None]:
    """Wait for a job among the others of its account, where its provider answers for several.

    Args:
        groups: Those of the running loop.
        adapter: The provider's.
        client: The account's.
        operation: The job.
        bell: Ends a pause of the wait.
        pass_over: Takes the news that it need not be ended for.
    """
    together = None
    if "poll_many" in adapter.abilities:
        together = cast("SharingAdapter", adapter).together(operation)

    if together is None:
        return _ALONE

    key = (id(client), together)
    group = groups.get(key)
    if group is None:
        clock = asyncio.get_running_loop().time
        group = groups[key] = SharedPolls(adapter, client, together, clock)

    return _among(groups, key, PollSubscriber(group, operation, bell, pass_over), group)


_ALONE: AbstractContextManager[None] = nullcontext()
"""The same for thousands of jobs that wait."""


@contextmanager
def _among(
    groups: dict[Hashable, SharedPolls],
    key: Hashable,
    subscriber: PollSubscriber,
    group: SharedPolls,
) -> Iterator[PollSubscriber]:
    group.join(subscriber)
    try:
        yield subscriber
    finally:
        if group.leave(subscriber):
            groups.pop(key, None)
