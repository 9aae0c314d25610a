"""Looks at one accepted job until it is done. What may pass by itself never loses the job."""

from __future__ import annotations

import asyncio
import builtins
import logging
import math
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._data._events import Polled
from .._data._exchange import Operation, RawResult, Snapshot
from ..exceptions import (
    GenerationFailedError,
    HTTPConnectionError,
    TarashException,
    ValidationError,
)
from ._lease import Lease, was_stopped
from ._limits import LONGEST_PACE, POLL_SECONDS, STREAM_POLL_FACTOR, UNSEEN_SECONDS
from ._loop_state import Wakeup, seen
from ._patience import patient
from ._polling import FIRST_LOOK, PollSchedule
from ._troubles import Troubles

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from .._data._exchange import Call, Config
    from ..providers._contract import Adapter, StreamingAdapter
    from ._attempt import Attempt
    from ._progress import Progress

ENDED = frozenset({"completed", "failed"})
STREAM_SECONDS = 0.05
"""A status stream's last event tells so exactly when the job ended."""


class OutOfLooks(Exception):  # noqa: N818  (control flow inside the engine, never seen by users)
    """`max_poll_attempts` are used up."""


def poll_floor(adapter: Adapter, config: Config) -> float:
    """Return the seconds that two looks are apart at least: the user's word, else the provider's.

    Raises:
        ValidationError: The user's is no number of seconds.
    """
    floor = config.provider_config.get("min_poll_interval")
    if floor is None:
        return adapter.min_poll_interval

    if not isinstance(floor, int | float) or not 0 <= floor < math.inf:
        raise ValidationError(
            f"provider_config['min_poll_interval'] is {floor!r}; give seconds, 0 or more"
        )

    return float(floor)


def _kind_of(call: Call, operation: Operation) -> tuple[Any, ...]:
    """Return what jobs have in common that take about the same time."""
    wishes = (getattr(call.request, name, None) for name in ("duration_seconds", "resolution"))
    return (operation.model, operation.kind, *wishes)


def _age(operation: Operation) -> float:
    """Return the seconds since a job was submitted, maybe by another process."""
    try:
        submitted = datetime.fromisoformat(operation.submitted_at)
        return max(0.0, (datetime.now(UTC) - submitted).total_seconds())
    except (TypeError, ValueError):
        return 0.0


