"""Opens a job in its ledger, or finds the one that is there, and rebuilds stored ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio

from .._data._events import AttemptEvent
from .._data._exchange import Call, Operation
from .._engine import Lease
from .._engine._attempt import Attempt
from .._engine._audience import Observers, opened
from .._support._ids import generate_unique_id
from .._support._secrets import Keys, secrets_of
from .._support._words import with_article
from ..exceptions import StorageError, TarashException, ValidationError
from ..media import Unreachable, check_usable, has_media, load, rules_of
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from ._calls import calls_for, guarded
from ._chain import ChainRun
from ._queue import Task, write_down
from ._restore_attempts import attempts_of
from ._store import calls_of, kept_of, record_of
from ._withdrawing import was_withdrawn, withdraw, withdraw_later

if TYPE_CHECKING:
    from .._data._exchange import Config, Request
    from .._data._types import Kind
    from .._engine import EngineContext
    from ..ledger._contract import JobRecord, Ledger

LONGEST_KEY = 255
MOCK = "mock"
"""Whom the mock's operations belong to, whichever provider it stands in for."""
HEARD_PAUSE = 10
"""The most where the ledger says when a job has changed."""
NOT_TOLD = "(a token does not carry the request)"
LOOK_PAUSES = (0.02, 0.5)
"""Seconds between two readings of what another process does with a job: at first, and at most."""


async def begin(  # noqa: PLR0913, PLR0917  (the public arguments)
    kind: Kind,
    config: Config,
    request: Request,
    resources: EngineContext,
    key: str | None,
    labels: Mapping[str, str],
    task: Task | None = None,
) -> tuple[ChainRun, JobRecord | None]:
    """Write a new job down, in our hands; one with a task in nobody's, for whoever works the queue.

    Returns:
        Its run, and None; or a run of the job that has this idempotency key, and its record.

    Raises:
        ValidationError: The key is another request's, or none; or a medium can't be read, or
            the results can't be saved where they are to go.
        StorageError: The ledger can't be written, so nothing is submitted.
    """
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= LONGEST_KEY):
        raise ValidationError(
            f"idempotency_key is a text of 1 to {LONGEST_KEY} characters, such as an order number"
        )

    calls = calls_for(
        kind, config, request, resources.registry, untrusted=resources.untrusted_requests
    )
    about = _about(calls[0], labels)
    labels = {**labels, **opened(resources.observers, about)}
    calls = [replace(call, labels=labels) for call in calls] if labels else calls
    lease = Lease(resources.ledger, calls[0].request_id, generate_unique_id())
    try:
        await _check_places(calls)
        calls = await _with_media(calls)
        record, media = await record_of(calls, key, resources.registry)
        existing = await _open(lease, record, media, config, task)
    except BaseException:
        Observers(resources.observers).conclude(about, "refused")
        raise

    if existing is None:
        if task is not None:  # whoever works the queue goes on with it
            Observers(resources.observers).conclude(about, "queued")

        run = ChainRun(calls, resources, lease)
        run.key = key
        return run, None

    Observers(resources.observers).conclude(about, "joined")
    if existing.fingerprint != record.fingerprint:
        raise ValidationError(
            f"idempotency_key {key!r} belongs to the job {existing.id}, which has another request; "
            "use a key of its own for each request",
            submission="not_sent",
        )

    makers = [call.config for call in calls]
    keys = Keys({config.provider: config.api_key for config in makers if config.api_key})
    known = _left_running(calls)
    return await rebuilt(existing, resources, keys, known, calls[0].request), existing


def _about(call: Call, labels: Mapping[str, str]) -> AttemptEvent:
    """Return which job this is, for those who observe."""
    return AttemptEvent(
        job_id=call.request_id,
        request_id=call.request_id,
        kind=call.kind,
        provider=call.config.provider,
        model=call.config.model,
        labels=labels,
    )


def _left_running(calls: Sequence[Call]) -> list[Config]:
    """Return configs for a job that others may wait for, too: nobody's deadline stops it."""
    return [call.config.model_copy(update={"on_timeout": "detach"}) for call in calls]


async def _check_places(calls: Sequence[Call]) -> None:
    """Check where the results are to go, as far as it can be known before anything is bought.

    Raises:
        ValidationError: They could not be saved there.
    """
    for place in dict.fromkeys(call.config.save_to for call in calls):
        if place is None:
            continue

        try:
            await check_usable(str(place))
        except Unreachable as error:
            head = calls[0]
            raise ValidationError(
                f"Nothing could be saved to {place!r}: {error}",
                head.config.provider,
                head.config.model,
                head.request_id,
                submission="not_sent",
            ) from error.__cause__


async def _with_media(calls: list[Call]) -> list[Call]:
    """Return the calls with the request's files read: once, and before anything is written down.

    Raises:
        ValidationError: A medium can't be read, or is none.
    """
    head = calls[0]
    if not has_media(head.request):
        return calls

    try:
        request = await load(head.request, rules_of(head.config))
    except ValidationError as error:
        error.provider, error.model = head.config.provider, head.config.model
        error.request_id, error.submission = head.request_id, "not_sent"
        raise

    if request is head.request:
        return calls

    return [replace(call, request=request) for call in calls]


async def _open(
    lease: Lease,
    record: JobRecord,
    media: Mapping[str, bytes],
    config: Config,
    task: Task | None,
) -> JobRecord | None:
    existing = await _written(lease, record, media, config, task)
    if existing is not None and await was_withdrawn(lease.ledger, existing.id):
        return await _written(lease, record, media, config, task)

    return existing


