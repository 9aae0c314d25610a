"""Drives the server's jobs to their end, whoever still waits for them.

A job is driven by a task of its own, which no client's leaving cancels. What this process does not
drive is looked for now and then, so that a job that another one has left goes on here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .._data._events import Accepted, Adopted
from .._jobs._handles import serve_by
from .._jobs._inbox_app import WebhookInbox
from ..exceptions import TarashException
from ._key_store import KEY_LABEL

if TYPE_CHECKING:
    from .._data._events import AttemptEvent
    from .._data._job_info import JobInfo
    from .._jobs._gateway import Gateway
    from .._jobs._handles import ImageJob, VideoJob
    from .._jobs._inbox import WebhookEvent
    from ..ledger._contract import StateLedger
    from ..observability import OpenTelemetryObserver
    from ._webhooks import Webhooks

log = logging.getLogger(__name__)
SPACE = "server.timelines"
KEPT = timedelta(days=30)
"""How long what was heard of a job is kept beside it, once it has ended."""
MOST = 100_000
"""Unfinished jobs that are looked through at once."""
MOST_PARTIAL = 32
"""Images on the way that are kept of a job."""
MOST_MOVES = 200
"""What is kept of what was heard of a job."""
PACE = 1.0
"""Seconds between two polls of a job that this process does not drive."""


KeysOf = Callable[["JobInfo"], Mapping[str | tuple[str, str], str]]
"""Returns the providers' keys for a job, which may stand in variables of other names."""


class Driven:
    """A job under way in this process."""

    def __init__(self, handle: VideoJob | ImageJob) -> None:
        self.handle = handle
        self.accepted = asyncio.Event()
        """Set when a provider has accepted, or the job has ended."""
        self.begun = asyncio.Event()
        """Set when there is something to show, or nothing to wait for: not after `accepted`."""
        self.ended = asyncio.Event()
        self.response: Any = None
        self.error: TarashException | None = None
        self.update: Any = None
        self.partial_images: list[Any] = []
        """Updates with images on the way, in their order."""
        self.moves: list[dict[str, Any]] = []
        """Where the job has stood, and since when, as JSON."""
        self._changed = asyncio.Event()

    def heard(self, update: Any) -> None:
        """Take note of where the job stands."""
        if getattr(update, "partial_image", None) is not None:
            if len(self.partial_images) < MOST_PARTIAL:
                self.partial_images.append(update)

            self.begun.set()
            update = update.model_copy(update={"partial_image": None})

        if self.handle.operation is not None:  # which somebody else may have submitted
            self._set_accepted()

        self.update = update
        self._note(update)
        self._notify()

    def _observed(self, event: AttemptEvent) -> None:
        """Take note that a provider has accepted: that is written down by now."""
        if isinstance(event, Accepted | Adopted):
            self._set_accepted()
            self._notify()

    def _note(self, update: Any) -> None:
        """Keep what is new; how far it has come changes too often to be kept."""
        move = {
            "event": "status",
            "status": update.status,
            "attempt": update.attempt_number,
            "detail": update.note or update.error,
        }
        last = self.moves[-1] if self.moves else {}
        if len(self.moves) < MOST_MOVES and not move.items() <= last.items():
            self.moves.append({**move, "at": datetime.now(UTC).isoformat()})

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changes(self) -> AsyncIterator[None]:
        """Yield with each change, until the job has ended."""
        while not self.ended.is_set():
            await self._changed.wait()
            yield

    async def changed(self, seconds: float) -> bool:
        """Wait for the next change, for some time; return whether there was one."""
        if self.ended.is_set():
            return True

        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False

        return True

    async def until_accepted(self, seconds: float) -> None:
        """Wait for the provider's answer to the submit, or its first image on the way.

        Raises:
            TarashException: Nobody accepted.
        """
        try:
            async with asyncio.timeout(seconds):
                await self.begun.wait()
        except TimeoutError:
            return

        if self.error is not None:
            raise self.error

    async def until_ended(self) -> Any:
        """Wait for the response.

        Raises:
            TarashException: The job ended in this error.
        """
        await self.ended.wait()
        if self.error is not None:
            raise self.error

        return self.response

    def _set_accepted(self) -> None:
        self.accepted.set()
        self.begun.set()

    async def run(self) -> None:
        """Drive the job to its end."""
        try:
            # One wait from the submit to the end: whoever lets go of a job and takes it up again
            # writes twice.
            serve_by(self.handle, self._observed)
            self.response = await self.handle.wait_async(self.heard)
        except TarashException as error:
            self.error = error
        except Exception as error:
            log.exception("The job %s could not be driven", self.handle.id)
            self.error = TarashException(f"The job could not be driven: {type(error).__name__}")
        finally:
            self._set_accepted()
            self.ended.set()
            self._notify()


