"""What the ledger knows of jobs, for whoever asks: nothing is sent, and nobody is woken."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from .._data._job_info import JobInfo
from .._data._policies import own_labels
from .._engine._key_fingerprints import FINGERPRINT
from ..exceptions import ValidationError
from ..ledger._contract import ADJUSTED
from ..models import Cost
from ._store import FACTS_KEPT, response_of

if TYPE_CHECKING:
    from .._data._types import Kind
    from ..ledger._contract import JobRecord, JobState, Ledger, PagedLedger

MOST = 1_000_000
"""Jobs that are read at once."""
FIRST_PAGE = 256
LARGEST_PAGE = 4096
FACTS = (ADJUSTED, "execution_metadata", "duration", "resolution", "aspect_ratio")
STATES = ("open", "completed", "failed", "cancelled", "unknown")


def info_of(record: JobRecord, *, with_response: bool) -> JobInfo:
    """Return a job as users read it.

    Args:
        record: As the ledger has it.
        with_response: Whether to read the response, which may be large.
    """
    result = record.result or {}
    stored = result.get("response")
    last = record.entries[-1] if record.entries else None
    head = record.chain[0] if record.chain else {}
    operation = None if last is None else last.operation
    return JobInfo(
        id=record.id,
        kind=record.kind,
        state=record.state,
        held=record.held,
        provider=str(head.get("provider", "")) if last is None else last.intent.provider,
        model=str(head.get("model", "")) if last is None else last.intent.model,
        submission=None if last is None else last.submission,
        operation_id=None if operation is None else operation.id,
        attempts=len(record.entries),
        request=record.request,
        chain=tuple(_shown(one) for one in record.chain),
        labels=own_labels(record.labels),
        created_at=record.created_at,
        ended_at=None if record.state == "open" else result.get("ended_at"),
        response=response_of(result) if with_response and stored is not None else None,
        error=result.get("error"),
        cost=_cost(record, stored),
        **_facts(record, result),
    )


def _facts(record: JobRecord, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of what is made, beside its media."""
    known = result.get("response") or result.get(FACTS_KEPT) or {}
    about = {name: known[name] for name in FACTS if known.get(name) is not None}
    if ADJUSTED not in about and record.entries:
        about[ADJUSTED] = record.entries[-1].heard.get(ADJUSTED, ())

    return about


def _shown(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != FINGERPRINT}


def _cost(record: JobRecord, stored: Mapping[str, Any] | None) -> Cost | None:
    heard = [entry.heard["cost"] for entry in record.entries if entry.heard.get("cost") is not None]
    cost = (stored or {}).get("cost") or next(reversed(heard), None)
    return None if cost is None else Cost.model_validate(cost)


async def found(job_id: str, ledger: Ledger) -> JobInfo | None:
    """Return the job of this id, ours or the provider's; None where nobody knows it."""
    record = await ledger.get(job_id) or await ledger.find(None, job_id)
    return None if record is None else info_of(record, with_response=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which jobs are wanted; as the arguments of `Gateway.list_jobs_async`."""

    labels: Mapping[str, str]
    states: tuple[str, ...]
    kind: Kind | None
    oldest_first: bool

    def takes(self, record: JobRecord) -> bool:
        """Tell whether a job is among them."""
        labelled = self.labels.items() <= dict(record.labels).items()
        return labelled and self.kind in (None, record.kind)


async def listed(ledger: Ledger, asked: Asked, after: str | None, limit: int) -> list[JobInfo]:
    """Return jobs; arguments as of `Gateway.list_jobs_async`.

    Raises:
        ValidationError: There is no such state, or the job that `after` names is not among them.
    """
    unknown = sorted(set(asked.states) - set(STATES))
    if unknown:
        raise ValidationError(
            f"{unknown[0]!r} is no state of a job; allowed: {', '.join(STATES)}", field="states"
        )

    wanted = tuple(cast("Collection[JobState]", asked.states))
    # A user's ledger may have neither page, or the newest first only.
    if getattr(ledger, "oldest" if asked.oldest_first else "prune", None) is None:
        page = await _read_through(ledger, asked, wanted, after, limit)
    elif after is not None and not await _is_among(ledger, asked, after):
        page = None
    else:
        page = await _read_on(cast("PagedLedger", ledger), asked, wanted, after, limit)

    if page is None:
        raise ValidationError(f"There is no job {after!r} to go on after", field="after")

    return [info_of(one, with_response=False) for one in page]


async def _is_among(ledger: Ledger, asked: Asked, job_id: str) -> bool:
    """Tell whether a job could be on a page; one that has changed its state since then could."""
    record = await ledger.get(job_id)
    return record is not None and asked.takes(record)


async def _read_on(
    ledger: PagedLedger, asked: Asked, wanted: tuple[JobState, ...], after: str | None, limit: int
) -> list[JobRecord]:
    """Read from where the last page has ended."""
    side = "after" if asked.oldest_first else "before"
    read: Any = ledger.oldest if asked.oldest_first else ledger.jobs
    taken: list[JobRecord] = []
    size = limit
    while len(taken) < limit:
        records: list[JobRecord] = await read(states=wanted, limit=size, **{side: after})
        taken += filter(asked.takes, records)
        if len(records) < size:
            break

        # Few are wanted of many: in few steps.
        after, size = records[-1].id, min(max(FIRST_PAGE, 4 * size), LARGEST_PAGE)

    return taken[:limit]


async def _read_through(
    ledger: Ledger, asked: Asked, wanted: tuple[JobState, ...], after: str | None, limit: int
) -> list[JobRecord] | None:
    size = MOST if asked.oldest_first else max(FIRST_PAGE, 4 * limit)
    while True:
        records = await ledger.jobs(states=wanted, limit=size)
        ordered = reversed(records) if asked.oldest_first else iter(records)
        page = _behind(filter(asked.takes, ordered), after, limit)
        whole = len(records) < size or size >= MOST
        if whole or (page is not None and len(page) == limit):
            return page

        size *= 8


def _behind(records: Iterator[JobRecord], after: str | None, limit: int) -> list[JobRecord] | None:
    """Return what follows a job; None where it is not among them."""
    if after is not None and not any(record.id == after for record in records):
        return None

    return [one for one, _ in zip(records, range(limit), strict=False)]


async def unfinished(ledger: Ledger, after: str | None, limit: int) -> list[JobRecord]:
    """Return open jobs that no living holder drives, oldest first.

    Args:
        ledger: Which may be one that can't look for them: then all its open jobs are read.
        after: The id of the job behind which to begin; None for the oldest.
        limit: The most to return.

    Raises:
        ValidationError: The ledger doesn't know the job behind which to begin.
    """
    if after is not None and await ledger.get(after) is None:
        raise ValidationError(f"There is no job {after!r} to go on after", field="after")

    read: Any = getattr(ledger, "unfinished", None)
    if read is not None:
        return cast("list[JobRecord]", await read(after=after, limit=limit))

    every = await ledger.jobs(states=() if after is not None else ("open",), limit=MOST)
    oldest = iter(reversed(every))
    if after is not None:
        all(one.id != after for one in oldest)  # up to this one

    free = (one for one in oldest if one.state == "open" and not one.held)
    return list(islice(free, limit))