class Watch:
    """One accepted job under observation."""

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        adapter: Adapter,
        client: Any,
        attempt: Attempt,
        progress: Progress,
        operation: Operation,
        rng: Random,
        lease: Lease,
    ) -> None:
        config = attempt.call.config
        self._floor = poll_floor(adapter, config)
        self._slow = STREAM_POLL_FACTOR * max(config.poll_interval, self._floor)
        self._most = config.max_poll_attempts
        self._adapter = adapter
        self._client = client
        self._lease = lease
        self._attempt = attempt
        self._progress = progress
        self._operation = operation
        self._clock = asyncio.get_running_loop().time
        self._since = self._clock()
        self._age = _age(operation)
        self._running_at = 0.0
        self._looks = 0
        self._failed = False
        self.troubles = Troubles(attempt, operation, self._floor, self._clock)
        self._streaming = False
        self._has_stream = False
        self._told = False
        self._shared = seen()
        self._place = (config.provider, config.base_url)
        self._history = self._shared.history((*self._place, *_kind_of(attempt.call, operation)))
        self._pace = PollSchedule(config.poll_interval, self._floor, rng, self._history)
        self._retry_after = _paced(operation.data.get("retry_after"))

    async def until_done(self) -> RawResult:
        """Look until the job is done; a status stream may cut the pauses short.

        Raises:
            OutOfLooks: It is not done after `max_poll_attempts` looks.
            TarashException: It failed, or the provider has denied it for long.
        """
        self._history.waiting += 1
        try:
            return await self._look_until_done()
        finally:
            self._history.waiting -= 1

    async def _look_until_done(self) -> RawResult:
        streams = "stream" in self._adapter.abilities
        while True:
            if streams and self._shared.take_stream(self._place):
                self._has_stream = True
                try:
                    return await self._listening()
                finally:
                    self._give_stream()

            await self._sleep()
            finished = await self._step()
            if finished is not None:
                return finished

    async def _listening(self) -> RawResult:
        failure: BaseException | None = None
        finished: RawResult | None = None
        send, receive = anyio.create_memory_object_stream[Snapshot](64)
        with send, receive:
            async with anyio.create_task_group() as group:
                group.start_soon(self._listen, send)
                try:
                    while finished is None:
                        await self._wait(self._pause(), receive)
                        finished = await self._step()
                except asyncio.CancelledError:
                    raise
                except BaseException as error:  # noqa: BLE001
                    failure = error  # raised below, where no task group wraps it

                group.cancel_scope.cancel()

        if finished is None:
            raise failure or GenerationFailedError("The job ended without a result")

        return finished

    async def _step(self) -> RawResult | None:
        """Look once, and pass on what there is to tell."""
        elapsed = self._elapsed()
        self._failed = False
        snapshot = await self.look()
        self._retry_after = _paced(snapshot.retry_after)
        if snapshot.finished is not None:
            self._learn(elapsed)
            return snapshot.finished

        if self._looks == self._most:
            raise OutOfLooks

        if not self._failed:
            self._running_at = elapsed

        await self._progress.look(snapshot)
        return None

    def _elapsed(self) -> float:
        return self._age + self._clock() - self._since

    def _pause(self) -> float:
        pause = self._pace.pause(self._elapsed(), self._retry_after, failed=self._failed)
        is_taken_up = not self._looks and self._age > UNSEEN_SECONDS
        # A job of another process may have ended long ago.
        return min(pause, FIRST_LOOK) if is_taken_up else pause

    def _learn(self, elapsed: float) -> None:
        """Remember how long this job took, unless it had ended unseen before anybody looked."""
        if self._age > UNSEEN_SECONDS and not self._running_at:
            return

        after = max(self._running_at, elapsed - STREAM_SECONDS) if self._told else self._running_at
        self._history.note(after, elapsed)

    async def _sleep(self) -> None:
        """Wait for the next look; the first job of its kind to end cuts the wait short."""
        bell = Wakeup()
        known = self._history.window is not None or self._retry_after is not None
        start = self._elapsed()
        pause = self._pause()
        if known:
            await bell.wait(pause)
            return

        self._history.on_first.add(bell.ring)
        try:
            rung = await bell.wait(pause)
        finally:
            self._history.on_first.discard(bell.ring)

        if rung:
            gone = self._elapsed() - start
            await bell.wait(max(min(self._pause(), pause - gone), self._floor - gone))

    async def _wait(self, pause: float, receive: MemoryObjectReceiveStream[Snapshot]) -> None:
        """Wait for the next look; events of the status stream are passed on, the last ends it."""
        start = self._clock()
        until = start + (max(pause, self._slow) if self._streaming else pause)
        while (left := until - self._clock()) > 0:
            snapshot = None
            with anyio.move_on_after(left):
                snapshot = await receive.receive()

            self._told = self._streaming and snapshot is not None
            if snapshot is None or snapshot.status in ENDED:
                return

            # Outside the limit above, which would cut a user's slow callback short.
            await self._attempt.apply(polled(snapshot))
            await self._progress.look(snapshot)
            until = start + max(pause, self._slow)

    async def _listen(self, send: MemoryObjectSendStream[Snapshot]) -> None:
        adapter = cast("StreamingAdapter", self._adapter)
        try:
            async for snapshot in adapter.stream(self._client, self._operation):
                self._streaming = True
                await send.send(snapshot)
        except Exception as error:  # noqa: BLE001  (a stream only hurries the looks along)
            self._attempt.log(logging.DEBUG, "stream_broke", error=str(error))
        finally:
            self._give_stream()
            if self._streaming:
                self._streaming = False
                with suppress(anyio.WouldBlock):
                    # What nobody listens to any more is worth a look now.
                    send.send_nowait(Snapshot("completed"))

    def _give_stream(self) -> None:
        """Leave the stream's place to another job, once."""
        if self._has_stream:
            self._has_stream = False
            self._shared.give_stream(self._place)

    async def look(self) -> Snapshot:
        """Look once; what is said of the exchange, and not of the job, counts as no news.

        Raises:
            TarashException: The provider says that the job failed, or has denied it for long.
        """
        self._looks += 1
        snapshot = await self._one_look()
        if snapshot.finished is None:
            await self._attempt.apply(polled(snapshot))

        if snapshot.trouble is not None:
            self._failed = True
            is_new = self.troubles.note(snapshot.trouble, denied=snapshot.denied)
            if self.troubles.is_denied and await was_stopped(self._attempt, self._lease):
                # So a provider says that it has been deleted.
                await self._attempt.apply(replace(polled(snapshot), final=True))
                raise snapshot.trouble

            return snapshot if is_new else replace(snapshot, trouble=None)

        self.troubles.none()
        if snapshot.status == "failed":
            raise snapshot.error or GenerationFailedError(
                "The job failed, and the provider did not say why", raw_response=snapshot.raw
            )

        return snapshot

    async def _one_look(self) -> Snapshot:
        trouble: TarashException
        try:
            with patient(self._attempt) as patience:
                snapshot = await self._adapter.poll(self._client, self._operation)

            if snapshot.trouble is None:  # machines that don't agree may take it back
                self._attempt.done = patience.is_done

            if snapshot.status != "completed" or snapshot.finished is not None:
                return snapshot

            self._attempt.done = True
            trouble = HTTPConnectionError("The job is done, and its result is not there yet")
        except TarashException as error:
            trouble = error
        except builtins.TimeoutError:
            trouble = HTTPConnectionError(f"A poll of the job took longer than {POLL_SECONDS} s")
        except Exception as error:  # noqa: BLE001  (whatever it is, the job is paid for)
            said = self._attempt.secrets.text(str(error))
            trouble = HTTPConnectionError(
                f"Unforeseen {type(error).__name__} while looking at the job: {said}"
            )

        status = self._attempt.status or "queued"
        return Snapshot(status, retry_after=trouble.retry_after, trouble=trouble)


def polled(snapshot: Snapshot) -> Polled:
    """Return the event of what a provider said of a job."""
    return Polled(
        status=snapshot.status,
        progress=snapshot.progress,
        queue_position=snapshot.queue_position,
        final=snapshot.status == "failed",
        billing=snapshot.billing,
        trouble=None if snapshot.trouble is None else snapshot.trouble.message,
        raw=snapshot.raw,
    )


def _paced(seconds: Any) -> float | None:
    """Return the pause that a provider asks for, within reason."""
    if not isinstance(seconds, int | float) or math.isnan(seconds):
        return None

    return min(max(0.0, float(seconds)), LONGEST_PACE)
