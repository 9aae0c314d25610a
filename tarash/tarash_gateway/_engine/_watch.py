"""Looks at one accepted job until it is done. What may pass by itself never loses the job."""

from __future__ import annotations

import asyncio
import builtins
import logging
import math
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._contract import Finished, Operation, Snapshot
from .._polling import FIRST_LOOK, Pace
from ..exceptions import (
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    TarashException,
    ValidationError,
)
from ._limits import (
    NOT_FOUND,
    POLL_SECONDS,
    STREAM_POLL_FACTOR,
    UNSEEN_SECONDS,
    may_pass,
    status_of,
)
from ._seen import Bell, seen

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from .._attempt import Attempt, Progress
    from .._contract import Adapter, Call, Config, StreamingAdapter

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
    ) -> None:
        config = attempt.call.config
        self._floor = poll_floor(adapter, config)
        self._slow = STREAM_POLL_FACTOR * max(config.poll_interval, self._floor)
        self._most = config.max_poll_attempts
        self._adapter = adapter
        self._client = client
        self._attempt = attempt
        self._progress = progress
        self._operation = operation
        self._clock = asyncio.get_running_loop().time
        self._since = self._clock()
        self._age = _age(operation)
        self._running_at = 0.0
        self._looks = 0
        self._failed = False
        self._seen = False
        self._streaming = False
        self._has_stream = False
        self._told = False
        self._shared = seen()
        self._place = (config.provider, config.base_url)
        self._history = self._shared.history((*self._place, *_kind_of(attempt.call, operation)))
        self._pace = Pace(config.poll_interval, self._floor, rng, self._history)
        self._retry_after: float | None = operation.data.get("retry_after")

    async def until_done(self) -> Finished:
        """Look until the job is done; a status stream may cut the pauses short.

        Raises:
            OutOfLooks: It is not done after `max_poll_attempts` looks.
            TarashException: It failed, or can't be looked at any more.
        """
        self._history.waiting += 1
        try:
            return await self._look_until_done()
        finally:
            self._history.waiting -= 1

    async def _look_until_done(self) -> Finished:
        streams = hasattr(self._adapter, "stream")
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

    async def _listening(self) -> Finished:
        failure: BaseException | None = None
        finished: Finished | None = None
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

    async def _step(self) -> Finished | None:
        """Look once, and pass on what there is to tell."""
        elapsed = self._elapsed()
        self._failed = False
        snapshot = await self.look()
        self._retry_after = snapshot.retry_after
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
        bell = Bell()
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
            self._attempt.status = snapshot.status
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
        """Look once; what may pass by itself counts as no news.

        Raises:
            TarashException: The job failed, or the provider will not tell us about it any more.
        """
        self._looks += 1
        try:
            snapshot = await self._one_look()
        except TarashException as error:
            if not self._bearable(error):
                raise

            self._failed = True
            self._attempt.log(logging.WARNING, "look_failed", error=error.message)
            return Snapshot(self._attempt.status or "queued", retry_after=error.retry_after)

        self._seen = True
        self._attempt.status = snapshot.status
        if snapshot.status == "failed":
            self._attempt.settled = True
            self._attempt.billing_told = snapshot.billing
            raise snapshot.error or GenerationFailedError(
                "The job failed, and the provider did not say why", raw_response=snapshot.raw
            )

        return snapshot

    async def _one_look(self) -> Snapshot:
        try:
            with anyio.fail_after(POLL_SECONDS):
                return await self._adapter.poll(self._client, self._operation)
        except TarashException as error:
            if status_of(error) != NOT_FOUND or self._young():
                raise

            raise self._lost(error) from error
        except builtins.TimeoutError as error:
            message = f"A look at the job took longer than {POLL_SECONDS} s"
            raise HTTPConnectionError(message) from error
        except Exception as error:
            # Whatever an adapter stumbles over, the job behind it is paid for: look again.
            message = f"Unforeseen {type(error).__name__} while looking at the job: {error}"
            raise HTTPConnectionError(message) from error

    def _bearable(self, error: TarashException) -> bool:
        return may_pass(error) or (status_of(error) == NOT_FOUND and self._young())

    def _young(self) -> bool:
        """Tell whether the provider's other machines may not know the job yet."""
        return not self._seen and self._clock() - self._since < UNSEEN_SECONDS

    def _lost(self, error: TarashException) -> TarashException:
        self._attempt.lost = True
        return HTTPError(
            f"{self._operation.provider} does not know the job {self._operation.id} any more; it "
            "may have been billed: look it up in the provider's dashboard",
            raw_response=error.raw_response,
            status_code=NOT_FOUND,
        )
