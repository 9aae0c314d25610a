"""`tarash jobs`: what the ledger knows of jobs, and stopping them; `_waiting` goes on with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .._jobs._handles import ImageJob, VideoJob
from ..api import resume_async
from ..exceptions import TarashException, ValidationError
from ..ledger._records import JobRecord
from . import _interrupt as interrupt
from . import _report as report
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import existing, url_of
from ._words import in_options

Handle = VideoJob | ImageJob
PROMPT_SHOWN = 40


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
        handle = await handle_of(job_id, ledger)
        record = await existing(ledger).get(handle.id) if handle.id else None
        try:
            return handle, record, await handle.status_async()
        except TarashException as error:
            return handle, record, error

    handle, record, said = _run(look())
    facts = {} if record is None else _as_json(record)
    facts |= {"provider": handle.provider, "model": handle.model, "request_id": handle.request_id}
    if isinstance(said, TarashException):
        facts["provider_says"] = {"error": in_options(said.message)}
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
    terminal.show(table)
    if facts["token"]:  # on a line of its own, so that it can be copied
        terminal.result(f"token: {facts['token']}")

    return Exit.DONE


def cancel(job_id: str, ledger: str | None, *, as_json: bool) -> int:
    """Ask the provider to stop a job."""

    async def work() -> tuple[Handle, str]:
        handle = await handle_of(job_id, ledger)
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


async def handle_of(job_id: str, ledger: str | None) -> Handle:
    """Return the handle on a job by its id, the provider's id, or its token."""
    if not job_id.startswith(("tg1.", "tg1s.")):
        return await resume_async(job_id, existing(ledger))

    try:
        return VideoJob.from_token(job_id)
    except ValidationError as error:
        if "of a job that makes" not in error.message:
            raise

        return ImageJob.from_token(job_id)


def _run(work: Any) -> Any:
    try:
        return interrupt.run(work, lambda: None)
    except interrupt.Stopped as stopped:
        said = "Left before the answer came"
        raise CommandError(said, code=stopped.code, kind=report.INTERRUPTED) from None


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
