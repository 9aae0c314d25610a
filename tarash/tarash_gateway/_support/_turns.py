"""Lets calls that begin in the same moment begin a few at a time, so that the event loop goes on.

To prepare a call takes some tenths of a millisecond. A thousand that all begin at once would hold
the loop up for most of a second, and none of their submits would leave before the last was ready.
"""

from __future__ import annotations

import asyncio
from collections import deque

from anyio.lowlevel import RunVar

AT_ONCE = 16
"""So many begin before the event loop sees to its connections again."""


class _Turns:
    """Who begins next on one event loop."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Return when it is the caller's turn: at once, unless many begin in this moment."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            loop.call_soon(self._go_on)

        if self._taken < AT_ONCE:
            self._taken += 1
            return

        mine = loop.create_future()
        self._waiting.append(mine)
        await mine

    def _go_on(self) -> None:
        """Let the next ones begin; called once in each round of the loop while there are any."""
        self._taken = 0
        while self._waiting and self._taken < AT_ONCE:
            following = self._waiting.popleft()
            if not following.done():  # else it was cancelled meanwhile
                following.set_result(None)
                self._taken += 1

        if self._taken:
            asyncio.get_running_loop().call_soon(self._go_on)


_turns: RunVar[_Turns] = RunVar("_turns")


async def turn() -> None:
    """Wait for the turn to begin a call on the running loop; in the order of asking."""
    try:
        turns = _turns.get()
    except LookupError:
        turns = _Turns()
        _turns.set(turns)

    await turns.take()
