"""Handles on jobs: what a provider has accepted, and this or another process may wait for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast
from urllib.parse import urlsplit

from .._data._continuing import of_operation, of_response
from .._data._hints import Hint, check
from .._data._types import CancelAnswer, Kind
from .._http._backend import check_loop
from .._support._logging import event
from .._support._tracebacks import surfaced
from .._support._warnings import asked_here, warn
from .._support._words import with_article
from ..exceptions import ValidationError
from ..ledger._paths import is_missing
from ..models import (
    ImageGenerationConfig,
    ImageGenerationResponse,
    ImageGenerationUpdate,
    VideoGenerationConfig,
    VideoGenerationResponse,
    VideoGenerationUpdate,
)
from ._resources import default

if TYPE_CHECKING:
    from .._data._continuing import Continuation
    from .._data._exchange import Response
    from .._data._policies import Observer
    from .._engine import EngineContext
    from .._support._portal import Caller
    from .._support._secrets import Keys
    from ._gateway import Gateway
    from ._job import Job
    from ._resources import GatewayContext

__all__ = ["ImageJob", "VideoJob"]

UNFINISHED_PAGE = 500
"""Jobs that are read at once."""

_Response = TypeVar("_Response", VideoGenerationResponse, ImageGenerationResponse)
_Update = TypeVar("_Update", VideoGenerationUpdate, ImageGenerationUpdate)
_Config = TypeVar("_Config", VideoGenerationConfig, ImageGenerationConfig)


class _Job(Generic[_Config, _Response, _Update]):
    _kind: ClassVar[Kind]

    def __init__(self, job: Job, shared: GatewayContext) -> None:
        self._job = job
        self._shared = shared

    def __repr__(self) -> str:
        about = f"{self.request_id!r}, provider={self.provider!r}, model={self.model!r}"
        return f"{type(self).__name__}({about})"

    @property
    def id(self) -> str:
        """The job's id in its ledger, for `resume`; empty for a job that came from a token."""
        return self._job.job_id

    @property
    def request_id(self) -> str:
        """The provider's job id where there is one, else ours."""
        return self._job.run.current.request_id

    @property
    def provider(self) -> str:
        """Who makes it."""
        return self._job.run.current.call.config.provider

    @property
    def model(self) -> str:
        """The model's id."""
        return self._job.run.current.call.config.model

    @property
    def operation(self) -> dict[str, Any] | None:
        """The accepted job as plain JSON, no secret in it; None where the answer was the result."""
        operation = self._job.run.current.operation
        return None if operation is None else operation.to_json()

    @property
    def continuation(self) -> Continuation:
        """What a request's `continue_from` keeps of this job.

        Raises:
            ValidationError: No provider has accepted it, or it was no job.
        """
        run = self._job.run
        call = run.current.call
        if run.response is not None:
            try:
                return of_response(run.response, call.config)
            except ValueError as error:
                raise ValidationError(str(error), self.provider, self.model) from error

        if run.current.operation is None:
            raise ValidationError(
                f"no provider has accepted the job {self.request_id} yet, so nothing can go on "
                "from it; wait for it first",
                self.provider,
                self.model,
                self.request_id,
            )

        # A token by itself says nothing of the host.
        is_known = bool(self.id or call.config.base_url)
        base_url = run.resources.makers(call).base_url(call.config) if is_known else None
        host = None if base_url is None else urlsplit(base_url).netloc.rpartition("@")[2]
        return of_operation(run.current.operation.to_json(), host)

    def to_token(self) -> str:
        """Return a string that stands for the job in a queue, a row or a URL; it holds no secret.

        It is signed where the environment has TARASH_TOKEN_SECRET, and carries the operation and
        nothing more: whoever waits for it gets what this attempt comes to, not the fallback's.

        Raises:
            ValidationError: There is no operation: the provider answered with the result itself, or
                it is not known whether it has accepted.
        """
        operation = self._job.run.current.operation
        if operation is None:
            raise ValidationError(
                f"{self.provider} gave no job to refer to; `wait` has what there is",
                self.provider,
                self.model,
                self.request_id,
            )

        from . import _tokens

        return _tokens.write(operation)

    @classmethod
    def from_token(
        cls, token: str, config: _Config | None = None, gateway: Gateway | None = None
    ) -> Self:
        """Return a handle on the job of a token.

        Args:
            token: What `to_token` returned, in this or another process.
            config: Whose key, base URL and limits to use, for the token's provider. By default the
                key comes from the environment, and a wait that ends leaves the job running.
            gateway: Whose providers and ledger to use; by default those of the module's functions.

        Raises:
            ValidationError: The token is damaged, altered, of the other kind or of another version;
                or TARASH_TOKEN_SECRET is set, and it is not signed with it.
        """
        from . import _tokens
        from ._job import Job
        from ._opening import adopted

        operation = _tokens.read(token)
        if operation.kind != cls._kind:
            raise ValidationError(
                f"The token is of a job that makes {with_article(operation.kind)}",
                code="other_kind",
            )

        shared = default if gateway is None else gateway._shared  # noqa: SLF001  (it is ours)
        return cls(Job(adopted(operation, config, shared.resources())), shared)

    # -------------------------------------------------------------------------------- waiting
    async def wait_async(self, on_progress: Callable[[_Update], Any] | None = None) -> _Response:
        """Wait for the job, and for its fallbacks where this process may drive them.

        Each wait has a deadline of its own: the config's `timeout`. At the deadline, on
        cancellation and on Ctrl-C, the `on_timeout` of the config that was given to `submit_video`
        or `from_token` says what becomes of the job; one that was resumed goes on, until `cancel`.
        A job that another process drives is only looked at.

        Args:
            on_progress: Called with each update, sync or async; what it raises is logged.

        Returns:
            The response; for a job that had ended before, the one that the ledger kept, without
            its `raw_response`.

        Raises:
            TarashException: As `generate_video_async`.
        """
        from ._callbacks import to_caller

        with surfaced(), self._shared.at_work():
            return cast("_Response", await self._job.wait(to_caller(on_progress, None), None))

    def wait(self, on_progress: Callable[[_Update], Any] | None = None) -> _Response:
        """Blocking form of `wait_async`; a sync callback runs in the calling thread."""
        from ._callbacks import to_caller

        async def work(caller: Caller) -> Response:
            with self._shared.at_work():
                return await self._job.wait(to_caller(on_progress, caller), caller)

        with asked_here():
            return cast("_Response", _blocking(work))

    async def accepted_async(self, on_progress: Callable[[_Update], Any] | None = None) -> None:
        """Wait until a provider has accepted the job; where nobody has sent it, it is sent now.

        Of a job that has been accepted, or is done, there is nothing to wait for.

        Args:
            on_progress: As of `wait_async`: an answer that is the result itself may show it on the
                way.

        Raises:
            TarashException: Nobody accepted; as `generate_video_async`.
        """
        from ._callbacks import to_caller

        with surfaced(), self._shared.at_work():
            await self._job.until_accepted(to_caller(on_progress, None), None)

    def accepted(self, on_progress: Callable[[_Update], Any] | None = None) -> None:
        """Blocking form of `accepted_async`; a sync callback runs in the calling thread."""
        from ._callbacks import to_caller

        async def work(caller: Caller) -> None:
            with self._shared.at_work():
                await self._job.until_accepted(to_caller(on_progress, caller), caller)

        with asked_here():
            _blocking(work)

    async def status_async(self) -> _Update:
        """Look at the job once.

        Returns:
            Where it stands, with `result` on `completed` and `error` on `failed`.

        Raises:
            TarashException: The provider can't be asked.
        """
        with surfaced(), self._shared.registry.in_force():
            return cast("_Update", await self._job.status())

    def status(self) -> _Update:
        """Blocking form of `status_async`."""
        return cast("_Update", _blocking(lambda _: self.status_async()))

    async def cancel_async(self) -> CancelAnswer:
        """Ask the provider to stop the job; no fallback follows.

        Returns:
            `cancelled` (it stopped; what had run may be billed), `requested` (it may still finish),
            `too_late` (it has ended) or `unsupported` (the provider can't, or did not answer).

        Raises:
            TarashException: The provider refuses to be asked; or no answer to the submit was kept,
                so that nobody knows which job to stop.
        """
        with surfaced(), self._shared.registry.in_force():
            return await self._job.cancel()

    def cancel(self) -> CancelAnswer:
        """Blocking form of `cancel_async`."""
        return cast("CancelAnswer", _blocking(lambda _: self.cancel_async()))


