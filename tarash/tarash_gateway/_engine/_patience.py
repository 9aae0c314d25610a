"""How long one poll may take: longer where its answer is the paid result, whose bytes flow.

A job that is done is not thrown away by the clock. So while a finished medium is read, the poll's
own limit is off, and, where its server says how large it is, the attempt's deadline too, for a
bounded time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio

from .._http._send_state import current_patience
from ._limits import FETCH_SECONDS, POLL_SECONDS

if TYPE_CHECKING:
    from ._attempt import Attempt


class _Patience:
    """The limits around one poll."""

    def __init__(self, attempt: Attempt, poll: anyio.CancelScope) -> None:
        self._attempt = attempt
        self._poll = poll
        self._moved: list[tuple[anyio.CancelScope, float]] = []

    def media_begin(self, *, sized: bool) -> None:
        """Read on for as long as the bytes flow."""
        attempt, now = self._attempt, anyio.current_time()
        if attempt.fetch_until is None:
            attempt.fetch_until = now + FETCH_SECONDS

        # Once for all polls of an attempt, so that nobody can string us along.
        for scope in (self._poll, *(attempt.limits if sized else ())):
            if scope.deadline < attempt.fetch_until:
                self._moved.append((scope, scope.deadline))
                scope.deadline = attempt.fetch_until

    def end(self) -> None:
        """Put the limits back where they were."""
        while self._moved:
            scope, deadline = self._moved.pop()
            scope.deadline = deadline


@contextmanager
def patient(attempt: Attempt) -> Iterator[None]:
    """Limit one poll.

    Raises:
        TimeoutError: It took too long.
    """
    with anyio.fail_after(POLL_SECONDS) as poll:
        patience = _Patience(attempt, poll)
        token = current_patience.set(patience)
        try:
            yield
        finally:
            current_patience.reset(token)
            patience.end()


@contextmanager
def limited_by(attempt: Attempt, scope: anyio.CancelScope) -> Iterator[None]:
    """Let the reading of a finished medium put off this limit."""
    attempt.limits.append(scope)
    try:
        yield
    finally:
        attempt.limits.remove(scope)
