"""Finds a job by what was typed in: its id, the provider's, the beginning of either, or a token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from .._jobs._gateway import Gateway
from .._jobs._handles import ImageJob, VideoJob
from .._jobs._tokens import read
from ..api import resume_async
from ..exceptions import TarashException, ValidationError
from ..ledger import MemoryLedger
from ..ledger._contract import JobRecord, Ledger
from ._errors import CommandError, about
from ._ledger import all_of

Handle = VideoJob | ImageJob
SHORTEST = 4
"""Characters of a beginning: fewer are typed by mistake."""
MOST = 1_000_000


def is_token(job: str) -> bool:
    """Tell whether what was typed in is a token."""
    return job.startswith(("tg1.", "tg1s."))


async def handle_of(job: str, given: str | None, most: int | None = None) -> Handle:
    """Return the handle on a job.

    Args:
        job: What was typed in.
        given: What `--ledger` said.
        most: What `--max-media-bytes` said.

    Raises:
        CommandError: A token, which has no ledger whose limit could be changed.
    """
    if is_token(job) and most is not None:
        raise CommandError("--max-media-bytes: a token has no limit of its own; name the job's id")

    if is_token(job):
        handle = _from_token(job, Gateway(ledger=await _ledger_of(job, given)))
    else:
        ledger, record = await find_record(job, given)
        handle = await resume_async(record.id, ledger, max_media_bytes=most)

    about(handle.provider, handle.model)
    return handle


async def find_record(job: str, given: str | None) -> tuple[Ledger, JobRecord]:
    """Return a job, and the ledger that has it.

    Args:
        job: What was typed in.
        given: What `--ledger` said; without it, rehearsals are looked through, too.

    Raises:
        ValidationError: Nobody knows it.
        CommandError: Several begin like this.
    """
    begin: list[tuple[Ledger, JobRecord]] = []
    for ledger in all_of(given, always=True):
        record = await ledger.get(job)
        if record is not None:
            return ledger, record

        for known in await ledger.jobs(limit=MOST):
            names = [*_names(known)]
            if job in names:
                return ledger, known

            if len(job) >= SHORTEST and any(name.startswith(job) for name in names):
                begin.append((ledger, known))

    if not begin:
        raise ValidationError(
            f"The ledger knows no job {job!r}; see whether it is the right ledger, and take the id "
            "from `tarash jobs ls --all`"
        )

    if len(begin) > 1:
        those = ", ".join(next(_names(record)) for _, record in begin[:5])
        raise CommandError(f"{len(begin)} jobs begin with {job!r} ({those}); type more of the id")

    return begin[0]


async def known_record(job_id: str, given: str | None) -> tuple[Ledger, JobRecord] | None:
    """Return the job of this id of ours and its ledger; None where no ledger has it."""
    for ledger in all_of(given, always=True):
        record = await ledger.get(job_id) if job_id else None
        if record is not None:
            return ledger, record

    return None


def _names(record: JobRecord) -> Iterator[str]:
    """Yield what a job is called by, as the list shows it first."""
    for entry in reversed(record.entries):
        if entry.operation is not None:
            yield entry.operation.id

    yield record.id


async def _ledger_of(token: str, given: str | None) -> Ledger:
    """Return the ledger that settles the job of a token; an empty one where none can be read."""
    try:
        ledgers = all_of(given, always=True)
    except CommandError:
        return MemoryLedger()  # the token is enough to wait for the job

    operation = read(token)
    for ledger in ledgers:
        with suppress(TarashException):
            if await ledger.find(operation.provider, operation.id) is not None:
                return ledger

    return ledgers[0]


def _from_token(token: str, gateway: Gateway) -> Handle:
    try:
        return VideoJob.from_token(token, gateway=gateway)
    except ValidationError as error:
        if error.code != "other_kind":
            raise

        return ImageJob.from_token(token, gateway=gateway)
