"""One request for many jobs: the waits of one account share what it says of those that still run.

It is no verdict: what it says has ended is polled by itself. So is what it lacks, and every job now
and then; where it fails, everybody polls as if it was not there.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, cast

import anyio

from .._support._logging import event
from ..exceptions import TarashException
from ._limits import POLL_SECONDS

if TYPE_CHECKING:
    from .._data._exchange import Operation, Snapshot, Together
    from ..providers._contract import Adapter, SharingAdapter

SHARED_FROM = 8
"""Fewer jobs are polled each by itself."""
EARLY = 0.5
"""A poll may be made so much of its pause too early, so that it is made with others."""
ALONE_EVERY = 24
"""Of so many polls of a job one is its own, in case that a list does not move on."""
OFF_SECONDS = 60.0
"""After a request that failed, everybody polls alone for so long."""
MOST_LACKED = 2
"""A job that is missing so often in a row is not in the list."""
RUNNING = frozenset({"queued", "processing"})


class Wakeable(Protocol):
    """What a wait is woken by."""

    def ring(self) -> None: ...
    def nudge(self) -> None: ...


class Member:
    """One wait among those of its account."""

    __slots__ = (
        "_bell",
        "_group",
        "due",
        "is_asking",
        "lacked",
        "offered",
        "operation",
        "pause",
        "polls",
    )

    def __init__(self, group: SharedPolls, operation: Operation, bell: Wakeable) -> None:
        self.operation = operation
        self.offered: Snapshot | None = None
        """What a request of others has said, in time for the next poll."""
        self.due, self.pause = math.inf, 0.0
        self.lacked = self.polls = 0
        self.is_asking = False
        self._group = group
        self._bell = bell

    def expects(self, start: float, until: float) -> None:
        """Note when the next poll is due."""
        self.due, self.pause = until, until - start

    async def news(self) -> Snapshot | None:
        """Return what is said of the job together with others; None where it needs its own poll."""
        offered, self.offered = self.offered, None
        self.polls += 1
        if self.polls % ALONE_EVERY == 0:
            return None

        self.is_asking = True
        try:
            return offered or await self._group.ask(self)
        finally:
            self.is_asking = False

    def hear(self, said: Snapshot | None, now: float) -> None:
        """Take what a request that others made says of the job."""
        if said is None:
            self.lacked += 1
            return

        self.lacked = 0
        if self.is_asking:
            return

        if said.status not in RUNNING:
            self._bell.nudge()
        elif self.due - now <= EARLY * self.pause:
            self.offered = said
            self._bell.ring()


class SharedPolls:
    """The waits of one account, as far as one request can answer for them. Of one event loop."""

    def __init__(
        self, adapter: Adapter, client: Any, together: Together, clock: Callable[[], float]
    ) -> None:
        self._adapter = cast("SharingAdapter", adapter)
        self._client = client
        self._together = together
        self._clock = clock
        self.members: dict[int, Member] = {}
        self._flights: dict[int, asyncio.Task[Mapping[str, Snapshot]]] = {}
        self._off_until = -math.inf
        self._asked_at = -math.inf

    async def ask(self, member: Member) -> Snapshot | None:
        """Return what a request for several jobs says of one that still runs, else None."""
        flight = self._flights.get(id(member))
        if flight is None:
            flight = self._begun(member)
            if flight is None:
                return None

        await asyncio.wait([flight])  # which goes on for the others, whatever becomes of this one
        snapshots = {} if flight.cancelled() else flight.result()
        snapshot = snapshots.get(member.operation.id)
        return snapshot if snapshot is not None and snapshot.status in RUNNING else None

    def _begun(self, member: Member) -> asyncio.Task[Mapping[str, Snapshot]] | None:
        now = self._clock()
        few = len(self.members) < SHARED_FROM or member.lacked >= MOST_LACKED
        if few or now < self._off_until or now < self._asked_at + self._together.apart:
            return None

        block, after = self._block(member)
        if len(block) == 1:
            return None

        self._asked_at = now
        flight = asyncio.create_task(self._request(block, after))
        for one in block:
            self._flights[id(one)] = flight

        return flight

    def _block(self, member: Member) -> tuple[list[Member], Operation | None]:
        """Return the waits that a request is for, and the job just newer than all of these."""
        free = [
            one
            for one in self.members.values()
            if one.lacked < MOST_LACKED and id(one) not in self._flights
        ]
        most = self._together.most
        if self._together.by_id:
            others = sorted((one for one in free if one is not member), key=lambda one: one.due)
            return [member, *others[: most - 1]], None

        free.sort(key=lambda one: one.operation.submitted_at, reverse=True)
        place = free.index(member) // most * most
        return free[place : place + most], free[place - 1].operation if place else None

    async def _request(
        self, block: list[Member], after: Operation | None
    ) -> Mapping[str, Snapshot]:
        try:
            with anyio.fail_after(POLL_SECONDS):
                snapshots = await self._adapter.poll_many(
                    self._client, [one.operation for one in block], after
                )
        except Exception as error:  # noqa: BLE001  (whatever it is, each job is polled by itself)
            pause = error.retry_after if isinstance(error, TarashException) else None
            self._off_until = self._clock() + max(OFF_SECONDS, pause or 0)
            event(logging.DEBUG, "shared_poll_failed", error=f"{type(error).__name__}: {error}")
            return {}
        finally:
            for one in block:
                self._flights.pop(id(one), None)

        now = self._clock()
        for one in block:
            one.hear(snapshots.get(one.operation.id), now)

        return snapshots

    def leave(self, member: Member) -> bool:
        """Let go of a wait; return whether it was the last."""
        self.members.pop(id(member), None)
        if self.members:
            return False

        for flight in set(self._flights.values()):
            flight.cancel()

        return True


def joined(
    groups: dict[Hashable, SharedPolls],
    adapter: Adapter,
    client: Any,
    operation: Operation,
    bell: Wakeable,
) -> AbstractContextManager[Member | None]:
    """Wait for a job among the others of its account, where its provider answers for several.

    Args:
        groups: Those of the running loop.
        adapter: The provider's.
        client: The account's.
        operation: The job.
        bell: Ends a pause of the wait.
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

    return _among(groups, key, group, operation, bell)


_ALONE: AbstractContextManager[None] = nullcontext()
"""The same for thousands of jobs that wait."""


@contextmanager
def _among(
    groups: dict[Hashable, SharedPolls],
    key: Hashable,
    group: SharedPolls,
    operation: Operation,
    bell: Wakeable,
) -> Iterator[Member]:
    member = Member(group, operation, bell)
    group.members[id(member)] = member
    try:
        yield member
    finally:
        if group.leave(member):
            groups.pop(key, None)
