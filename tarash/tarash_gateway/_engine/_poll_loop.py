"""Polls at one accepted job until it is done. What may pass by itself never loses the job."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._data._exchange import ENDED, Operation, RawResult, Snapshot
from .._support._wakeups import Wakeup
from ..exceptions import GenerationFailedError
from ._callbacks import CALLED_BACK
from ._cross_process_wakeups import reading
from ._lease import Lease
from ._loop_state import seen
from ._poll_once import Poller
from ._poll_schedule import FIRST_LOOK, PollSchedule
from ._poll_subscriber import PollSubscriber
from ._poll_values import age_of, is_plain, paced, poll_floor, polled, sort_of
from ._shared_polls import joined
from ._timeouts import (
    NUDGE_SECONDS,
    STREAM_POLL_FACTOR,
    UNSEEN_SECONDS,
    WEBHOOK_POLL_FACTOR,
)
from ._times import kind_of

if TYPE_CHECKING:
    from ..providers._contract import Adapter, StreamingAdapter
    from ._attempt import Attempt
    from ._fitting import EngineContext
    from ._progress import Progress

STREAM_SECONDS = 0.05
"""A nudge tells so exactly when the job ended."""
MOST_HEARD = 64
"""Of what a status stream says, so much is kept while a user's callback takes its time."""


class OutOfPolls(Exception):  # noqa: N818  (control flow inside the engine, never seen by users)
    """`max_poll_attempts` are used up."""


