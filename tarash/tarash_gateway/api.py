"""The public functions. The async ones are real; each blocking one runs its twin on the portal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, cast

from .exceptions import ValidationError
from .models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from .registry import Registry, default_registry

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ._attempt import Deliver
    from ._contract import Config, Ledger, Request, Response
    from ._engine import Resources
    from ._portal import Caller
    from ._types import Kind
    from .models import (
        GenerationPlan,
        ImageGenerationResponse,
        ImageProgressCallback,
        ProgressCallback,
        VideoGenerationResponse,
    )

__all__ = [
    "Gateway",
    "generate_image",
    "generate_image_async",
    "generate_video",
    "generate_video_async",
    "plan_image",
    "plan_image_async",
    "plan_video",
    "plan_video_async",
]

EXPECTED = {
    "video": (VideoGenerationConfig, VideoGenerationRequest),
    "image": (ImageGenerationConfig, ImageGenerationRequest),
}


class Gateway:
    """A gateway with its own registry, ledger and clients; the functions here use a default one.

    Example:
        async with Gateway() as gateway:
            response = await gateway.generate_video_async(config, request)
    """

    def __init__(self, *, registry: Registry | None = None, ledger: Ledger | None = None) -> None:
        """Make a gateway.

        Args:
            registry: Its providers and mappings; by default those of the module's functions.
            ledger: Where submits are written down; by default memory, which lives as long as the
                process.
        """
        self._registry = default_registry if registry is None else registry
        self._ledger = ledger
        self._made: Resources | None = None
        self._lock = threading.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the gateway stays usable."""
        if self._made is not None:
            await self._made.clients.aclose()

    def close(self) -> None:
        """Close the connections of the blocking functions; the gateway stays usable."""
        from . import _portal

        _portal.call(lambda _caller: self.aclose())

    async def generate_video_async(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        on_progress: ProgressCallback | None = None,
    ) -> VideoGenerationResponse:
        """Make a video and wait for it.

        Args:
            config: Who makes it; its `fallback_configs` follow after a retryable failure.
            request: What to make.
            on_progress: Called with each update, sync or async; what it raises is logged.

        Returns:
            The response; `execution_metadata` tells what each attempt did.

        Raises:
            ValidationError: The request, config or an input can't be sent as it is.
            ContentModerationError: The provider's safety filter refused.
            HTTPError: The provider answered with an error status.
            HTTPConnectionError: No answer came; `submission` tells whether money is at stake.
            TimeoutError: The deadline passed; `operation` holds the job.
            GenerationFailedError: The provider could not make it.
        """
        return cast(
            "VideoGenerationResponse", await self._run("video", config, request, on_progress)
        )

    def generate_video(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        on_progress: ProgressCallback | None = None,
    ) -> VideoGenerationResponse:
        """Blocking form of `generate_video_async`; a sync callback runs in the calling thread."""
        return cast("VideoGenerationResponse", self._block("video", config, request, on_progress))

    async def generate_image_async(
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        on_progress: ImageProgressCallback | None = None,
    ) -> ImageGenerationResponse:
        """Make images and wait for them; arguments and errors as in `generate_video_async`."""
        return cast(
            "ImageGenerationResponse", await self._run("image", config, request, on_progress)
        )

    def generate_image(
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        on_progress: ImageProgressCallback | None = None,
    ) -> ImageGenerationResponse:
        """Blocking form of `generate_image_async`; a sync callback runs in the calling thread."""
        return cast("ImageGenerationResponse", self._block("image", config, request, on_progress))

    async def plan_video_async(
        self, config: VideoGenerationConfig, request: VideoGenerationRequest
    ) -> GenerationPlan:
        """Return what would be sent for a video, without a key and without touching the provider.

        Raises:
            ValidationError: A provider is unknown, or its model can't take the request.
        """
        return self._plan("video", config, request)

    def plan_video(
        self, config: VideoGenerationConfig, request: VideoGenerationRequest
    ) -> GenerationPlan:
        """Blocking form of `plan_video_async`."""
        return self._plan("video", config, request)

    async def plan_image_async(
        self, config: ImageGenerationConfig, request: ImageGenerationRequest
    ) -> GenerationPlan:
        """Return what would be sent for images; as `plan_video_async`."""
        return self._plan("image", config, request)

    def plan_image(
        self, config: ImageGenerationConfig, request: ImageGenerationRequest
    ) -> GenerationPlan:
        """Blocking form of `plan_image_async`."""
        return self._plan("image", config, request)

    # ---------------------------------------------------------------------------------- wiring
    async def _run(
        self, kind: Kind, config: Config, request: Request, on_progress: Callable[..., Any] | None
    ) -> Response:
        from ._attempt import call_back
        from ._orchestrator import run

        _check_arguments(kind, config, request)

        async def deliver(update: Any) -> None:
            if on_progress is not None:
                await call_back(on_progress, update)

        return await run(
            kind,
            config,
            request,
            resources=self._resources(),
            deliver=None if on_progress is None else deliver,
        )

    def _block(
        self, kind: Kind, config: Config, request: Request, on_progress: Callable[..., Any] | None
    ) -> Response:
        from . import _portal
        from ._orchestrator import run

        _check_arguments(kind, config, request)

        def start(caller: Caller) -> Coroutine[Any, Any, Response]:
            return run(
                kind,
                config,
                request,
                resources=self._resources(),
                deliver=None if on_progress is None else _to_caller(on_progress, caller),
                caller=caller,
            )

        return _portal.call(start)

    def _plan(self, kind: Kind, config: Config, request: Request) -> GenerationPlan:
        from ._orchestrator import plan

        _check_arguments(kind, config, request)
        return plan(kind, config, request, self._registry)

    def _resources(self) -> Resources:
        with self._lock:  # many threads may make their first call at once
            if self._made is None:
                from ._clients import ClientCache
                from ._engine import Resources
                from .ledger import MemoryLedger

                ledger = MemoryLedger() if self._ledger is None else self._ledger
                self._made = Resources(self._registry, ClientCache(), ledger, Random())

            return self._made


