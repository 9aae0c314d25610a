"""`tarash ledger migrate | check | prune`: what whoever runs a ledger does now and then."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from .._support._words import counted
from ..ledger._records import Ledger, PagedLedger
from . import _terminal as terminal
from ._ages import age_of
from ._errors import CommandError, Exit
from ._ledger import existing, opened, shown, written_once

Result = TypeVar("Result")

MOST = 100_000
"""Unfinished jobs that are counted."""


def migrate(ledger: str | None, *, as_json: bool) -> int:
    """Make the tables, or bring them to the newest version: the first write does it."""
    _run(opened(ledger), written_once)
    if as_json:
        terminal.document({"ledger": shown(ledger), "migrated": True})
    else:
        terminal.hint(f"{shown(ledger)} has the tables of this version")

    return Exit.DONE


def check(ledger: str | None, *, as_json: bool) -> int:
    """Read and write the ledger, and count what is unfinished in it."""
    begun = time.monotonic()
    unfinished = _run(existing(ledger), _checked)
    counts: dict[str, Any] = {
        "ledger": shown(ledger),
        "seconds": round(time.monotonic() - begun, 3),
        **unfinished,
    }
    if as_json:
        terminal.document(counts)
    else:
        summary = ", ".join(f"{name} {value}" for name, value in counts.items() if name != "ledger")
        terminal.result(f"{counts['ledger']} can be read and written: {summary}")

    return Exit.DONE


async def _checked(ledger: Ledger) -> dict[str, int]:
    await written_once(ledger)
    jobs = await ledger.jobs(states=("open", "unknown"), limit=MOST)
    count = Counter(job.state for job in jobs)
    held = sum(job.held for job in jobs)
    return {"open": count["open"], "held": held, "unknown": count["unknown"]}


def prune(ledger: str | None, older_than: str, *, as_json: bool) -> int:
    """Forget jobs that ended longer ago than this.

    Raises:
        CommandError: That is no age, or the ledger prunes itself.
    """
    age = age_of(older_than)
    kept = existing(ledger)
    if not hasattr(kept, "prune"):
        raise CommandError(f"{shown(ledger)} forgets by itself what has ended")

    number = _run(kept, lambda one: cast("PagedLedger", one).prune(age))
    if as_json:
        terminal.document({"ledger": shown(ledger), "forgotten": number})
    else:
        terminal.hint(f"forgot {counted(number, 'job')} that ended more than {older_than} ago")

    return Exit.DONE


def _run(ledger: Ledger, work: Callable[[Ledger], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        try:
            return await work(ledger)
        finally:
            await ledger.aclose()

    return asyncio.run(run())