async def _written(
    lease: Lease,
    record: JobRecord,
    media: Mapping[str, bytes],
    config: Config,
    task: Task | None,
) -> JobRecord | None:
    ledger, owner_id = lease.ledger, lease.owner_id
    has_key = record.idempotency_key is not None
    try:
        if task is not None:
            return await write_down(ledger, record, owner_id, media, task)

        return await ledger.open(record, owner_id, media)
    except asyncio.CancelledError:
        await withdraw(lease, has_key=has_key, is_queued=task is not None)
        raise
    except TarashException as error:
        if error.submission == "not_sent" or isinstance(error, ValidationError):
            error.submission = "not_sent"
        else:
            _note_uncertain(error, lease, has_key, task)

        raise
    except Exception as error:  # noqa: BLE001  (a user's ledger may raise anything)
        secrets = secrets_of(config)
        reason, cause = secrets.text(str(error)), secrets.error(error)
        kind = type(error).__name__

    failure = StorageError(f"The ledger could not be written ({kind}: {reason})")
    _note_uncertain(failure, lease, has_key, task)
    raise failure from cause


def _note_uncertain(error: TarashException, lease: Lease, has_key: bool, task: Task | None) -> None:
    """See to a job that may have been written down though the ledger has failed, and say so.

    Nobody else sends a job in our hands, and it is taken back. One in the queue is a worker's.
    """
    if task is None:
        withdraw_later(lease, has_key=has_key, is_queued=False)
        error.submission = "not_sent"
        error.amend(after=" (nothing was submitted)")
        return

    error.submission, error.request_id = "unknown", lease.job_id
    error.amend(
        after=f" The job {lease.job_id} may be in the queue all the same, and a worker would send "
        "it: look for it by this id, or enqueue it again under the same idempotency_key"
    )


async def rebuilt(
    record: JobRecord,
    resources: EngineContext,
    keys: Keys,
    known: Sequence[Config] = (),
    request: Request | None = None,
) -> ChainRun:
    """Return a run of a stored job, in nobody's hands yet.

    Args:
        record: The job.
        resources: What calls share.
        keys: API keys by provider, or by provider and base URL; others are the environment's.
        known: The chain's configs with their secrets, where they are at hand.
        request: The job's request with all of its media, where it is at hand.
    """
    calls = await calls_of(record, resources.ledger, keys, known, request)
    if resources.untrusted_requests:
        calls = [replace(call, config=guarded(call.config)) for call in calls]

    if resources.max_media_bytes is not None:
        limit = {"max_media_bytes": resources.max_media_bytes}
        calls = [replace(call, config=call.config.model_copy(update=limit)) for call in calls]

    run = ChainRun(calls, resources, Lease(resources.ledger, record.id, ""))
    run.key = record.idempotency_key
    run.was_open = record.state == "open"
    run.kept = await kept_of(record, resources.ledger)
    run.resume(attempts_of(record, calls))
    return run


def adopted(operation: Operation, config: Config | None, resources: EngineContext) -> ChainRun:
    """Return a run that can only wait for an operation, without its job.

    Raises:
        ValidationError: The config is another provider's, or of the other kind; or nobody knows
            the provider, or it has no jobs.
    """
    is_mocked = operation.provider == MOCK
    if not is_mocked:
        resources.registry.adapter(operation.provider)
    is_video = operation.kind == "video"
    config_type = VideoGenerationConfig if is_video else ImageGenerationConfig
    request_type = VideoGenerationRequest if is_video else ImageGenerationRequest
    if config is None:
        plain: dict[str, Any] = {"provider": operation.provider, "model": operation.model}
        mock = MockConfig(enabled=True) if is_mocked else None
        config = config_type(**plain, mock=mock, on_timeout="detach")

    provider = MOCK if config.mock is not None and config.mock.enabled else config.provider
    if not isinstance(config, config_type) or provider != operation.provider:
        raise ValidationError(
            f"The job is {with_article(operation.kind)} of {operation.provider}; give it "
            f"{with_article(config_type.__name__)} with this provider"
        )

    request: Request = request_type(prompt=NOT_TOLD)
    call = Call(operation.kind, config, request, operation.id)
    attempt = Attempt(call, operation=operation, submission="accepted", fitted=call)
    run = ChainRun([call], resources, Lease(resources.ledger, "", ""))
    run.attempts = [attempt]
    return run


async def changed(ledger: Ledger, job_id: str, tries: int) -> JobRecord | None:
    """Return a job after a moment in which its holder may have come further."""
    first, longest = LOOK_PAUSES
    pause = first * 2 ** min(tries, 20)
    hear: Any = getattr(ledger, "until_changed", None)
    if hear is None:
        await anyio.sleep(min(pause, longest))
    else:
        await hear(job_id, min(pause, HEARD_PAUSE), min(pause, longest))

    return await ledger.get(job_id)


async def come_back(run: ChainRun, known_at: float | None) -> JobRecord | None:
    """Return a job that its ledger has lost, where it is there again within a lease.

    A standby that has taken a database's place lacks what was written last; whoever drives the job
    writes it down again. Where its operation is known, its provider can be asked meanwhile.

    Args:
        run: The job's.
        known_at: When the ledger knew it, by the loop's clock; None for never.
    """
    record, tries = None, 0
    if known_at is None or not run.lease.keeps or run.current.operation is not None:
        return None

    until = known_at + run.lease.ledger.lease_seconds
    while record is None and anyio.current_time() < until:
        record = await changed(run.lease.ledger, run.lease.job_id, tries)
        tries += 1

    return record
