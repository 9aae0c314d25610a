"""A job in the hands of whoever drives it: the ledger, and the name under which it is held."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._support._later import try_later
from .._support._logging import event
from ..exceptions import StorageError, TarashException
from ..ledger._records import STOPPED
from ._limits import CANCEL_SECONDS, FLUSH_SECONDS, SURE_SECONDS
from ._received import write_received

if TYPE_CHECKING:
    from .._data._money import Cost
    from .._data._types import JsonObject
    from ..ledger._records import JobState, Ledger, MoneyLedger, Outcome, SubmissionRecord
    from ._attempt import Attempt

FACTS = (
    "retryable", "submission", "status_code", "timeout_seconds", "operation", "code", "field",
)  # fmt: skip
"""What is kept of an error beside its message."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who drives a job. Only a holder submits, settles, and cancels by itself."""

    ledger: Ledger
    job_id: str
    owner_id: str
    """Empty for a mere watcher, who looks at a job that somebody else may hold."""
    unwritten: list[Callable[[], Awaitable[Any]]] = field(default_factory=list, repr=False)
    """What the ledger could not write down yet."""
    heard_of: list[datetime] = field(default_factory=list, repr=False)
    """When the ledger has last heard of us, if it has."""

    @property
    def is_watcher(self) -> bool:
        """Whether this one only looks."""
        return not self.owner_id

    @property
    def keeps(self) -> bool:
        """Whether what is written down outlives the process."""
        return math.isfinite(self.ledger.lease_seconds)

    def say_alive(self, since: datetime) -> None:
        """Note that the ledger has heard of us.

        Args:
            since: Before it was asked to: we may have stood still ever since.
        """
        self.heard_of[:] = [since]

    def is_late(self) -> bool:
        """Tell whether the ledger has not heard of us for so long that others may go on.

        By the time of day, as in the ledger: it goes on while the machine sleeps.
        """
        if not self.keeps or not self.heard_of:
            return False

        sure = timedelta(seconds=max(self.ledger.lease_seconds, SURE_SECONDS))
        return datetime.now(UTC) - self.heard_of[0] > sure

    def taken_over(self) -> TarashException:
        """Return the error for a job that another process holds by now.

        How the submit ended is the attempt's to say: `Attempt.complete` puts it there.
        """
        return TarashException(
            f"The job {self.job_id} was taken over by another process while this one stood still; "
            "that one goes on with it, and its result is there",
        )

    def missing(self) -> StorageError:
        """Return the error for a job that the ledger does not know any more."""
        return StorageError(
            f"The ledger does not know the job {self.job_id} any more: its file was removed or "
            "replaced. Nothing more is submitted; put the file back before you order again",
        )

    async def write(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Write something down now, or as soon as the ledger can; it holds up nothing else."""
        self.unwritten.append(work)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Write down what could not be written down before, in the same order."""
        try:
            await self.write_all()
        except TarashException as error:
            ledger_failed(self, error)

    async def write_all(self) -> None:
        """As `catch_up`, for whoever goes on only where all of it is written down.

        Raises:
            TarashException: The ledger fails, and the rest would not come through either.
        """
        for work in list(self.unwritten):
            try:
                await work()
            except TarashException:
                raise
            except Exception as error:  # noqa: BLE001  (the job at hand matters more)
                ledger_failed(self, error)
            else:
                with suppress(ValueError):  # somebody else was faster
                    self.unwritten.remove(work)

    async def is_ours(self) -> bool:
        """Tell whether the job is still in our hands, or nobody's; then it is in ours again.

        We may have stood still for longer than the lease. A ledger that fails, or has lost the job,
        takes nothing away.
        """
        if not self.keeps:
            return True

        with _bounded(self, CANCEL_SECONDS):
            return await self.take()

        return True

    async def take(self) -> bool:
        """Take the job into our hands, where it has not ended and no living holder has it."""
        held = await self.ledger.claim(self.job_id, self.owner_id)
        if held is None:
            return True  # not in this ledger any more, so that nobody else can have it

        if not held:
            return False

        record = await self.ledger.get(self.job_id)
        if record is None or record.state in ("open", "unknown"):
            return True

        # Another process has ended it, and has the last word.
        await self.ledger.close(self.job_id, self.owner_id, record.state, record.result)
        return False

    async def let_go(self) -> bool:
        """Let go of a job that we drive no more, once what was heard of it is written down.

        Returns:
            Whether that is done; else the ledger fails still.
        """
        with _bounded(self, FLUSH_SECONDS):
            await self.write_all()
            await self.ledger.close(self.job_id, self.owner_id, "open")
            return True

        return False

    async def close(
        self, state: JobState, result: JsonObject | None, *, free_key: bool, delivered: bool
    ) -> bool | None:
        """Write down how the job ended, and let go of it.

        Args:
            state: Where it stands from now on.
            result: What there is to tell whoever asks for it again.
            free_key: Whether its idempotency key may be used again.
            delivered: Whether there is a response, which is the job's end wherever nobody else
                goes on with it.

        Returns:
            Whether that was ours to do; also where the ledger fails, or is too slow: then it is
            written down as soon as the ledger can, while the event loop lives. None where the
            ledger does not know the job any more.
        """
        work = partial(self._close, state, result, free_key=free_key, delivered=delivered)
        with _bounded(self, FLUSH_SECONDS):
            with _bounded(self, FLUSH_SECONDS / 2):
                await self.catch_up()

            return await work()

        self._try_later(work)
        return True

    async def _close(
        self, state: JobState, result: JsonObject | None, *, free_key: bool, delivered: bool
    ) -> bool | None:
        facts = (self.job_id, self.owner_id, state, result)
        held = await self.ledger.close(*facts, free_key=free_key)
        if held is not False or not (delivered and await self.is_ours()):
            return held

        return await self.ledger.close(*facts, free_key=free_key)

    def _try_later(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Have an end written down as soon as the ledger can: whoever waits has waited enough."""

        async def again() -> None:
            await self.catch_up()
            await work()

        def give_up(why: str) -> None:
            ledger_failed(self, StorageError(f"The end was not written down ({why})"))

        try_later(self.ledger, again, give_up)

    async def keep(self, result: JsonObject | None) -> bool | None:
        """Write down that the job is open, whatever it was before, and let go of it.

        Args:
            result: What it came to, where nobody has got that.

        Returns:
            As `close`.
        """
        with _bounded(self, FLUSH_SECONDS):
            await self.catch_up()
            held = await self.ledger.keep(self.job_id, self.owner_id, result)
            if held is not False:
                return held

            # It was closed a moment ago, and the user has not got the response after all.
            if await self.ledger.claim(self.job_id, self.owner_id):
                return await self.ledger.keep(self.job_id, self.owner_id, result)

            return True

        # By then others may have taken it up: it is theirs.
        self._try_later(partial(self.ledger.keep, self.job_id, self.owner_id, result))
        return True


@contextmanager
def _bounded(lease: Lease, seconds: float) -> Iterator[anyio.CancelScope]:
    """Give a ledger so much time, whoever is cancelled meanwhile; log that it fails, or is slow.

    What it holds up matters more than it: a paid result, or whatever ends us.
    """
    with anyio.CancelScope(shield=True), anyio.move_on_after(seconds) as limit:
        try:
            yield limit
        except Exception as error:  # noqa: BLE001  (as above)
            ledger_failed(lease, error)

    if limit.cancelled_caught:
        ledger_failed(lease, TimeoutError(f"it took longer than {seconds} s"))


async def settle(attempt: Attempt, lease: Lease, outcome: Outcome) -> None:
    """Write down how an attempt ended; a ledger that fails, or hangs, does not hold up a result."""
    if attempt.intent is None or lease.is_watcher:
        return

    await _write(lease, partial(_settle, attempt, lease.ledger, outcome))


async def leave(attempt: Attempt, lease: Lease) -> None:
    """Write down that a submit has not left, so that whoever goes on with its job sends it.

    The ledger may have its intent, or not. Where somebody else drives the job by now, he has the
    last word.
    """
    if attempt.intent is not None and not lease.is_watcher:
        await _write(lease, partial(_leave, attempt, lease))


async def _leave(attempt: Attempt, lease: Lease) -> None:
    assert attempt.intent is not None  # noqa: S101  (`leave` looked)
    facts = (attempt.intent.id, lease.owner_id, {"tries": attempt.tries}, attempt.submission)
    if await lease.ledger.note(*facts):
        await _settle(attempt, lease.ledger, "cancelled")


async def settle_stopped(attempt: Attempt, ledger: Ledger) -> None:
    """Write down what a job has cost that was stopped by a handle: nobody may drive it any more."""
    try:
        await _settle(attempt, ledger, STOPPED)
    except Exception as error:  # noqa: BLE001  (the provider's answer is what the user asked for)
        attempt.log(logging.ERROR, "ledger_failed", error=f"{type(error).__name__}: {error}")


async def _settle(attempt: Attempt, ledger: Ledger, outcome: Outcome) -> None:
    if attempt.intent is None:
        return

    facts = (attempt.intent.id, attempt.submission, outcome)
    if not keeps_money(ledger):
        await ledger.settle(*facts)
        return

    cost = attempt.cost_of(success=outcome == "completed")
    await cast("MoneyLedger", ledger).settle(
        *facts,
        cost=None if cost is None else {"amount": str(cost.amount), "currency": cost.currency},
        cost_state=_cost_state(attempt, cost, outcome),
    )


def keeps_money(ledger: Ledger) -> bool:
    """Tell whether a ledger knows what submits cost, and takes that."""
    if not getattr(ledger, "keeps_money", False):
        return False

    kind = type(ledger)
    # What stands before a ledger may hand on what it has not itself.
    return _takes_costs(kind) if hasattr(kind, "settle") else _takes_a_cost(ledger.settle)


@cache
def _takes_costs(kind: type[Ledger]) -> bool:
    return _takes_a_cost(kind.settle)


def _takes_a_cost(settle: Callable[..., Any]) -> bool:
    """Tell whether a ledger's own `settle` takes a cost: a user's may be older than that."""
    known = inspect.signature(settle).parameters.values()
    return any(one.name == "cost" or one.kind is one.VAR_KEYWORD for one in known)


def _cost_state(attempt: Attempt, cost: Cost | None, outcome: Outcome) -> str:
    if outcome != "completed" and attempt.billing(success=False) == "possible":
        return "possible"

    return "estimated" if cost is None else cost.state


async def rewrite(attempt: Attempt, lease: Lease) -> None:
    """Write down once more what is known of an attempt, in a ledger that has lost it."""
    if attempt.intent is None:
        return

    # What is bought already has to fit into no budget any more.
    intent = replace(attempt.intent, budgets=())
    if not await lease.ledger.intend(intent, lease.owner_id):
        return

    if attempt.heard:
        await lease.ledger.note(intent.id, lease.owner_id, attempt.heard)

    if attempt.operation is not None:
        await lease.ledger.accept(intent.id, attempt.operation)
    elif attempt.finished is not None:
        await write_received(attempt, lease)

    if attempt.outcome is not None:
        await _settle(attempt, lease.ledger, attempt.outcome)


def told_of(error: TarashException) -> JsonObject:
    """Return an error as a ledger keeps it."""
    facts = {name: getattr(error, name) for name in FACTS if hasattr(error, name)}
    ids = {"provider": error.provider, "model": error.model, "request_id": error.request_id}
    return {"type": type(error).__name__, "message": error.message, **ids, **facts}


async def note(attempt: Attempt, lease: Lease, heard: JsonObject) -> None:
    """Write down what was heard of a submit while its attempt goes on; as `settle`."""
    if attempt.intent is None or lease.is_watcher:
        return

    submission = attempt.submission if attempt.submission in ("rejected", "not_sent") else None
    facts = (attempt.intent.id, lease.owner_id, heard, submission)
    await _write(lease, partial(lease.ledger.note, *facts))


async def _write(lease: Lease, work: Callable[[], Awaitable[Any]]) -> None:
    with _bounded(lease, CANCEL_SECONDS) as limit:
        await lease.write(work)

    if limit.cancelled_caught and not lease.keeps:
        lease.unwritten.clear()  # nobody comes back to it


def ledger_failed(lease: Lease, error: Exception) -> None:
    """Log a ledger's failure that does not hold up a job that is paid for."""
    event(
        logging.ERROR,
        "ledger_failed",
        job_id=lease.job_id,
        error=f"{type(error).__name__}: {error}",
    )


async def was_stopped(attempt: Attempt, lease: Lease) -> bool:
    """Tell whether somebody has stopped this attempt by a handle: here, or elsewhere."""
    if attempt.stopped or attempt.intent is None:
        return attempt.stopped

    entries = await _entries(lease)
    return any(_is_stopped(one) for one in entries if one.intent.id == attempt.intent.id)


async def job_was_stopped(lease: Lease) -> bool:
    """Tell whether somebody has stopped any attempt of the job: then nobody wants another one."""
    return any(_is_stopped(one) for one in await _entries(lease))


def _is_stopped(entry: SubmissionRecord) -> bool:
    return entry.outcome == STOPPED or bool(entry.heard.get(STOPPED))


async def _entries(lease: Lease) -> tuple[SubmissionRecord, ...]:
    if not lease.job_id:
        return ()

    try:
        record = await lease.ledger.get(lease.job_id)
    except Exception as error:  # noqa: BLE001  (the failure at hand is what users must see)
        ledger_failed(lease, error)
        return ()

    return () if record is None else record.entries
