"""Writes of one event loop that share a transaction; each returns when it is durable.

Whoever writes alone waits for nobody. Where many write at once, what comes while others are under
way is written together by the next: a disk, or a database, is asked once for all of them.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
from anyio.lowlevel import RunVar

if TYPE_CHECKING:
    from .._data._types import JsonObject
    from ._record_types import JobRecord

Item = TypeVar("Item")
Result = TypeVar("Result")
Found = TypeVar("Found")
Write = Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]]

LARGEST = 64
"""Items of one transaction at most: it holds what others may wait for."""


@dataclass(frozen=True, slots=True, eq=False)
class Enqueued:
    """A new job that nobody holds, and its task."""

    job: JobRecord
    media: Mapping[str, bytes]
    """Bytes of its request, by their SHA-256."""
    space: str
    """Where its task is a state, by the job's id."""
    task: JsonObject


def alone(write: Callable[[Enqueued], Found], enqueued: Enqueued) -> Found | Exception:
    """Write one that came with others; return what it raises."""
    try:
        return write(enqueued)
    except Exception as error:  # noqa: BLE001  (raised by whoever waits for it)
        return error


class WriteBatcher(Generic[Item, Result]):
    """Writes of one kind to one ledger; a part of it."""

    def __init__(self, name: str, write: Write[Item, Result], at_once: int) -> None:
        """Begin.

        Args:
            name: The ledger's.
            write: Writes some in one transaction; returns, or raises for all, what came of each.
            at_once: Transactions of an event loop that may be under way at a time.
        """
        self._write = write
        self._at_once = at_once
        self._lines: RunVar[_Line[Item, Result]] = RunVar(f"together {name}")

    async def write(self, item: Item) -> Result:
        """Write one, maybe with others; once it was begun it is waited for, cancelled or not."""
        line = self._line()
        place: _Place[Item, Result] = (item, asyncio.get_running_loop().create_future())
        line.waiting.append(place)
        if line.under_way < self._at_once:
            line.under_way += 1
            # Of none of those who wait, so that none's end is the others'.
            task = asyncio.create_task(self._work(line), context=Context())
            line.tasks.add(task)
            task.add_done_callback(line.tasks.discard)

        try:
            await asyncio.wait([place[1]])
        except asyncio.CancelledError:
            if place in line.waiting:
                line.waiting.remove(place)
                raise

            with anyio.CancelScope(shield=True):
                await asyncio.wait([place[1]])

            raise

        return place[1].result()

    async def _work(self, line: _Line[Item, Result]) -> None:
        """Write what waits, so many at a time, until nothing does."""
        try:
            while line.waiting:
                places = [line.waiting.popleft() for _ in range(min(LARGEST, len(line.waiting)))]
                await self._write_some(places)
        finally:
            line.under_way -= 1

    async def _write_some(self, places: Sequence[_Place[Item, Result]]) -> None:
        try:
            came: Sequence[Result | Exception] = await self._write([item for item, _ in places])
        except Exception as error:  # noqa: BLE001  (raised by each of those who wait)
            # Each has its own, to which its caller adds what it knows.
            came = [error if not number else _copied(error) for number, _ in enumerate(places)]
        except BaseException:  # the loop ends, and with it all that waits
            for _, future in places:
                future.cancel()

            raise

        for (_, future), outcome in zip(places, came, strict=True):
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
                future.exception()  # also where nobody waits for it any more
            else:
                future.set_result(outcome)

    def _line(self) -> _Line[Item, Result]:
        try:
            return self._lines.get()
        except LookupError:
            line: _Line[Item, Result] = _Line()
            self._lines.set(line)
            return line


_Place = tuple[Item, "asyncio.Future[Result]"]
"""What is to be written, and where it is said what came of it."""


class _Line(Generic[Item, Result]):
    """Those of one event loop who wait."""

    def __init__(self) -> None:
        self.waiting: deque[_Place[Item, Result]] = deque()
        self.under_way = 0
        self.tasks: set[asyncio.Task[None]] = set()


def _copied(error: Exception) -> Exception:
    made = copy.copy(error)
    made.__cause__, made.__suppress_context__ = error.__cause__, error.__suppress_context__
    return made
