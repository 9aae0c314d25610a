"""`tarash doctor --ledger URL`: whether a ledger does what many machines expect of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .._jobs._queue import WORKERS, tasks
from .._support._words import counted
from ..exceptions import TarashException
from . import _terminal as terminal
from ._doctor import Finding, print_findings
from ._errors import Exit
from ._ledger import existing, shown
from ._words import error_text

if TYPE_CHECKING:
    from ..ledger._contract import JobRecord, Ledger
    from ..ledger._record_types import Examined

LARGEST_OFFSET = 2.0
"""Seconds; schedules are read by the workers' clocks."""
YOUNG = timedelta(minutes=2)
"""A job that nobody holds for so long may be on its way from one worker to the next."""
MOST = 1000
"""Unfinished jobs that are looked at, the newest first."""


def examine_ledger(ledger: str, *, json: bool) -> int:
    """Look at a ledger and tell; return the exit code.

    Raises:
        ValidationError: The URL is none of a ledger.
        CommandError: There is no such ledger.
    """
    return print_findings(asyncio.run(_examined(existing(ledger), shown(ledger))), json=json)


async def _examined(ledger: Ledger, place: str) -> list[Finding]:
    begun = time.monotonic()
    try:
        await ledger.get("no such job")
        detail = f"{place} answers in {1000 * (time.monotonic() - begun):.0f} ms"
        findings = [Finding("reach", "ok", detail)]
        findings += [finding async for finding in _facts(ledger)]
        findings += [job async for job in _jobs(ledger)]
    except TarashException as error:
        return [Finding("reach", "problem", error_text(error), Exit.STORAGE)]
    finally:
        await ledger.aclose()

    return findings


async def _facts(ledger: Any) -> AsyncIterator[Finding]:
    if not hasattr(ledger, "examine"):
        yield Finding("ledger", "ok", "in this process's memory")
        return

    state: Examined = await ledger.examine()
    newer = "; a newer version of Tarash Gateway shares it" if state.version > state.newest else ""
    yield Finding("tables", "ok", f"version {state.version}{newer}")
    yield Finding("size", "ok", terminal.size(state.size))
    if state.clock_offset is not None:
        ahead = state.clock_offset
        detail = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
        if abs(ahead) <= LARGEST_OFFSET:
            yield Finding("clock", "ok", detail)
        else:
            detail += (
                "; leases and the queue go by the database's clock, but a job that is scheduled "
                "here for a while from now is late or early by that: use NTP"
            )
            yield Finding("clock", "problem", detail)

    if hasattr(ledger, "hears"):
        hears = await ledger.hears()
        detail = "arrives" if hears else (
            "does not arrive, as behind a pooler in transaction mode: workers and whoever waits "
            "ask again and again instead"
        )  # fmt: skip
        yield Finding("NOTIFY", "ok" if hears else "missing", detail)

    dead = state.holders - state.alive
    detail = f"{counted(state.alive, 'holds', 'hold')} jobs" + (
        f", and {dead} ended, or silent past the lease" * bool(dead)
    )
    yield Finding("processes", "ok", detail)


async def _jobs(ledger: Any) -> AsyncIterator[Finding]:
    records: list[JobRecord] = await ledger.jobs(states=("open",), limit=MOST)
    queued = await tasks(ledger) if getattr(ledger, "keeps_state", False) else {}
    workers = await ledger.list_states(WORKERS) if queued else []
    now = datetime.now(UTC)
    later = {name for name, (task, _) in queued.items() if not task.is_due(now)}
    more = " or more" if len(records) == MOST else ""
    yield Finding("unfinished", "ok", f"{len(records)}{more}, {len(later)} of them for later")
    if queued:
        is_left = not workers and len(later) < len(queued)
        detail = f"{counted(len(queued), 'job')}, {counted(len(workers), 'worker')}"
        detail += "; start one: `tarash worker`" * is_left
        yield Finding("queue", "problem" if is_left else "ok", detail)

    stalled = [
        record.id for record in records
        if not record.held and record.id not in later and now - record.created_at > YOUNG
        and not (workers and record.id in queued)
    ]  # fmt: skip
    if stalled:
        detail = f"{len(stalled)}{more} that nobody drives, such as {stalled[0]}: `tarash jobs "
        yield Finding("stalled", "problem", f"{detail}resume` goes on with them")
    else:
        yield Finding("stalled", "ok", "none")