class Drivers:
    """All jobs that this process drives."""

    def __init__(
        self,
        gateway: Gateway,
        states: StateLedger,
        webhooks: Webhooks | None,
        sweep_seconds: float,
        keys_of: KeysOf,
    ) -> None:
        self._gateway = gateway
        self._states = states
        self._webhooks = webhooks
        self._pause = sweep_seconds
        self._keys_of = keys_of
        self._driven: dict[str, Driven] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._driven)

    def get(self, job_id: str) -> Driven | None:
        """Return a job that is under way here."""
        return self._driven.get(job_id)

    async def handle_of(self, job: JobInfo) -> Any:
        """Return the handle on a job: that by which it is driven here, or a new one."""
        driven = self._driven.get(job.id)
        if driven is not None:
            return driven.handle

        return await self._gateway.resume_async(job.id, api_keys=self._keys_of(job))

    def drive(self, handle: VideoJob | ImageJob) -> Driven:
        """Drive a job, unless that is done already."""
        known = self._driven.get(handle.id)
        if known is not None:
            return known

        driven = self._driven[handle.id] = Driven(handle)
        task = asyncio.create_task(self._run(driven))
        self._tasks.add(task)  # the loop itself would let a task be collected
        task.add_done_callback(lambda _: self._forget(handle.id))
        task.add_done_callback(self._tasks.discard)
        return driven

    async def _run(self, driven: Driven) -> None:
        await driven.run()
        value, until = {"moves": driven.moves}, datetime.now(UTC) + KEPT
        with suppress(TarashException):  # the job itself is written down in any case
            await self._states.write_state(SPACE, driven.handle.id, value, until=until)

    def _forget(self, job_id: str) -> None:
        del self._driven[job_id]
        if self._webhooks is not None:
            self._webhooks.ring()

    async def moves_of(self, job_id: str) -> list[dict[str, Any]]:
        """Return where a job has stood, and since when; also of one that has ended."""
        driven = self._driven.get(job_id)
        if driven is not None:
            return driven.moves

        kept = await self._states.read_state(SPACE, job_id)
        return [] if kept is None else list(kept.value["moves"])

    def start(self) -> None:
        """Begin to look for jobs that nobody drives."""
        self._tasks.add(asyncio.create_task(self._sweep()))

    async def aclose(self) -> None:
        """Leave all jobs as they are: whoever starts next goes on with them."""
        for task in self._tasks:
            task.cancel()

        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _sweep(self) -> None:
        while True:
            try:
                jobs = await self._gateway.list_jobs_async(
                    states=["open"], limit=MOST, oldest_first=True
                )
                for job in jobs:
                    if not job.held and job.id not in self._driven:
                        await self._take_up(job)
            except TarashException:
                log.exception("The ledger could not be read")

            await asyncio.sleep(self._pause)

    async def take_up(self, job_id: str) -> bool:
        """Drive a job, unless that is done already or it has ended; return whether it was."""
        job = await self._gateway.find_job_async(job_id)
        if job is None or job.held or job.state != "open" or job.id in self._driven:
            return False

        await self._take_up(job)
        return True

    async def _take_up(self, job: JobInfo) -> None:
        try:
            if self._webhooks is not None and KEY_LABEL in job.labels:
                await self._webhooks.expect(job.id)

            self.drive(await self.handle_of(job))
        except Exception:  # whatever it is, the others are unfinished all the same
            log.exception("The job %s could not be taken up", job.id)


class Inbox(WebhookInbox):
    """The inbox for providers' webhooks.

    A webhook is believed in nothing but that its job is worth a poll. What nobody drives is taken
    up by this server, with the key of the job's account, as after a restart.
    """

    def __init__(
        self, gateway: Gateway, drivers: Drivers, telemetry: OpenTelemetryObserver | None
    ) -> None:
        super().__init__(gateway, on_event=None if telemetry is None else telemetry.webhook)
        self._drivers = drivers

    async def settle_async(self, event: WebhookEvent) -> bool:
        """Take up the job of a webhook where nobody drives it; return whether it was."""
        return event.is_idle and await self._drivers.take_up(event.job_id)
