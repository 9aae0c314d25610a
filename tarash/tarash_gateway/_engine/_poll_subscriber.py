"""One wait among those of its account, which requests for many jobs are shared by.

News that change nothing wake nobody: they put the next poll off, and that is all. Whatever else is
heard, and silence, ends the wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .._data._exchange import Operation, Snapshot
    from ._shared_polls import SharedPolls

EARLY = 0.5
"""A poll may be made so much of its pause too early, so that it is made with others."""
SOON = 1.0
"""Seconds; or it waits so long for pages that are read before its own, and is made then."""
PUNCTUAL = 0.001
"""Seconds; a poll that is due in less is due."""
ALONE_EVERY = 24
"""Of so many polls of a job one is its own, in case that a list does not move on: the first to find
that out tells it to all. The jobs of a burst make them one after the other."""
PAGE_SECONDS = 10.0
"""A page that takes longer has failed."""
RUNNING = frozenset({"queued", "processing"})


class Wakeable(Protocol):
    """What a wait is woken by."""

    @property
    def is_waiting(self) -> bool: ...
    def ring(self) -> None: ...
    def nudge(self) -> None: ...
    def expire(self) -> None: ...
    def move(self, at: float) -> None: ...


PassOver = Callable[["Snapshot", float], bool]
"""Takes note of news that a wait need not be woken for, and of when they were asked for; then says
when the next poll is due (`PollSubscriber.expects`). False where it has to be woken."""


def _never(snapshot: Snapshot, asked_at: float) -> bool:
    del snapshot, asked_at
    return False


class PollSubscriber:
    """One wait among those of its account."""

    __slots__ = (
        "_asks_until",
        "_bell",
        "_group",
        "_next_alone",
        "_pass_over",
        "due",
        "has_ended",
        "is_alone",
        "is_asked_for",
        "lacked",
        "offered",
        "operation",
        "pause",
        "place",
        "polls",
    )

    def __init__(
        self,
        group: SharedPolls,
        operation: Operation,
        bell: Wakeable,
        pass_over: PassOver = _never,
    ) -> None:
        self.operation = operation
        self.offered: Snapshot | None = None
        """What a request of others has said that the wait was woken for."""
        self.place: str | None = None
        """The page of the list that had the job; None for none yet."""
        self.is_asked_for = False
        """Whether a request is on its way that may answer for it."""
        self.is_alone = False
        """Whether a poll of its own is."""
        self.has_ended = False
        """Whether such a poll has said that the job has."""
        self.due, self.pause = math.inf, 0.0
        self.lacked = self.polls = 0
        self._next_alone = group.first_alone
        self._group = group
        self._bell = bell
        self._pass_over = pass_over
        self._asks_until = -math.inf
        """Until when it waits for such a request, with its poll due."""

    @property
    def shares(self) -> bool:
        """Whether its polls are shared, as far as anybody knows before."""
        return self.place is not None and self._group.shares

    def expects(self, start: float, until: float) -> None:
        """Note when the next poll is due."""
        self.due, self.pause = until, until - start
        self.is_alone, self.offered = False, None
        self._asks_until = -math.inf

    def more(self) -> float:
        """Return for how many seconds the wait goes on whose time is up.

        Nothing where the job is to be polled by itself; infinity where a request that answers for
        it is on its way, whose end ends the wait at the latest.
        """
        now = self._group.clock()
        until = max(self.due, self._asks_until)
        if until - now > PUNCTUAL:
            return until - now

        if self._is_asking:
            self._asks_until = -math.inf
            return 0.0

        self.polls += 1
        if self._is_own_turn(self.polls):
            self._next_alone += ALONE_EVERY
            return 0.0

        if not self._group.asks(self):
            return 0.0

        is_next = self._group.names_jobs or self.place is not None
        self._asks_until = math.inf if is_next else now + max(SOON, EARLY * self.pause)
        return self._asks_until - now

    def news(self) -> Snapshot | None:
        """Return what the wait was woken for; None where the job needs its own poll."""
        snapshot, self.offered = self.offered, None
        self.is_alone = snapshot is None
        return snapshot

    def hear(self, snapshot: Snapshot, asked_at: float) -> None:
        """Take what a request says of the job.

        Args:
            snapshot: What it says.
            asked_at: When it left.
        """
        self.lacked = 0
        if snapshot.status not in RUNNING:
            # Its own poll says it: at once.
            self._bell.expire() if self._is_asking else self._bell.nudge()
        elif self._bell.is_waiting:
            self._pass_on(snapshot, asked_at)

    def _pass_on(self, snapshot: Snapshot, asked_at: float) -> None:
        now = self._group.clock()
        if not self._is_asking:
            if self.due - now > EARLY * self.pause or self._is_own_turn(self.polls + 1):
                return

            self.polls += 1

        if self._pass_over(snapshot, asked_at):
            self._bell.move(self.due)
        else:
            self.offered = snapshot
            self._bell.ring()

    @property
    def _is_asking(self) -> bool:
        return self._asks_until > -math.inf

    def _is_own_turn(self, polls: int) -> bool:
        return polls >= self._next_alone and not self._group.names_jobs

    def goes_without(self, *, lacks: bool) -> None:
        """Wait no more for a request that says nothing of the job.

        Args:
            lacks: Whether it should have.
        """
        self.is_asked_for = False
        self.lacked += lacks
        if not lacks:
            self.place = None

        if self._is_asking:
            self._bell.expire()