class VideoJob(_Job[VideoGenerationConfig, VideoGenerationResponse, VideoGenerationUpdate]):
    """A video on its way: a handle to wait for it, look at it, stop it, or pass it on.

    From `submit_video`, `from_token` or `resume_all`. Dropping it does not stop the job.
    """

    _kind = "video"


class ImageJob(_Job[ImageGenerationConfig, ImageGenerationResponse, ImageGenerationUpdate]):
    """An image on its way; as `VideoJob`."""

    _kind = "image"


def serve_by(handle: VideoJob | ImageJob, observer: Observer) -> None:
    """Make a handle one that drives somebody else's order: it stays open when this process leaves.

    Args:
        handle: The handle.
        observer: One more who hears of the job's events, while it is driven by this handle.
    """
    job = handle._job  # noqa: SLF001  (as above)
    job.stays_open, run = True, job.run
    run.resources = replace(run.resources, observers=(*run.resources.observers, observer))


def _blocking(work: Callable[[Caller], Coroutine[Any, Any, Any]]) -> Any:
    from .._support import _portal

    with surfaced():
        return _portal.call(work)


def handle_for(job: Job, shared: GatewayContext) -> VideoJob | ImageJob:
    """Return the handle on a job, of the kind that it makes."""
    kind = job.run.calls[0].kind
    return VideoJob(job, shared) if kind == "video" else ImageJob(job, shared)


