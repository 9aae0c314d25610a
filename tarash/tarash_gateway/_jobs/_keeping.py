"""The part of a gateway that knows its ledger: jobs to be done later, and what is known of all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from .._data._job_info import JobInfo
from .._data._policies import Observer
from .._data._types import ApiKeys, Kind
from ..ledger._contract import AnyLedger, Ledger
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from ._entry_points import blocking, enqueueing
from ._handles import ImageJob, VideoJob
from ._resources import GatewayContext

DEFAULT_LIMIT = 100


class Keeping:
    """What `Gateway` has of it."""

    _shared: GatewayContext

    @property
    def ledger(self) -> Ledger:
        """Where its jobs are written down."""
        return self._shared.resources().ledger

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Who is called with the events of its attempts."""
        return self._shared.observers

    async def enqueue_video_async(  # noqa: PLR0913  (each by its name)
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
        priority: int = 0,
        schedule_at: datetime | timedelta | None = None,
    ) -> VideoJob:
        """Write a job down and return its handle; nothing is sent yet.

        It is sent by a worker that shares the ledger (`tarash worker`, `work_async`); where there
        is none, by whoever waits for it first: this process by the handle (`accepted_async`,
        `wait_async`), or another one that resumes it. A key that the config holds is not written
        down: another process takes the environment's.

        Args:
            config: As in `generate_video_async`.
            request: As in `generate_video_async`.
            ledger: As in `generate_video_async`.
            idempotency_key: As in `generate_video_async`.
            labels: As in `generate_video_async`.
            priority: Jobs of a higher one are sent first; among equals the first come.
            schedule_at: When it is sent at the earliest: a time with a zone, or a time from now on.

        Raises:
            ValidationError: As `generate_video_async`, as far as it shows before the provider is
                asked.
            StorageError: The ledger can't be written.
        """
        job = await enqueueing(
            self._shared, "video", config, request, ledger, idempotency_key, labels,
            priority, schedule_at,
        )  # fmt: skip
        return cast("VideoJob", job)

    def enqueue_video(  # noqa: PLR0913  (each by its name)
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
        priority: int = 0,
        schedule_at: datetime | timedelta | None = None,
    ) -> VideoJob:
        """Blocking form of `enqueue_video_async`."""
        args: Any = (
            self._shared, "video", config, request, ledger, idempotency_key, labels, priority,
            schedule_at,
        )  # fmt: skip
        return cast("VideoJob", blocking(lambda _caller: enqueueing(*args)))

    async def enqueue_image_async(  # noqa: PLR0913  (each by its name)
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
        priority: int = 0,
        schedule_at: datetime | timedelta | None = None,
    ) -> ImageJob:
        """Write a job down and return its handle; as `enqueue_video_async`."""
        job = await enqueueing(
            self._shared, "image", config, request, ledger, idempotency_key, labels,
            priority, schedule_at,
        )  # fmt: skip
        return cast("ImageJob", job)

    def enqueue_image(  # noqa: PLR0913  (each by its name)
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
        priority: int = 0,
        schedule_at: datetime | timedelta | None = None,
    ) -> ImageJob:
        """Blocking form of `enqueue_image_async`."""
        args: Any = (
            self._shared, "image", config, request, ledger, idempotency_key, labels, priority,
            schedule_at,
        )  # fmt: skip
        return cast("ImageJob", blocking(lambda _caller: enqueueing(*args)))

    async def work_async(
        self,
        ledger: AnyLedger | None = None,
        *,
        concurrency: int = 100,
        grace: float = 20,
        until_empty: bool = False,
        api_keys: ApiKeys | None = None,
    ) -> None:
        """Work the queue: send the jobs that were enqueued, and drive each to its end.

        Any number of workers, on any machine, may share a ledger. A job whose worker dies is taken
        up by another one, and nothing is sent again. What a job comes to is in the ledger.

        Args:
            ledger: In place of the gateway's ledger.
            concurrency: Jobs that are driven at a time; while they wait they cost next to nothing.
            grace: Seconds that jobs may go on once it is to end; the others are let go of then, and
                go on at their providers.
            until_empty: Whether to end when nothing is due any more; else it ends when its task is
                cancelled.
            api_keys: As in `resume_all_async`.

        Raises:
            ValidationError: The concurrency is none, or the ledger keeps no queue.
        """
        from ._working import working

        resources = self._shared.resources(ledger)
        options: Any = {"concurrency": concurrency, "grace": grace, "api_keys": api_keys}
        with self._shared.registry.in_force():
            await working(self._shared, resources, until_empty=until_empty, **options)

    def work(
        self,
        ledger: AnyLedger | None = None,
        *,
        concurrency: int = 100,
        grace: float = 20,
        until_empty: bool = False,
        api_keys: ApiKeys | None = None,
    ) -> None:
        """Blocking form of `work_async`; Ctrl-C ends it."""
        options: Any = {
            "concurrency": concurrency, "grace": grace, "until_empty": until_empty,
            "api_keys": api_keys,
        }  # fmt: skip
        blocking(lambda _caller: self.work_async(ledger, **options))

    async def find_job_async(self, job_id: str, ledger: AnyLedger | None = None) -> JobInfo | None:
        """Return what the ledger knows of a job; None where it knows none of this id.

        Args:
            job_id: The `id` of a handle, or the provider's job id.
            ledger: In place of the gateway's ledger.

        Raises:
            StorageError: The ledger can't be read.
        """
        from ._listing import found

        return await found(job_id, self._shared.resources(ledger).ledger)

    def find_job(self, job_id: str, ledger: AnyLedger | None = None) -> JobInfo | None:
        """Blocking form of `find_job_async`."""
        return cast("JobInfo | None", blocking(lambda _: self.find_job_async(job_id, ledger)))

    async def list_jobs_async(  # noqa: PLR0913  (each by its name)
        self,
        ledger: AnyLedger | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        states: Collection[str] = (),
        kind: Kind | None = None,
        after: str | None = None,
        limit: int = DEFAULT_LIMIT,
        oldest_first: bool = False,
    ) -> list[JobInfo]:
        """Return what the ledger knows of jobs, the newest first, without their responses.

        Args:
            ledger: In place of the gateway's ledger.
            labels: Only jobs that have all of these.
            states: Only jobs in one of these: `open`, `completed`, `failed`, `cancelled`,
                `unknown`.
            kind: Only jobs that make videos, or images.
            after: The id of the job behind which to begin: the last one of the page before.
            limit: How many at most.
            oldest_first: Begin with the oldest.

        Raises:
            ValidationError: There is no such state, or no such job to begin behind.
            StorageError: The ledger can't be read.
        """
        from ._listing import Asked, listed

        kept = self._shared.resources(ledger).ledger
        asked = Asked(dict(labels or {}), tuple(states), kind, oldest_first)
        return await listed(kept, asked, after, limit)

    def list_jobs(  # noqa: PLR0913  (each by its name)
        self,
        ledger: AnyLedger | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        states: Collection[str] = (),
        kind: Kind | None = None,
        after: str | None = None,
        limit: int = DEFAULT_LIMIT,
        oldest_first: bool = False,
    ) -> list[JobInfo]:
        """Blocking form of `list_jobs_async`."""
        asked: Any = {"labels": labels, "states": states, "kind": kind, "after": after}
        asked |= {"limit": limit, "oldest_first": oldest_first}
        listed = blocking(lambda _caller: self.list_jobs_async(ledger, **asked))
        return cast("list[JobInfo]", listed)
