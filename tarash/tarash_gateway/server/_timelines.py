"""What has happened to a job, in its order: what the ledger knows, and what was heard meanwhile.

Each submit stands in the ledger. What is said of a job between its submit and its end is heard by
the process that drives it, and kept beside the job once that has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ._callers import CallerHere, FrontHere
from ._documents import ERRORS
from ._jobs import own_job
from ._refusals import missing, sendable
from ._timeline_store import heard_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..ledger._records import JobRecord, SubmissionRecord

router = APIRouter(prefix="/api/jobs", tags=["Jobs"], responses=ERRORS)
OVER = frozenset({"completed", "failed"})
"""What an update says when it is the last one of its attempt."""


@router.get("/{job_id}/timeline")
async def timeline(job_id: str, front: FrontHere, caller: CallerHere) -> JSONResponse:
    """Say what has happened to a job, oldest first: submits, answers, states, costs."""
    job = await own_job(front, caller, job_id)
    record = await front.gateway.ledger.get(job.id)
    if record is None:
        raise missing("job")

    driven = front.drivers.get(job.id)
    heard = await heard_of(front.states, job.id) if driven is None else driven.moves
    return JSONResponse(sendable({"object": "list", "data": _timeline(record, heard)}))


def _timeline(record: JobRecord, heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the whole of it; times are None where nobody has noted them."""
    events: list[dict[str, Any]] = [{"at": record.created_at.isoformat(), "event": "written"}]
    for entry in record.entries:
        number = entry.intent.attempt_number
        events += _attempt(entry, [one for one in heard if one["attempt"] == number])

    if record.state != "open":
        last = heard[-1]["at"] if heard else None
        events.append({"at": last, "event": record.state, "error": _said(record.result or {})})

    return events


def _attempt(entry: SubmissionRecord, heard: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    intent, known = entry.intent, entry.heard
    who = {"attempt": intent.attempt_number, "provider": intent.provider, "model": intent.model}
    yield {**who, "at": intent.created_at.isoformat(), "event": "submitting"}
    if entry.submission is not None:
        yield {
            **who,
            "at": heard[0]["at"] if heard and entry.submission == "accepted" else None,
            "event": "adopted" if known.get("adopted") else entry.submission,
            "detail": None if entry.operation is None else entry.operation.id,
        }

    yield from ({**who, **one} for one in heard if one["status"] not in OVER)
    if known.get("cancel") is not None:
        yield {**who, "at": None, "event": "cancel", "detail": str(known["cancel"])}

    if entry.outcome is not None:
        yield {
            **who,
            "at": heard[-1]["at"] if heard and heard[-1]["status"] in OVER else None,
            "event": "ended",
            "detail": entry.outcome,
            "billing": known.get("billing"),
            "cost": known.get("cost"),
            "error": _said(known),
        }


def _said(known: Mapping[str, Any]) -> str | None:
    error = known.get("error")
    return str(error.get("message") or "") if isinstance(error, dict) else None