async def unfinished_handles(
    shared: GatewayContext,
    resources: EngineContext,
    keys: Keys,
    limit: int | None = None,
    after: str | None = None,
) -> list[VideoJob | ImageJob]:
    """Return handles on the open jobs that no living holder drives, oldest first.

    Args:
        shared: What the handles' gateway shares.
        resources: What calls share, with the ledger.
        keys: As `rebuilt` takes them.
        limit: The most to return; None for all. Jobs that can't be read don't count.
        after: The job behind which to begin.

    Raises:
        ValidationError: The ledger doesn't know the job behind which to begin.
    """
    from ._job import Job
    from ._listing import unfinished
    from ._opening import rebuilt

    check_loop()
    handles: list[VideoJob | ImageJob] = []
    if limit is not None and limit < 1:
        raise ValidationError(f"limit is {limit}, and a page has at least one job", field="limit")

    path = getattr(resources.ledger, "path", None)
    if path is not None and is_missing(path):
        warn(
            f"there is no ledger at {path}, so no job is unfinished there; "
            "before the first job that is right, else check the path"
        )

    while limit is None or len(handles) < limit:
        size = UNFINISHED_PAGE if limit is None else min(limit - len(handles), UNFINISHED_PAGE)
        records = await unfinished(resources.ledger, after, size)
        for record in records:
            try:
                handles.append(handle_for(Job(await rebuilt(record, resources, keys)), shared))
            except Exception as error:  # noqa: BLE001  (the others can be resumed all the same)
                failure = f"{type(error).__name__}: {error}"
                event(logging.ERROR, "job_unreadable", job_id=record.id, error=failure)

        if len(records) < size:
            break

        after = records[-1].id

    return handles


async def known(
    job_id: str, shared: GatewayContext, resources: EngineContext, keys: Keys
) -> VideoJob | ImageJob:
    """Return the handle on the job of this id, ours or the provider's."""
    from ._job import Job
    from ._opening import rebuilt
    from ._tokens import is_token

    check_loop()
    ledger = resources.ledger
    record = await ledger.get(job_id)
    if record is None:
        record = await ledger.find(None, job_id)

    if record is None and is_token(job_id):
        raise ValidationError(
            "This is a token, and a ledger knows jobs by their ids; VideoJob.from_token and "
            "ImageJob.from_token take it",
            code="unknown_job",
        )

    if record is None:
        raise ValidationError(
            f"The ledger knows no job {job_id!r}",
            code="unknown_job",
            hints=[
                check("that it is the right ledger"),
                Hint("list_jobs", "take the id from a handle, or from the list of `resume_all`"),
            ],
        )

    return handle_for(Job(await rebuilt(record, resources, keys)), shared)
