"""`tarash jobs forget` and `prune`: drops jobs from the ledger. No job is stopped by it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from .._jobs._tokens import write
from ..ledger._records import JobRecord, Ledger
from . import _interrupt as interrupt
from . import _report as report
from . import _terminal as terminal
from ._ages import age_of
from ._errors import CommandError, Exit
from ._find import find_record
from ._ledger import all_of
from ._rehearsals import was_rehearsal

MOST = 1_000_000
"""Jobs that are read at once."""
ENDED = ("completed", "failed", "cancelled")
DAY = timedelta(days=1)


def forget(jobs: Sequence[str], ledger: str | None, *, yes: bool, as_json: bool) -> int:
    """Drop jobs by their ids; what may still run is asked about."""
    records = _run(_found(jobs, ledger))
    return _drop(records, yes=yes, as_json=as_json)


def prune(  # noqa: PLR0913  (each is an option of the command)
    ledger: str | None,
    *,
    older_than: str,
    unknown: bool,
    rehearsals: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Drop the jobs that ended long ago; on request also others."""
    age = age_of(older_than)
    before = datetime.now(UTC) - age

    async def work() -> list[tuple[Ledger, JobRecord]]:
        records = []
        for one in all_of(ledger):
            for record in await one.jobs(limit=MOST):
                old = record.created_at < before
                over = record.state in ENDED or (unknown and record.state == "unknown")
                if not record.held and ((old and over) or (rehearsals and was_rehearsal(record))):
                    records.append((one, record))

        return records

    records = _run(work())
    if not records:
        terminal.hint(f"no job that has ended is older than {age / DAY:g} days; see --older-than")

    return _drop(records, yes=yes, as_json=as_json)


async def _found(jobs: Sequence[str], ledger: str | None) -> list[tuple[Ledger, JobRecord]]:
    return [await find_record(job, ledger) for job in jobs]


def _drop(records: Sequence[tuple[Ledger, JobRecord]], *, yes: bool, as_json: bool) -> int:
    risky = [record for _, record in records if _may_run(record)]
    if risky and not yes:
        _ask(risky)

    async def work() -> list[JobRecord]:
        return [record for ledger, record in records if not await ledger.forget(record.id)]

    held = _run(work())
    kept = {record.id for record in held}
    forgotten = [_shown(record) for _, record in records if record.id not in kept]
    if as_json:
        terminal.document({"forgotten": forgotten})
    else:
        for one in forgotten:
            terminal.result(f"forgot {one['request_id']} ({one['provider']} {one['model']})")
            if one["token"] is not None:
                terminal.hint(f"its token, should it be wanted after all: {one['token']}")

    for record in held:
        terminal.say(
            f"{_name(record)} is driven by a process that is alive; stop that first",
            label="error",
            style="bold red",
        )

    return Exit.RUNNING if held else Exit.DONE


def _ask(risky: Sequence[JobRecord]) -> None:
    """Ask before the way to a result is lost that may be paid for.

    Raises:
        CommandError: Nobody said yes.
    """
    names = ", ".join(_name(record) for record in risky[:3])
    more = f" and {len(risky) - 3} more" if len(risky) > 3 else ""  # noqa: PLR2004  (as shown)
    what = f"{names}{more} may still run and be billed; who forgets them can't get their results"
    if not (sys.stdin is not None and sys.stdin.isatty()):
        raise CommandError(f"{what}: add --yes to forget them all the same")

    terminal.say(f"{what}. Forget? [y/N]", label="jobs")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was forgotten")


def _may_run(record: JobRecord) -> bool:
    if record.state in ENDED or was_rehearsal(record):
        return False

    return any(entry.submission not in ("not_sent", "rejected") for entry in record.entries)


def _name(record: JobRecord) -> str:
    last = record.entries[-1].operation if record.entries else None
    return record.id if last is None else last.id


def _shown(record: JobRecord) -> dict[str, Any]:
    last = record.entries[-1] if record.entries else None
    head = record.chain[0] if record.chain else {}
    return {
        "job_id": record.id,
        "request_id": _name(record),
        "provider": head.get("provider") if last is None else last.intent.provider,
        "model": head.get("model") if last is None else last.intent.model,
        "state": record.state,
        "token": None if last is None or last.operation is None else write(last.operation),
    }


def _run(work: Any) -> Any:
    try:
        return interrupt.run(work, lambda: None)
    except interrupt.Stopped as stopped:
        raise CommandError("Left", code=stopped.code, kind=report.INTERRUPTED) from None
