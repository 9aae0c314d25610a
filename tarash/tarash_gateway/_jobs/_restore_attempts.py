"""What a stored job's attempts did, as far as it was written down: the attempts, as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .. import exceptions
from .._engine import entries_of
from .._engine._attempt import Attempt
from ..ledger._contract import RECEIVED, STOPPED, JobRecord
from ..models import Cost, Quote
from ._store import error_in

if TYPE_CHECKING:
    from .._data._exchange import Call
    from ..exceptions import TarashException
    from ..ledger._contract import SubmissionRecord
    from ..models import AttemptMetadata
    from ._handles import ImageJob, VideoJob


def attempts_of(record: JobRecord, calls: Sequence[Call]) -> list[Attempt]:
    """Return what a stored job's attempts did, as far as it was written down."""
    is_open = record.state == "open"
    return [_attempt_of(entry, calls, is_open=is_open) for entry in entries_of(record)]


def _attempt_of(entry: SubmissionRecord, calls: Sequence[Call], *, is_open: bool) -> Attempt:
    call = calls[entry.intent.attempt_number - 1]
    attempt = Attempt(replace(call, request_id=entry.intent.id))
    attempt.started_at = entry.intent.created_at
    attempt.intent = entry.intent
    attempt.operation = entry.operation
    attempt.outcome, attempt.heard = entry.outcome, entry.heard
    # Whoever gave an answer up for lost may have written so after it had come.
    attempt.submission = entry.submission if entry.operation is None else "accepted"
    if attempt.submission is None and entry.outcome is None:
        attempt.submission = "unknown"  # its process may have ended in the middle of the submit
        attempt.cut_off = True

    attempt.stopped = entry.outcome == STOPPED or bool(entry.heard.get(STOPPED))
    attempt.settled = entry.outcome in ("completed", "failed")
    has_result = entry.outcome == "completed" or RECEIVED in entry.heard
    attempt.status = "completed" if has_result else None
    attempt.cancel = "cancelled" if entry.outcome == "cancelled" else entry.heard.get("cancel")
    attempt.billing_told = entry.heard.get("billing")
    attempt.adopted = bool(entry.heard.get("adopted"))
    attempt.named = bool(entry.heard.get("named"))
    _set_money(attempt)
    if not _was_left(attempt, is_open=is_open):
        _set_verdict(attempt)

    attempt.is_concluded = attempt.outcome not in (None, entry.outcome)
    return attempt


def _set_money(attempt: Attempt) -> None:
    """Recall what an attempt would cost, and what its provider says that it has cost."""
    quote = None if attempt.intent is None else attempt.intent.quote
    attempt.money.quote = None if quote is None else Quote.model_validate(quote)
    cost = attempt.heard.get("cost")
    attempt.money.reported = None if cost is None else Cost.model_validate(cost)


def _was_left(attempt: Attempt, *, is_open: bool) -> bool:
    """Go on with an attempt before whose next try its process has ended, or left in good order.

    Whoever leaves a job open has bought nothing by it, and nobody has stopped it.

    Returns:
        Whether it is one.
    """
    heard = attempt.heard
    is_paused = attempt.outcome is None and bool(heard.get("retry_at"))
    is_left = is_open and attempt.outcome == "cancelled" and not attempt.stopped
    if attempt.operation is not None or not (is_paused or is_left) or attempt.unsafe:
        return False

    attempt.tries, attempt.intent = heard.get("tries", 0), None
    at = heard.get("retry_at")
    attempt.retry_at = datetime.fromisoformat(at) if at else datetime.now(UTC)
    attempt.outcome, attempt.cancel = None, heard.get("cancel")
    return True


def _set_verdict(attempt: Attempt) -> None:
    """Conclude what was heard of an attempt whose process may have ended before it could."""
    heard = attempt.heard
    has_failed = attempt.submission in ("rejected", "not_sent") and attempt.operation is None
    if heard.get("error") is not None:
        attempt.verdict = error_in(heard["error"])
    elif has_failed or (attempt.operation is None and attempt.outcome == "cancelled"):
        attempt.verdict = exceptions.TarashException(
            f"The attempt ended in another process ({attempt.submission or 'not submitted'})",
            submission=attempt.submission,
        )

    if attempt.outcome in (None, STOPPED) and has_failed:
        attempt.outcome = "failed"
    elif attempt.outcome in (None, "detached") and attempt.cancel == "cancelled":
        attempt.outcome = "cancelled"


def attempts_so_far(handle: VideoJob | ImageJob, left: TarashException) -> list[AttemptMetadata]:
    """Return what a job's attempts have done, as far as that was written down.

    Args:
        handle: On the job.
        left: Why those have no result that have not ended.
    """
    attempts = handle._job.run.attempts  # noqa: SLF001  (it is ours)
    attempts_made = [attempt.metadata(attempt.verdict or left) for attempt in attempts]
    for number, one in enumerate(attempts_made):  # it began in another run of the job
        seconds = (one.ended_at - one.started_at).total_seconds()
        attempts_made[number] = one.model_copy(update={"elapsed_seconds": seconds})

    return attempts_made
