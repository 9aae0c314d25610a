"""How long one poll may take: longer where its answer is the paid result, whose bytes flow.

A job that is done is not thrown away by the clock. So while a finished medium is read, the poll's
own limit is off, and, where its server says how large it is, the attempt's deadline too: for a
bounded time, in which it can be expected to come. What came is kept for the next poll.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio

from .._data._events import Polled
from .._http._send_state import current_patience
from ._timeouts import FETCH_SECONDS, POLL_SECONDS, SLOW_START_SECONDS

if TYPE_CHECKING:
    from ._attempt import Attempt


class _Patience:
    """The limits around one poll."""

    def __init__(self, attempt: Attempt, poll: anyio.CancelScope) -> None:
        self.parts = attempt.parts
        self._attempt = attempt
        self._poll = poll
        self._moved: list[tuple[anyio.CancelScope, float]] = []
        self._since = 0.0
        self.is_done = False
        """Whether this poll has found the job done."""

    def job_is_done(self) -> None:
        """Take note of it, whatever the rest of the poll comes to."""
        self.is_done = True
        status = self._attempt.status or "queued"  # which the end of the poll will say
        self._attempt.take(Polled(status=status, result_ready=True))

    def media_begin(self, *, sized: bool) -> None:
        """Read on for as long as the bytes flow."""
        attempt, now = self._attempt, anyio.current_time()
        self._since = now
        if attempt.fetch_until is None:
            attempt.fetch_until = now + FETCH_SECONDS

        # A poll that brings a result ends with its attempt; silence ends it sooner.
        self._move(self._poll, math.inf)
        # Once for all polls of an attempt, so that nobody can string us along.
        for scope in attempt.limits if sized else ():
            self._move(scope, attempt.fetch_until)

    def media_flows(self, came: int, due: int) -> None:
        """Hold to the deadline after all where it flows too slowly to end in the time there is."""
        until, now = self._attempt.fetch_until, anyio.current_time()
        if until is None or now - self._since < SLOW_START_SECONDS:
            return

        rate = came / (now - self._since)
        if (due - came) > rate * (until - now):
            self._end_of(lambda scope: scope is not self._poll)

    def _move(self, scope: anyio.CancelScope, deadline: float) -> None:
        if scope.deadline < deadline:
            self._moved.append((scope, scope.deadline))
            scope.deadline = deadline

    def end(self) -> None:
        """Put the limits back where they were."""
        self._end_of(lambda _scope: True)

    def _end_of(self, is_meant: Callable[[anyio.CancelScope], bool]) -> None:
        for moved in reversed(self._moved):
            scope, deadline = moved
            if is_meant(scope):
                scope.deadline = deadline

        self._moved = [one for one in self._moved if not is_meant(one[0])]


@contextmanager
def patient(attempt: Attempt) -> Iterator[_Patience]:
    """Limit one poll; yield what it tells meanwhile.

    Raises:
        TimeoutError: It took too long.
    """
    # Not by `fail_after`, whose generators take a twentieth of the time of a poll.
    with anyio.CancelScope(deadline=anyio.current_time() + POLL_SECONDS) as poll:
        patience = _Patience(attempt, poll)
        token = current_patience.set(patience)
        try:
            yield patience
        finally:
            current_patience.reset(token)
            patience.end()

    if poll.cancelled_caught and anyio.current_time() >= poll.deadline:
        raise TimeoutError


@contextmanager
def limited_by(attempt: Attempt, scope: anyio.CancelScope) -> Iterator[None]:
    """Let the reading of a finished medium put off this limit."""
    attempt.limits.append(scope)
    try:
        yield
    finally:
        attempt.limits.remove(scope)
