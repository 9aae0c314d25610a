"""Jobs on their way: one task waits for each of them, and any number of clients look on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from pydantic import BaseModel

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    VideoGenerationUpdate,
    VideoJob,
)
from tarash.tarash_gateway.ledger import SqliteLedger

KEEP_SECONDS = 600
"""How long a job that has ended is kept in memory; after that it is read from the ledger again."""
RESUME_SECONDS = 60
"""How often to look for jobs whose process has died."""
LOOK_SECONDS = 5
"""How long to wait for where a job stands that another process has ordered."""

log = logging.getLogger(__name__)


class View(BaseModel):
    """Where a job stands, as clients see it."""

    status: str
    progress_percent: float | None = None
    queue_position: int | None = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing will follow."""
        return self.status in ("completed", "failed", "stopped")


class Watch:
    """One job, and what is known of it."""

    def __init__(self, job: VideoJob, ledger: SqliteLedger) -> None:
        self.job = job
        self.view = View(status="queued")
        self.response: VideoGenerationResponse | None = None
        self.clients = 0
        self.known = asyncio.Event()
        """Set as soon as the view is true of the job, whoever has ordered it."""
        self.ended = asyncio.Event()
        self._ledger = ledger
        self._changed = asyncio.Event()
        self._reached = (0, False)
        self._after: list[Callable[[], None]] = []

    def then(self, work: Callable[[], None]) -> None:
        """Do something as soon as the job has ended; at once, where it has."""
        if self.ended.is_set():
            work()
        else:
            self._after.append(work)

    async def drive(self, *, is_ours: bool) -> None:
        """Wait for the job, whoever looks on; one that we have not ordered is looked at first."""
        try:
            if not is_ours:
                await self._look()

            self.known.set()
            self.response = await self.job.wait_async(self._progress)
            self._tell(View(status="completed", progress_percent=100))
        except TarashException as error:
            await self._end(error)
        except Exception as error:
            log.exception("%r failed", self.job)
            self._tell(View(status="failed", error=for_clients(error)))
        finally:
            self.known.set()
            self.ended.set()
            for work in self._after:
                work()

    async def views(self) -> AsyncIterator[View]:
        """Yield what is known, and then each change; a slow client misses what is outdated."""
        while True:
            view, changed = self.view, self._changed
            yield view
            if view.ended:
                return

            await changed.wait()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                update = await self.job.status_async()

            done = update.status in ("completed", "failed")  # what comes of it, `drive` says
            self._progress(update.model_copy(update={"status": "processing"}) if done else update)
        except (TarashException, TimeoutError) as error:  # whoever waits for it tries again
            log.warning("%r could not be looked at: %s", self.job, error)

    def _progress(self, update: VideoGenerationUpdate) -> None:
        # How the job ends, `drive` says: after one provider has failed, another may follow. Each
        # wait begins with `queued`, also where the provider is further.
        reached = (update.attempt_number, update.status == "processing")
        if update.status in ("queued", "processing") and reached >= self._reached:
            self._reached = reached
            facts = update.model_dump(include={"status", "progress_percent", "queue_position"})
            self._tell(View(**facts))

    async def _end(self, error: TarashException) -> None:
        if await self._was_stopped():
            log.warning("%r was stopped", self.job)
            self._tell(View(status="stopped"))
        else:
            log.error("%r failed: %s: %s", self.job, type(error).__name__, error)
            self._tell(View(status="failed", error=for_clients(error)))

    async def _was_stopped(self) -> bool:
        # By a handle, in whichever process: the ledger knows.
        try:
            record = await self._ledger.get(self.job.id)
        except TarashException as error:
            log.warning("The ledger could not be read: %s", error)
            return False

        return record is not None and any(one.outcome == "stopped" for one in record.entries)

    def _tell(self, view: View) -> None:
        self.view = view
        self._changed.set()
        self._changed = asyncio.Event()


def for_clients(error: Exception) -> str:
    """Return what may be said to clients: a provider's own words name its insides."""
    if isinstance(error, ContentModerationError):
        return "The provider's content filter refused this"

    if isinstance(error, ValidationError):
        return "This can't be made as it was asked for"

    return "The video could not be made"


class Videos:
    """All jobs that this process knows."""

    def __init__(
        self,
        gateway: Gateway,
        ledger: SqliteLedger,
        config: VideoGenerationConfig,
        cancel_after: float | None,
    ) -> None:
        """Make it.

        Args:
            gateway: Who makes the videos; it uses the ledger.
            ledger: Where the jobs are written down.
            config: By which provider.
            cancel_after: Seconds after which a job is stopped that its last client has left; None
                lets it go on.
        """
        self._gateway = gateway
        self._ledger = ledger
        self._config = config
        self._cancel_after = cancel_after
        self._watches: dict[str, Watch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Go on with the jobs that are owed, now and whenever another worker has died."""
        self._spawn(self._resume())

    async def submit(self, request: VideoGenerationRequest, key: str | None) -> tuple[Watch, bool]:
        """Order a video, and wait for it from now on; tell whether it was not watched before."""
        job = await self._gateway.submit_video_async(self._config, request, idempotency_key=key)
        is_new = job.id not in self._watches
        return self._watch(job, is_ours=True), is_new

    async def find(self, token: str) -> Watch | None:
        """Return the job of a token, whichever process it was ordered from; None if unknown.

        Raises:
            ValidationError: The token is not signed by us, or was altered.
        """
        operation = VideoJob.from_token(token).operation
        if operation is None:
            return None

        record = await self._ledger.find(operation["provider"], operation["id"])
        if record is None:
            return None

        if record.id not in self._watches:
            job = await self._gateway.resume_async(record.id)
            if not isinstance(job, VideoJob):
                return None

            self._watch(job)

        watch = self._watches[record.id]
        is_open = record.state in ("open", "unknown")
        await (watch.known if is_open else watch.ended).wait()
        return watch

    async def follow(self, watch: Watch) -> AsyncIterator[View]:
        """Yield where a job stands for a client; its leaving may stop the job."""
        watch.clients += 1
        try:
            async for view in watch.views():
                yield view
        finally:
            watch.clients -= 1
            if self._cancel_after is not None and not watch.view.ended:
                self._spawn(self._abandon(watch, self._cancel_after))

    async def aclose(self, grace: float) -> None:
        """End what runs here, within `grace` seconds; the providers' jobs go on."""
        await self._gateway.aclose(grace=grace)
        for task in self._tasks:
            task.cancel()

        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watch(self, job: VideoJob, *, is_ours: bool = False) -> Watch:
        if job.id not in self._watches:
            self._watches[job.id] = Watch(job, self._ledger)
            self._spawn(self._drive(self._watches[job.id], is_ours=is_ours))

        return self._watches[job.id]

    async def _drive(self, watch: Watch, *, is_ours: bool) -> None:
        await watch.drive(is_ours=is_ours)
        loop = asyncio.get_running_loop()
        loop.call_later(KEEP_SECONDS, self._watches.pop, watch.job.id, None)

    async def _abandon(self, watch: Watch, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if watch.clients or watch.view.ended:
            return

        try:
            answer = await watch.job.cancel_async()
            log.info("Nobody waits for %r any more: %s", watch.job, answer)
        except TarashException:
            log.exception("%r could not be stopped", watch.job)

    async def _resume(self) -> None:
        while True:
            try:
                for job in await self._gateway.resume_all_async():
                    if isinstance(job, VideoJob):
                        self._watch(job)
            except TarashException:
                log.exception("The ledger could not be read")

            await asyncio.sleep(RESUME_SECONDS)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop itself would let a task be collected
        task.add_done_callback(self._tasks.discard)
