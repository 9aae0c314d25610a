"""`tarash jobs`: what the ledger knows of jobs; stopping them, and dropping them from it.

`_waiting` goes on with them. No job is stopped by being dropped.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from .._jobs._store import is_kept
from .._jobs._tokens import write
from ..exceptions import TarashException
from ..ledger._contract import JobRecord, JobState, Ledger, PagedLedger
from . import _interrupt as interrupt
from . import _report as report
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._find import Handle, find_record, handle_of, known_record
from ._ledger import REHEARSALS, all_of, is_chosen, is_rehearsing, rehearsals, url_of, was_rehearsal
from ._options import age_of
from ._places import place_of
from ._words import error_text

PROMPT_SHOWN = 40
MOST = 1_000_000
"""Jobs that are read at once."""
ENDED = ("completed", "failed", "cancelled")
DAY = timedelta(days=1)


def ls(
    ledger: str | None, *, everything: bool, limit: int, after: str | None, as_json: bool
) -> int:
    """List the unfinished jobs, or all; where there are more than that, say how to go on."""
    records, elsewhere = _run(_read(ledger, everything, limit + 1, after))
    if len(records) > limit:
        records = records[:limit]
        terminal.hint(f"there are more: go on with --after {records[-1].id}")

    print_rehearsed(elsewhere, "ls")
    if as_json:
        terminal.document([_as_json(record) for record in records])
        return Exit.DONE

    if not records:
        terminal.hint(f"no {'' if everything else 'unfinished '}jobs in {url_of(ledger)}")
        return Exit.DONE

    table = terminal.plain_table("JOB", "KIND", "PROVIDER", "MODEL", "STATE", "AGE", "PROMPT")
    for record in records:
        ids = _named(record)
        prompt = terminal.one_line(str(record.request.get("prompt", "")))
        table.add_row(
            ids["request_id"],
            record.kind,
            ids["provider"],
            ids["model"],
            _state(record),
            _age(record.created_at),
            prompt if len(prompt) <= PROMPT_SHOWN else f"{prompt[: PROMPT_SHOWN - 1]}…",
        )

    terminal.show(table)
    return Exit.DONE


async def _read(
    ledger: str | None, everything: bool, limit: int, after: str | None
) -> tuple[list[JobRecord], int]:
    """Return the jobs, newest first, and how many rehearsed ones stand elsewhere, unfinished."""
    states: tuple[JobState, ...] = () if everything else ("open", "unknown")
    ledgers = all_of(ledger)
    jobs: list[JobRecord] = []
    last = None if after is None else await _known(after, ledgers)
    for looked_in in ledgers:
        kept = cast("PagedLedger", looked_in)
        is_there = last is not None and await kept.get(last.id) is not None
        before = last.id if last is not None and is_there else None
        records = await kept.jobs(states=states, limit=limit, before=before)
        # Of another ledger than the job's: as many more as are older than it.
        jobs += [
            record for record in records
            if last is None or is_there or record.created_at < last.created_at
        ]  # fmt: skip

    jobs.sort(key=lambda record: record.created_at, reverse=True)
    return jobs[:limit], await rehearsed_elsewhere(ledger)


async def rehearsed_elsewhere(ledger: str | None) -> int:
    """Return how many rehearsed jobs are unfinished in a ledger that was not looked into."""
    other = None if is_chosen(ledger) or is_rehearsing() else rehearsals()
    return 0 if other is None else len(await other.jobs(states=("open", "unknown")))


def print_rehearsed(count: int, verb: str) -> None:
    """Say where the rehearsed jobs are, if there are any."""
    if count:
        jobs = "rehearsed job is" if count == 1 else "rehearsed jobs are"
        terminal.hint(
            f"{count} {jobs} unfinished, in a ledger of their own: `tarash jobs {verb} --ledger "
            f"{REHEARSALS}` {'lists' if verb == 'ls' else 'waits for'} "
            f"{'it' if count == 1 else 'them'}"
        )


async def _known(job_id: str, ledgers: Sequence[Ledger]) -> JobRecord:
    for ledger in ledgers:
        record = await ledger.get(job_id) or await ledger.find(None, job_id)
        if record is not None:
            return record

    raise CommandError(f"--after: there is no job {job_id!r} to go on behind")


def show(job_id: str, ledger: str | None, *, as_json: bool) -> int:
    """Show what is known of one job, and what its provider says of it now."""

    async def read_job() -> tuple[Handle, JobRecord | None, Any]:
        handle = await handle_of(job_id, ledger)
        known = await known_record(handle.id, ledger)
        record = None if known is None else known[1]
        try:
            return handle, record, await handle.status_async()
        except TarashException as error:
            return handle, record, error

    handle, record, answer = _run(read_job())
    about = {} if record is None else _as_json(record)
    about |= {"provider": handle.provider, "model": handle.model, "request_id": handle.request_id}
    if isinstance(answer, TarashException):
        about["provider_says"] = {"error": error_text(answer)}
    else:
        about["provider_says"] = answer.model_dump(mode="json", exclude_none=True)

    about["output"] = place_of(record)
    about["token"] = handle.to_token() if handle.operation is not None else None
    if as_json:
        terminal.document(about)
        return Exit.DONE

    table = terminal.facts_table()
    for name in (
        "request_id",
        "id",
        "provider",
        "model",
        "state",
        "created_at",
        "output",
        "prompt",
    ):
        if about.get(name) is not None:
            table.add_row(name, terminal.one_line(str(about[name])))

    for attempt in about.get("attempts", ()):
        table.add_row(f"attempt {attempt['attempt_number']}", _sentence(attempt))

    says = about["provider_says"]
    stopped = about.get("state") == says.get("status") == "cancelled"
    answer = "cancelled" if stopped else says.get("status")
    table.add_row("provider says", ": ".join(filter(None, (answer, says.get("error")))))
    terminal.show(table)
    if about["token"]:  # on a line of its own, so that it can be copied
        terminal.result(f"token: {about['token']}")

    return Exit.DONE


def cancel(job_id: str, ledger: str | None, *, as_json: bool) -> int:
    """Ask the provider to stop a job."""

    async def work() -> tuple[Handle, str]:
        handle = await handle_of(job_id, ledger)
        return handle, await handle.cancel_async()

    handle, answer = _run(work())
    if as_json:
        named = {"provider": handle.provider, "model": handle.model, "job_id": handle.id or None}
        terminal.document({"request_id": handle.request_id, **named, "cancel": answer})
        return Exit.DONE

    meaning = {
        "cancelled": "it has stopped; what had run may be billed",
        "requested": "it was asked to stop, and may still finish",
        "too_late": "it had ended",
        "unsupported": "it can't be stopped, or nobody answered; it goes on",
    }
    terminal.result(f"{handle.request_id}: {answer} ({meaning[answer]})")
    return Exit.DONE


def _run(work: Any, left: str = "Left before the answer came") -> Any:
    """Carry out a command; one that is interrupted says that it left."""
    try:
        return interrupt.run(work, lambda: None)
    except interrupt.Stopped as stopped:
        raise CommandError(left, code=stopped.code, kind=report.INTERRUPTED) from None


def _named(record: JobRecord) -> dict[str, str]:
    """Return the ids of the last attempt, or what would be tried first."""
    if record.entries:
        last = record.entries[-1]
        request_id = last.operation.id if last.operation is not None else record.id
        return {
            "provider": last.intent.provider,
            "model": last.intent.model,
            "request_id": request_id,
        }

    head = record.chain[0] if record.chain else {}
    named = {name: str(head.get(name, "?")) for name in ("provider", "model")}
    return {**named, "request_id": record.id}


def _state(record: JobRecord) -> str:
    if record.state != "open":
        return record.state

    if record.held:
        return "driven"

    last = record.entries[-1] if record.entries else None
    if last is None:
        return "not sent"

    return "unfinished" if last.operation is not None or is_kept(record) else "unknown"


def _age(at: datetime) -> str:
    return terminal.duration((datetime.now(UTC) - at).total_seconds())


def _as_json(record: JobRecord) -> dict[str, Any]:
    attempts = [
        {
            "attempt_number": entry.intent.attempt_number,
            "provider": entry.intent.provider,
            "model": entry.intent.model,
            "created_at": entry.intent.created_at.isoformat(),
            "submission": entry.submission,
            "outcome": entry.outcome,
            "operation": None if entry.operation is None else entry.operation.to_json(),
        }
        for entry in record.entries
    ]
    return {
        "id": record.id,
        "job_id": record.id,  # as with --detach
        **_named(record),
        "kind": record.kind,
        "state": _state(record),
        "created_at": record.created_at.isoformat(),
        "idempotency_key": record.idempotency_key,
        "prompt": record.request.get("prompt"),
        "attempts": attempts,
    }


def _sentence(attempt: dict[str, Any]) -> str:
    operation = attempt["operation"]
    named = "no job known" if operation is None else f"job {operation['id']}"
    how = attempt["outcome"] or "under way"
    return f"{attempt['provider']} {attempt['model']}: {named}, {how}"


def forget(jobs: Sequence[str], ledger: str | None, *, yes: bool, as_json: bool) -> int:
    """Drop jobs by their ids; what may still run is asked about."""
    records = _run(_found(jobs, ledger), "Left")
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
        for looked_in in all_of(ledger):
            for record in await looked_in.jobs(limit=MOST):
                old = record.created_at < before
                over = record.state in ENDED or (unknown and record.state == "unknown")
                if not record.held and ((old and over) or (rehearsals and was_rehearsal(record))):
                    records.append((looked_in, record))

        return records

    records = _run(work(), "Left")
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

    held = _run(work(), "Left")
    kept = {record.id for record in held}
    forgotten = [_shown(record) for _, record in records if record.id not in kept]
    if as_json:
        terminal.document({"forgotten": forgotten})
    else:
        for job in forgotten:
            terminal.result(f"forgot {job['request_id']} ({job['provider']} {job['model']})")
            if job["token"] is not None:
                terminal.hint(f"its token, should it be wanted after all: {job['token']}")

    for record in held:
        terminal.print_line(
            f"{_named(record)['request_id']} is driven by a process that is alive; stop that first",
            label="error",
            style="bold red",
        )

    return Exit.RUNNING if held else Exit.DONE


def _ask(risky: Sequence[JobRecord]) -> None:
    """Ask before the way to a result is lost that may be paid for.

    Raises:
        CommandError: Nobody said yes.
    """
    names = ", ".join(_named(record)["request_id"] for record in risky[:3])
    more = f" and {len(risky) - 3} more" if len(risky) > 3 else ""  # noqa: PLR2004  (as shown)
    what = f"{names}{more} may still run and be billed; who forgets them can't get their results"
    if not (sys.stdin is not None and sys.stdin.isatty()):
        raise CommandError(f"{what}: add --yes to forget them all the same")

    terminal.print_line(f"{what}. Forget? [y/N]", label="jobs")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was forgotten")


def _may_run(record: JobRecord) -> bool:
    if record.state in ENDED or was_rehearsal(record):
        return False

    return any(entry.submission not in ("not_sent", "rejected") for entry in record.entries)


def _shown(record: JobRecord) -> dict[str, Any]:
    last = record.entries[-1].operation if record.entries else None
    ids = _named(record)
    return {
        "job_id": record.id,
        "request_id": ids["request_id"],
        "provider": ids["provider"],
        "model": ids["model"],
        "state": record.state,
        "token": None if last is None else write(last),
    }
