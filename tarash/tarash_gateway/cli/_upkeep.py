"""`tarash ledger backup | migrate | check | prune`: for whoever runs a ledger."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

from .._support._words import counted
from ..ledger._contract import Ledger, PagedLedger
from ..ledger.sqlite._backup import back_up
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import existing, opened, run_on, shown, written_once
from ._options import age_of

MOST = 100_000
"""Unfinished jobs that are counted."""


def migrate(ledger: str | None, *, as_json: bool) -> int:
    """Make the tables, or bring them to the newest version: the first write does it."""
    run_on(opened(ledger), written_once)
    if as_json:
        terminal.document({"ledger": shown(ledger), "migrated": True})
    else:
        terminal.hint(f"{shown(ledger)} has the tables of this version")

    return Exit.DONE


def check(ledger: str | None, *, as_json: bool) -> int:
    """Read and write the ledger, and count what is unfinished in it."""
    begun = time.monotonic()
    unfinished = run_on(existing(ledger), _checked)
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

    number = run_on(kept, lambda used: cast("PagedLedger", used).prune(age))
    if as_json:
        terminal.document({"ledger": shown(ledger), "forgotten": number})
    else:
        terminal.hint(f"forgot {counted(number, 'job')} that ended more than {older_than} ago")

    return Exit.DONE


def copy(file: Path, ledger: str | None, *, as_json: bool) -> int:
    """Copy the ledger into a file that is not there yet.

    Raises:
        CommandError: There is no ledger, something has the copy's name, or it can't be written.
    """
    source: Path | None = getattr(existing(ledger), "path", None)
    if source is None:
        raise CommandError(
            f"there is no ledger in a file to copy ({shown(ledger)}): name one with --ledger; one "
            "in PostgreSQL is copied by pg_dump"
        )

    try:
        made = back_up(source, file)
    except FileExistsError as error:
        raise CommandError(f"{error}: nothing is overwritten, name another file") from error
    except (OSError, sqlite3.Error) as error:
        raise CommandError(
            f"{source} could not be copied to {file}: {error}",
            "check that the first is a ledger that you may read, and that the folder of the other "
            "is there, has space, and is yours to write to",
            code=Exit.STORAGE,
        ) from error

    if as_json:
        terminal.document({"file": str(file), "jobs": made.jobs, "media": made.media})
        return Exit.DONE

    terminal.result(str(file))
    beside = (
        f", with {counted(made.media, 'file')} of input media in {file.name}-media"
        if made.media
        else ""
    )
    terminal.hint(f"copied {counted(made.jobs, 'job')} of {source}{beside}")
    return Exit.DONE