class PollLoop(Poller):
    """One accepted job under observation."""

    __slots__ = (
        "_address",
        "_age",
        "_bell",
        "_end",
        "_floor",
        "_has_percent",
        "_has_stream",
        "_heard",
        "_history",
        "_kind",
        "_last",
        "_ledger",
        "_nudged_at",
        "_pace",
        "_paused",
        "_place",
        "_progress",
        "_relies",
        "_resources",
        "_retry_after",
        "_running_at",
        "_shared",
        "_since",
        "_slow",
        "_start",
        "_streaming",
        "_subscriber",
        "_times",
        "_told",
        "_until",
        "_wakeups",
    )

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        adapter: Adapter,
        client: Any,
        attempt: Attempt,
        progress: Progress,
        operation: Operation,
        resources: EngineContext,
        lease: Lease,
    ) -> None:
        config = attempt.call.config
        self._floor = poll_floor(adapter, config)
        super().__init__(adapter, client, attempt, operation, lease, self._floor)
        self._slow = STREAM_POLL_FACTOR * max(config.poll_interval, self._floor)
        self._progress = progress
        self._since = self._clock()
        self._age = age_of(operation)
        self._running_at = 0.0
        self._start = self._paused = self._until = 0.0
        self._last: Snapshot | None = None
        """What the user last heard."""
        self._end: Mapping[str, Any] | None = None
        self._streaming = False
        self._has_stream = False
        self._told = False
        self._relies = False
        self._subscriber: PollSubscriber | None = None
        self._resources = resources
        self._wakeups = resources.wakeups
        self._address = (operation.provider, operation.id)
        self._bell = Wakeup()
        self._nudged_at = -math.inf
        self._heard: list[Snapshot] = []  # a deque takes 0.7 KiB of each job that waits
        self._shared = seen()
        self._place = (config.provider, config.base_url)
        self._history = self._shared.history((*self._place, *sort_of(attempt.call, operation)))
        self._times = resources.times
        self._ledger = resources.ledger
        self._has_percent = False
        self._kind = kind_of(attempt.fitted or attempt.call)
        self._pace = PollSchedule(config.poll_interval, self._floor, resources.rng, self._history)
        self._retry_after = paced(operation.data.get("retry_after"))

    async def until_done(self) -> RawResult:
        """Poll until the job is done; a nudge, or a status stream, may cut the pauses short.

        Raises:
            OutOfPolls: It is not done after `max_poll_attempts` polls.
            TarashException: It failed, or the provider has denied it for long.
        """
        believed = await self.believed()
        if believed is not None:
            return believed

        await self._times.load(self._kind, self._ledger)
        if not self._history.jobs:
            self._history.expect(*self._times.spans(self._kind))

        self._history.waiting += 1
        try:
            with (
                self._wakeups.at(*self._address, self._bell),
                reading(self._resources),
                joined(
                    self._shared.shared,
                    self._adapter,
                    self._client,
                    self._operation,
                    self._bell,
                    self._pass_over,
                ) as self._subscriber,
            ):
                return await self._poll_until_done()
        finally:
            self._history.waiting -= 1

    async def _poll_until_done(self) -> RawResult:
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
        async with anyio.create_task_group() as group:
            group.start_soon(self._listen)
            try:
                while finished is None:
                    await self._sleep()
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
        subscriber = None if self._told else self._subscriber
        status, self._end = self._end, None
        news = None if subscriber is None or status is not None else subscriber.news()
        snapshot = await self.poll_once(news, status)
        self._retry_after = paced(snapshot.retry_after)
        if snapshot.finished is not None:
            if self._subscriber is not None:
                self._subscriber.has_ended = True

            await self._progress.report(snapshot)
            self._learn(elapsed)
            self._record_missed()
            await self._times.save(self._kind, self._ledger)
            return snapshot.finished

        if self._polls == self._most:
            raise OutOfPolls

        if not self._failed:
            self._running_at = elapsed

        snapshot = self._estimated(snapshot, elapsed)
        await self._progress.report(snapshot)
        self._last = snapshot if self._progress.is_heard else None
        return None

    def _pass_over(self, snapshot: Snapshot, asked_at: float) -> bool:
        """Take note, while this waits, that the job still runs, and that there is no more to tell.

        As a poll that changes nothing, but that nobody is woken. False where somebody has to be.
        """
        attempt, elapsed = self._attempt, self._elapsed(asked_at)
        is_told = bool(self._failed or attempt.audience.observers or self._polls + 1 == self._most)
        if is_told or not self._is_old(snapshot, elapsed):
            return False

        self._polls += 1
        self._running_at = max(self._running_at, elapsed)
        self._retry_after = paced(snapshot.retry_after)
        self._expect()
        return True

    def _is_old(self, snapshot: Snapshot, elapsed: float) -> bool:
        """Tell whether news say nothing that is not known, to us or to the user."""
        is_other = snapshot.job_id not in (None, self._operation.id)
        if is_other or not is_plain(snapshot) or snapshot.status != self._attempt.status:
            return False

        if self._progress.is_heard:
            return self._last is not None and self._estimated(snapshot, elapsed) == self._last

        return snapshot.progress is None or self._has_percent

    def _estimated(self, snapshot: Snapshot, elapsed: float) -> Snapshot:
        """Return what the provider says, with a percent as is usual where it never says one."""
        self._has_percent = self._has_percent or snapshot.progress is not None
        if self._has_percent or snapshot.status != "processing" or self._attempt.call.mocked:
            return snapshot

        usual = self._times.percent(self._kind, elapsed)
        return snapshot if usual is None else replace(snapshot, progress=usual)

    def _elapsed(self, at: float | None = None) -> float:
        return self._age + (self._clock() if at is None else at) - self._since

    def _pause(self) -> float:
        self._pace.is_shared = self._subscriber is not None and self._subscriber.shares
        pause = self._pace.pause(self._elapsed(), self._retry_after, failed=self._failed)
        is_taken_up = not self._polls and self._age > UNSEEN_SECONDS
        # A job of another process may have ended long ago.
        return min(pause, FIRST_LOOK) if is_taken_up else pause

    def _learn(self, elapsed: float) -> None:
        """Remember how long this job took, unless it had ended unseen before anybody looked."""
        if self._age > UNSEEN_SECONDS and not self._running_at:
            return

        after = max(self._running_at, elapsed - STREAM_SECONDS) if self._told else self._running_at
        self._pace.record(after, elapsed)
        self._times.record(self._kind, elapsed)
        if self._has_percent:
            self._times.record_percent(self._kind)

    def _record_missed(self) -> None:
        """Rely on no calls of a provider of which one did not come in all that time."""
        if self._relies and not self._told:
            self._resources.callbacks.was_missed(self._operation.provider)

    async def _sleep(self) -> None:
        """Wait for the next poll; a nudge, or the first job of its kind to end, cuts it short."""
        self._told = False
        self._expect()
        more = None if self._subscriber is None else self._subscriber.more
        try:
            while True:
                left = self._until - self._clock()
                if self._heard and left > 0:
                    # Not within the wait, which would cut a user's slow callback short.
                    await self._pass_on()
                    self._set_until(self._start + max(self._paused, self._slow))
                elif not await self._bell.wait(left, more):
                    return
                elif self._bell.is_nudged:
                    await self._take_nudge(self._start, self._until)
                    return
                elif self._subscriber is not None and self._subscriber.offered is not None:
                    return
        finally:
            self._history.on_first.discard(self._sooner)

    def _expect(self) -> None:
        """Note when the next poll is due, from now on."""
        self._start, self._paused = self._clock(), self._pause()
        was_asked = self._attempt.called_back or bool(self._operation.data.get(CALLED_BACK))
        arrives = was_asked and self._resources.callbacks.arrive(self._operation.provider)
        self._relies = arrives and self._polls > 0
        until = self._start + (max(self._paused, self._slow) if self._streaming else self._paused)
        if self._relies:
            factor = WEBHOOK_POLL_FACTOR / STREAM_POLL_FACTOR
            until = max(until, self._start + self._slow * factor)

        self._set_until(until)
        is_unknown = not self._history.spans and self._retry_after is None
        if is_unknown and not (self._has_stream or self._relies):
            self._history.on_first.add(self._sooner)

    def _set_until(self, until: float) -> None:
        self._until = until
        if self._subscriber is not None:
            self._subscriber.expects(self._start, until)

    def _sooner(self) -> None:
        """Poll as it is known to be worth while, now that the first of its kind has ended."""
        now = self._clock()
        until = max(now + self._pause(), self._start + self._floor)
        if until < self._until and not self._heard and self._bell.is_waiting:
            self._set_until(until)
            self._bell.move(until)

    async def _take_nudge(self, start: float, until: float) -> None:
        """Poll at once, but for polls that nudges asked for a moment ago, and for a refusal."""
        earliest = self._nudged_at + max(NUDGE_SECONDS, self._floor)
        if self._failed and self._retry_after is not None:
            earliest = max(earliest, start + self._retry_after)

        await anyio.sleep(max(0, min(earliest, until) - self._clock()))
        self._nudged_at = self._clock()
        self._bell.is_nudged = False
        self._told = True

    async def _pass_on(self) -> None:
        """Pass on what the status stream has said meanwhile."""
        while self._heard:
            snapshot = self.troubles.status(self._heard.pop(0))
            await self._attempt.apply(polled(snapshot))
            await self._progress.report(snapshot)
            self._last = None

    async def _listen(self) -> None:
        adapter = cast("StreamingAdapter", self._adapter)
        reads = "read_status" in adapter.abilities
        try:
            async for snapshot in adapter.stream(self._client, self._operation):
                self._streaming = True
                if snapshot.status in ENDED:
                    self._end = snapshot.raw if reads else None
                    self._wakeups.nudge(*self._address)
                else:
                    self._heard.append(snapshot)
                    del self._heard[:-MOST_HEARD]
                    self._bell.ring()
        except Exception as error:  # noqa: BLE001  (a stream only hurries the polls along)
            self._attempt.log(logging.DEBUG, "stream_broke", error=str(error))
        finally:
            self._give_stream()
            if self._streaming:
                self._streaming = False
                # What nobody listens to any more is worth a poll now.
                self._wakeups.nudge(*self._address)

    def _give_stream(self) -> None:
        """Leave the stream's place to another job, once."""
        if self._has_stream:
            self._has_stream = False
            self._shared.give_stream(self._place)
