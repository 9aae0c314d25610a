"""Looks at one accepted job until it is done. What may pass by itself never loses the job."""

from __future__ import annotations

import builtins
import logging
import math
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._contract import Finished, Operation, Snapshot
from .._polling import Pace
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

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from .._attempt import Attempt, Progress
    from .._contract import Adapter, Config, StreamingAdapter

ENDED = frozenset({"completed", "failed"})


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
        self._pace = Pace(config.poll_interval, self._floor, rng)
        self._slow = STREAM_POLL_FACTOR * max(config.poll_interval, self._floor)
        self._most = config.max_poll_attempts
        self._adapter = adapter
        self._client = client
        self._attempt = attempt
        self._progress = progress
        self._operation = operation
        self._since = anyio.current_time()
        self._looks = 0
        self._seen = False
        self._streaming = False

    async def until_done(self) -> Finished:
        """Look until the job is done; a status stream may cut the pauses short.

        Raises:
            OutOfLooks: It is not done after `max_poll_attempts` looks.
            TarashException: It failed, or can't be looked at any more.
        """
        failure: Exception | None = None
        finished: Finished | None = None
        send, receive = anyio.create_memory_object_stream[Snapshot](64)
        with send, receive:
            async with anyio.create_task_group() as group:
                if hasattr(self._adapter, "stream"):
                    group.start_soon(self._listen, send)

                try:
                    finished = await self._look_until_done(receive)
                except (TarashException, OutOfLooks) as error:
                    failure = error  # raised below, where no task group wraps it

                group.cancel_scope.cancel()

        if finished is None:
            raise failure or GenerationFailedError("The job ended without a result")

        return finished

    async def _look_until_done(self, receive: MemoryObjectReceiveStream[Snapshot]) -> Finished:
        retry_after: float | None = self._operation.data.get("retry_after")
        while True:
            await self._wait(self._pace.pause(retry_after), receive)
            snapshot = await self.look()
            retry_after = snapshot.retry_after
            if snapshot.finished is not None:
                return snapshot.finished

            if self._looks == self._most:
                raise OutOfLooks

            await self._progress.look(snapshot)

    async def _wait(self, pause: float, receive: MemoryObjectReceiveStream[Snapshot]) -> None:
        """Wait for the next look; events of the status stream are passed on, the last ends it."""
        start = anyio.current_time()
        until = start + (max(pause, self._slow) if self._streaming else pause)
        while (left := until - anyio.current_time()) > 0:
            snapshot = None
            with anyio.move_on_after(left):
                snapshot = await receive.receive()

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
            if self._streaming:
                self._streaming = False
                with suppress(anyio.WouldBlock):
                    # What nobody listens to any more is worth a look now.
                    send.send_nowait(Snapshot("completed"))

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
        return not self._seen and anyio.current_time() - self._since < UNSEEN_SECONDS

    def _lost(self, error: TarashException) -> TarashException:
        self._attempt.lost = True
        return HTTPError(
            f"{self._operation.provider} does not know the job {self._operation.id} any more; it "
            "may have been billed: look it up in the provider's dashboard",
            raw_response=error.raw_response,
            status_code=NOT_FOUND,
        )
