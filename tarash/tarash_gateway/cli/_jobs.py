"""`tarash jobs`: what the ledger knows of jobs, and going on with them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from anyio import to_thread

from .._records import JobRecord
from ..api import resume_all_async, resume_async
from ..exceptions import TarashException, ValidationError
from ..jobs import ImageJob, VideoJob
from . import _interrupt as interrupt
from . import _report as report
from . import _terminal as terminal
from ._errors import CommandError, Exit, exit_code
from ._ledger import existing, url_of
from ._save import OWN_NAME, Output, Response, rescue, save_all

Handle = VideoJob | ImageJob
LEAVING = "leaving; the jobs go on at their providers"
PROMPT_SHOWN = 40


@dataclass(slots=True)
class _Waiting:
    """What became of the jobs that one command waits for."""

    output: str | None
    force: bool
    as_json: bool
    worst: Exit = Exit.DONE
    done: list[str] = field(default_factory=list)


def ls(ledger: str | None, *, everything: bool, as_json: bool) -> int:
    """List the jobs that are owed, or all."""
    records = _run(_read(ledger, everything=everything))
    if as_json:
        terminal.document([_as_json(record) for record in records])
        return Exit.DONE

    if not records:
        terminal.hint(f"no {'' if everything else 'open '}jobs in {url_of(ledger)}")
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


async def _read(ledger: str | None, *, everything: bool) -> list[JobRecord]:
    return await existing(ledger).jobs(states=() if everything else ("open", "unknown"))


def show(job_id: str, ledger: str | None, *, as_json: bool) -> int:
    """Show what is known of one job, and what its provider says of it now."""

    async def look() -> tuple[Handle, JobRecord | None, Any]:
        handle = await _handle(job_id, ledger)
        record = await existing(ledger).get(handle.id) if handle.id else None
        try:
            return handle, record, await handle.status_async()
        except TarashException as error:
            return handle, record, error

    handle, record, said = _run(look())
    facts = {} if record is None else _as_json(record)
    facts |= {"provider": handle.provider, "model": handle.model, "request_id": handle.request_id}
    if isinstance(said, TarashException):
        facts["provider_says"] = {"error": said.message}
    else:
        facts["provider_says"] = said.model_dump(mode="json", exclude_none=True)

    facts["token"] = handle.to_token() if handle.operation is not None else None
    if as_json:
        terminal.document(facts)
        return Exit.DONE

    table = terminal.plain_table("", "")
    table.show_header = False
    table.columns[0].style = "bold"
    for name in ("request_id", "id", "provider", "model", "state", "created_at", "prompt"):
        if facts.get(name) is not None:
            table.add_row(name, terminal.one_line(str(facts[name])))

    for attempt in facts.get("attempts", ()):
        table.add_row(f"attempt {attempt['attempt_number']}", _sentence(attempt))

    says = facts["provider_says"]
    table.add_row("provider says", says.get("status") or says["error"])
    if facts["token"]:
        table.add_row("token", facts["token"])

    terminal.show(table)
    return Exit.DONE


def wait(job_id: str, ledger: str | None, output: str | None, *, force: bool, as_json: bool) -> int:
    """Wait for one job, and save what it made."""
    waiting = _Waiting(output, force, as_json)

    async def work() -> None:
        await _finish(await _handle(job_id, ledger), waiting)

    _run(work())
    return waiting.worst


def fetch(
    job_id: str, ledger: str | None, output: str | None, *, force: bool, as_json: bool
) -> int:
    """Get the result of a job that has ended."""
    waiting = _Waiting(output, force, as_json)

    async def work() -> None:
        handle = await _handle(job_id, ledger)
        status = await handle.status_async()
        if status.status not in ("completed", "failed"):
            raise CommandError(
                f"the job is {status.status}; `tarash jobs wait {job_id}` waits for it",
                code=Exit.RUNNING,
                kind="JobRunning",
            )

        await _finish(handle, waiting)

    _run(work())
    return waiting.worst


def resume(ledger: str | None, output: str | None, *, as_json: bool) -> int:
    """Wait for every job that is owed, and save what they made into a folder."""
    if output is not None and Path(output).exists() and not Path(output).is_dir():
        raise CommandError(f"--output: {output!r} is no folder; several jobs need one")

    place = None if output is None else f"{output.rstrip('/')}/{OWN_NAME}"
    waiting = _Waiting(place, force=False, as_json=as_json)

    async def work() -> int:
        jobs = await resume_all_async(existing(ledger))
        for job in jobs:
            terminal.say(f"{job.request_id}: {job.provider} {job.model}")

        await asyncio.gather(*(_finish(job, waiting) for job in jobs))
        return len(jobs)

    count = _run(work())
    if not count:
        terminal.hint(f"nothing is owed in {url_of(ledger)}")

    return waiting.worst


def cancel(job_id: str, ledger: str | None, *, as_json: bool) -> int:
    """Ask the provider to stop a job."""

    async def work() -> tuple[Handle, str]:
        handle = await _handle(job_id, ledger)
        return handle, await handle.cancel_async()

    handle, answer = _run(work())
    if as_json:
        terminal.document({"request_id": handle.request_id, "cancel": answer})
        return Exit.DONE

    meaning = {
        "cancelled": "it has stopped; what had run may be billed",
        "requested": "it was asked to stop, and may still finish",
        "too_late": "it had ended",
        "unsupported": "it can't be stopped, and goes on",
    }
    terminal.result(f"{handle.request_id}: {answer} ({meaning[answer]})")
    return Exit.DONE


async def _handle(job_id: str, ledger: str | None) -> Handle:
    """Return the handle on a job by its id, the provider's id, or its token."""
    if not job_id.startswith(("tg1.", "tg1s.")):
        return await resume_async(job_id, existing(ledger))

    try:
        return VideoJob.from_token(job_id)
    except ValidationError as error:
        if "of a job that makes" not in error.message:
            raise

        return ImageJob.from_token(job_id)


async def _finish(handle: Handle, waiting: _Waiting) -> None:
    saved: list[Output] = []
    response: Response | None = None
    try:
        response = await cast("Any", handle).wait_async()
        assert response is not None  # noqa: S101  (`wait_async` returns or raises)
        await save_all(response, waiting.output, 1, force=waiting.force, done=saved)
    except TarashException as error:
        code = exit_code(error)
        waiting.worst = waiting.worst or code
        if response is None:
            report.failure(error, code, json=waiting.as_json)
            return

        told = CommandError(error.message, code=code, kind=type(error).__name__)
        rescued = await to_thread.run_sync(rescue, response)
        report.unsaved(response, told, saved, rescued, json=waiting.as_json)
        return

    report.success(response, saved, json=waiting.as_json)


def _run(work: Any) -> Any:
    try:
        return interrupt.run(work, lambda: terminal.say(LEAVING))
    except interrupt.Stopped as stopped:
        raise CommandError("interrupted", code=stopped.code, kind=report.INTERRUPTED) from None


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

    return "owed" if last.operation is not None else "unknown"


def _age(at: datetime) -> str:
    return terminal.duration((datetime.now(UTC) - at).total_seconds())


def _as_json(record: JobRecord) -> dict[str, Any]:
    attempts = [
        {
            "attempt_number": one.intent.attempt_number,
            "provider": one.intent.provider,
            "model": one.intent.model,
            "created_at": one.intent.created_at.isoformat(),
            "submission": one.submission,
            "outcome": one.outcome,
            "operation": None if one.operation is None else one.operation.to_json(),
        }
        for one in record.entries
    ]
    return {
        "id": record.id,
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