def _check_arguments(kind: Kind, config: object, request: object) -> None:
    expected = EXPECTED[kind]
    for given, wanted in zip((config, request), expected, strict=True):
        if not isinstance(given, wanted):
            names = " and ".join(one.__name__ for one in expected)
            raise ValidationError(
                f"generate_{kind} takes a {names}, in this order; this is a {type(given).__name__}"
            )


def _to_caller(on_progress: Callable[..., Any], caller: Caller) -> Deliver:
    """Return what hands updates to a blocking caller: sync callbacks run in its own thread."""
    from . import _portal
    from ._attempt import call_back, call_back_blocking

    async def on_loop(update: Any) -> None:
        await call_back(on_progress, update)

    async def in_thread(update: Any) -> None:
        caller.post(lambda: call_back_blocking(on_progress, update, _portal.run_on_loop))

    return on_loop if _portal.is_async(on_progress) else in_thread


_default = Gateway()


async def generate_video_async(
    config: VideoGenerationConfig,
    request: VideoGenerationRequest,
    on_progress: ProgressCallback | None = None,
) -> VideoGenerationResponse:
    """Make a video and wait for it; see `Gateway.generate_video_async`."""
    return await _default.generate_video_async(config, request, on_progress)


def generate_video(
    config: VideoGenerationConfig,
    request: VideoGenerationRequest,
    on_progress: ProgressCallback | None = None,
) -> VideoGenerationResponse:
    """Blocking form of `generate_video_async`; a sync callback runs in the calling thread."""
    return _default.generate_video(config, request, on_progress)


async def generate_image_async(
    config: ImageGenerationConfig,
    request: ImageGenerationRequest,
    on_progress: ImageProgressCallback | None = None,
) -> ImageGenerationResponse:
    """Make images and wait for them; see `Gateway.generate_video_async`."""
    return await _default.generate_image_async(config, request, on_progress)


def generate_image(
    config: ImageGenerationConfig,
    request: ImageGenerationRequest,
    on_progress: ImageProgressCallback | None = None,
) -> ImageGenerationResponse:
    """Blocking form of `generate_image_async`; a sync callback runs in the calling thread."""
    return _default.generate_image(config, request, on_progress)


async def plan_video_async(
    config: VideoGenerationConfig, request: VideoGenerationRequest
) -> GenerationPlan:
    """Return what would be sent for a video; see `Gateway.plan_video_async`."""
    return await _default.plan_video_async(config, request)


def plan_video(config: VideoGenerationConfig, request: VideoGenerationRequest) -> GenerationPlan:
    """Blocking form of `plan_video_async`."""
    return _default.plan_video(config, request)


async def plan_image_async(
    config: ImageGenerationConfig, request: ImageGenerationRequest
) -> GenerationPlan:
    """Return what would be sent for images; see `Gateway.plan_video_async`."""
    return await _default.plan_image_async(config, request)


def plan_image(config: ImageGenerationConfig, request: ImageGenerationRequest) -> GenerationPlan:
    """Blocking form of `plan_image_async`."""
    return _default.plan_image(config, request)
