"""Wakes jobs that wait in another process: a provider has called about them.

Kept in the ledger for a short while. Waits read them together, once a second for each event loop,
and only while there are any. A note that nobody reads costs nothing: a poll finds the same.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from anyio.lowlevel import RunVar

from .._support._logging import event
from ._callbacks import NAMED, keeps_state

if TYPE_CHECKING:
    from ..ledger._contract import Ledger, StateLedger
    from ._callbacks import Callbacks
    from ._fitting import EngineContext

SPACE = "webhook notes"
KEPT = timedelta(minutes=2)
NAMES = "webhook jobs"
READ_SECONDS = 1.0
OVERLAP = 10.0
"""Seconds that notes are read again for: clocks differ, and a write takes its time."""
PAGE = 1000


async def post_wakeup(ledger: Ledger, provider: str, operation_id: str) -> bool:
    """Leave a note that a provider has called about a job; return whether the ledger keeps such."""
    if not keeps_state(ledger):
        return False

    name = f"{time.time_ns():020d} {secrets.token_hex(4)}"
    value = {"provider": provider, "id": operation_id}
    until = datetime.now(UTC) + KEPT
    await cast("StateLedger", ledger).write_state(SPACE, name, value, until=until)
    return True


async def name_job(ledger: Ledger, intent_id: str, operation_id: str) -> None:
    """Keep the id of the job of a submit whose answer was lost, as its provider has named it."""
    if keeps_state(ledger):
        value = {"id": operation_id}
        until = datetime.now(UTC) + NAMED
        states = cast("StateLedger", ledger)
        await states.write_state(NAMES, intent_id, value, expected=0, until=until)


async def named_job(ledger: Ledger, intent_id: str) -> str | None:
    """Return the id under which a provider has called about a submit; None for none."""
    if not keeps_state(ledger):
        return None

    state = await cast("StateLedger", ledger).read_state(NAMES, intent_id)
    return None if state is None else str(state.value["id"])


@dataclass(slots=True)
class _WakeupReader:
    """Reads the notes of one ledger for the waits on one loop."""

    ledger: StateLedger
    callbacks: Callbacks
    wake: Any
    waits: int = 0
    task: asyncio.Task[None] | None = None
    read: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        while True:
            try:
                await self.read_wakeups()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  (polls find the same)
                event(logging.DEBUG, "notes_not_read", error=str(error))

            await asyncio.sleep(READ_SECONDS)

    async def read_wakeups(self) -> None:
        since = time.time() - (OVERLAP if self.read else KEPT.total_seconds())
        after = f"{max(0, int(since * 1e9)):020d}"
        while True:
            page = await self.ledger.list_states(SPACE, after=after, limit=PAGE)
            for note in page:
                if note.name not in self.read:
                    self.read[note.name] = time.monotonic()
                    provider, job = str(note.value["provider"]), str(note.value["id"])
                    self.callbacks.has_come(provider)
                    self.wake(provider, job)

            if len(page) < PAGE:
                break

            after = page[-1].name

        old = time.monotonic() - 3 * OVERLAP - KEPT.total_seconds()
        self.read = {name: at for name, at in self.read.items() if at > old}


_readers: RunVar[dict[int, _WakeupReader]] = RunVar("_readers")


def reading(resources: EngineContext) -> AbstractContextManager[None]:
    """Have the notes of the ledger read while a job is waited for."""
    if resources.callbacks.url is None or not keeps_state(resources.ledger):
        return _NOTHING

    return _read_meanwhile(resources)


_NOTHING = nullcontext()
"""The same for thousands of jobs that wait."""


@contextmanager
def _read_meanwhile(resources: EngineContext) -> Iterator[None]:
    try:
        readers = _readers.get()
    except LookupError:
        readers = {}
        _readers.set(readers)

    key = id(resources.ledger)
    reader = readers.get(key)
    if reader is None:
        ledger = cast("StateLedger", resources.ledger)
        reader = readers[key] = _WakeupReader(ledger, resources.callbacks, resources.wakeups.nudge)

    reader.waits += 1
    if reader.task is None:
        reader.task = asyncio.create_task(reader.run())

    try:
        yield
    finally:
        reader.waits -= 1
        if reader.waits == 0 and reader.task is not None:
            reader.task.cancel()
            reader.task = None
            readers.pop(key, None)
