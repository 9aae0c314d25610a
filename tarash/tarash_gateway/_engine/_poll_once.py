"""One poll of an accepted job, and what it says. What may pass by itself never loses the job."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from .._data._events import Polled
from .._data._exchange import Operation, RawResult, Snapshot
from ..exceptions import GenerationFailedError, HTTPConnectionError, TarashException
from ._blanks import Blanks
from ._intermediaries import checked_poll
from ._lease import Lease, was_stopped
from ._patience import patient
from ._poll_values import polled
from ._timeouts import POLL_SECONDS
from ._troubles import Troubles, unforeseen_failure

if TYPE_CHECKING:
    from ..providers._contract import Adapter, ReadingAdapter
    from ._attempt import Attempt


class Poller:
    """The polls of one job. Without a dictionary: thousands of jobs are watched at a time."""

    __slots__ = (
        "_adapter",
        "_attempt",
        "_blanks",
        "_client",
        "_clock",
        "_failed",
        "_lease",
        "_most",
        "_operation",
        "_polls",
        "troubles",
    )

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        adapter: Adapter,
        client: Any,
        attempt: Attempt,
        operation: Operation,
        lease: Lease,
        floor: float,
    ) -> None:
        self._adapter = adapter
        self._client = client
        self._attempt = attempt
        self._operation = operation
        self._lease = lease
        self._clock = asyncio.get_running_loop().time
        self._most = attempt.call.config.max_poll_attempts
        self._polls = 0
        self._failed = False
        self.troubles = Troubles(attempt, operation, floor, self._clock)
        self._blanks = Blanks(adapter, attempt, operation, self._clock)

    @property
    def has_polled(self) -> bool:
        """Whether the provider was asked after the job."""
        return self._polls > 0

    async def believed(self) -> RawResult | None:
        """Return the result of a job that had ended when its submit was answered.

        An answer that says so and has no media, nor a reason, says nothing: the words for a job's
        end may stand there for that of the submit. The job is polled then, as any other.

        Raises:
            TarashException: The provider says that the job failed.
        """
        body = self._attempt.answered_end.take()
        if body is None:
            return None

        snapshot = await self._read(body)
        if self._blanks.is_end(snapshot):
            return (await self._heard_of(snapshot)).finished

        if snapshot.trouble is None:
            self._record_ready(ready=False)

        return None

    async def _read(self, status: Mapping[str, Any]) -> Snapshot:
        """Read a status that came otherwise than in answer to a poll."""
        read = cast("ReadingAdapter", self._adapter).read_status
        return await self._exchanged(partial(read, self._client, self._operation, status))

    async def poll_once(
        self, news: Snapshot | None = None, status: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Poll once; what is said of the exchange, and not of the job, counts as no news.

        Args:
            news: What was just said of it together with others, in place of a poll of its own.
            status: What its status stream has said of its end, in place of the status of a poll.

        Raises:
            TarashException: The provider says that the job failed, or has denied it for long.
        """
        self._polls += 1
        if news is None and status is not None:
            news = await self._read(status)

        poll = partial(self._adapter.poll, self._client, self._operation)
        snapshot = news or await self._exchanged(poll)
        snapshot = self._blanks.borne(snapshot, is_last=self._polls == self._most)

        return await self._heard_of(snapshot)

    async def _heard_of(self, snapshot: Snapshot) -> Snapshot:
        """Take note of what is said of the job.

        Raises:
            TarashException: The provider says that it failed, or has denied it for long.
        """
        if snapshot.finished is None:
            await self._attempt.apply(polled(snapshot, result_ready=self._attempt.done))

        if snapshot.trouble is not None:
            self._failed = True
            is_new = self.troubles.record(snapshot.trouble, denied=snapshot.denied)
            if self.troubles.is_denied and await was_stopped(self._attempt, self._lease):
                # So a provider says that it has been deleted.
                await self._attempt.apply(polled(snapshot, final=True))
                raise snapshot.trouble

            return snapshot if is_new else replace(snapshot, trouble=None)

        self.troubles.none()
        snapshot = self.troubles.status(snapshot)
        if snapshot.status == "failed":
            raise snapshot.error or GenerationFailedError(
                "The job failed, and the provider did not say why", raw_response=snapshot.raw
            )

        return snapshot

    async def _exchanged(self, exchange: Callable[[], Awaitable[Snapshot]]) -> Snapshot:
        trouble: TarashException
        try:
            with patient(self._attempt) as patience:
                snapshot = checked_poll(await exchange(), self._operation)

            if snapshot.trouble is None:  # machines that don't agree may take it back
                self._record_ready(ready=patience.is_done)

            if snapshot.status != "completed" or snapshot.finished is not None:
                return snapshot

            self._record_ready(ready=True)
            trouble = HTTPConnectionError("The job is done, and its result is not there yet")
        except TarashException as error:
            trouble = error
        except builtins.TimeoutError:
            trouble = HTTPConnectionError(f"A poll of the job took longer than {POLL_SECONDS} s")
        except Exception as error:  # noqa: BLE001  (whatever it is, the job is paid for)
            trouble = unforeseen_failure(error, self._attempt.secrets)

        status = self._attempt.status or "queued"
        return Snapshot(status, retry_after=trouble.retry_after, trouble=trouble)

    def _record_ready(self, *, ready: bool) -> None:
        """Take note at once of whether the result is there: a cancellation goes by it."""
        attempt = self._attempt
        if attempt.status is None or attempt.done != ready:
            attempt.take(Polled(status=attempt.status or "queued", result_ready=ready))
