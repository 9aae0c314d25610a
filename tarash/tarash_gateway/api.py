"""The public functions: those of one gateway that all of them share."""

from __future__ import annotations

from ._data._types import ApiKeys
from ._jobs._gateway import Gateway
from ._jobs._handles import ImageJob, VideoJob
from ._jobs._resources import default
from ._support._secrets import Keys

# Not for type checkers alone: frameworks read the annotations of what users hand them.
from .ledger._records import AnyLedger
from .models import (
    GenerationPlan,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    ImageProgressCallback,
    ProgressCallback,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)

__all__ = [
    "Gateway",
    "aclose",
    "close",
    "generate_image",
    "generate_image_async",
    "generate_video",
    "generate_video_async",
    "plan_image",
    "plan_image_async",
    "plan_video",
    "plan_video_async",
    "resume",
    "resume_all",
    "resume_all_async",
    "resume_async",
    "submit_image",
    "submit_image_async",
    "submit_video",
    "submit_video_async",
]

_default = Gateway(shared=default)


async def aclose(grace: float | None = None) -> None:
    """End what the module's functions have under way; they may be used again afterwards.

    For the end of a service or a worker that has no `Gateway` of its own: see `Gateway.aclose`.

    Args:
        grace: Seconds that calls may go on, those of the running loop and the blocking ones; after
            them each is cancelled, and its job stopped or left running as its config's `on_timeout`
            says. None ends no call, and waits only for those that are cancelled already.
    """
    await default.aclose(grace, blocking=False, for_good=False)


def close(grace: float | None = None) -> None:
    """Blocking form of `aclose`, for the blocking calls."""
    from ._support import _portal

    _portal.call(lambda _caller: aclose(grace))


async def generate_video_async(
    config: VideoGenerationConfig,
    request: VideoGenerationRequest,
    on_progress: ProgressCallback | None = None,
    *,
    ledger: AnyLedger | None = None,
    idempotency_key: str | None = None,
) -> VideoGenerationResponse:
    """Make a video and wait for it; see `Gateway.generate_video_async`."""
    return await _default.generate_video_async(
        config, request, on_progress, ledger=ledger, idempotency_key=idempotency_key
    )


def generate_video(
    config: VideoGenerationConfig,
    request: VideoGenerationRequest,
    on_progress: ProgressCallback | None = None,
    *,
    ledger: AnyLedger | None = None,
    idempotency_key: str | None = None,
) -> VideoGenerationResponse:
    """Blocking form of `generate_video_async`; a sync callback runs in the calling thread."""
    return _default.generate_video(
        config, request, on_progress, ledger=ledger, idempotency_key=idempotency_key
    )


async def generate_image_async(
    config: ImageGenerationConfig,
    request: ImageGenerationRequest,
    on_progress: ImageProgressCallback | None = None,
    *,
    ledger: AnyLedger | None = None,
    idempotency_key: str | None = None,
) -> ImageGenerationResponse:
    """Make images and wait for them; see `Gateway.generate_video_async`."""
    return await _default.generate_image_async(
        config, request, on_progress, ledger=ledger, idempotency_key=idempotency_key
    )


def generate_image(
    config: ImageGenerationConfig,
    request: ImageGenerationRequest,
    on_progress: ImageProgressCallback | None = None,
    *,
    ledger: AnyLedger | None = None,
    idempotency_key: str | None = None,
) -> ImageGenerationResponse:
    """Blocking form of `generate_image_async`; a sync callback runs in the calling thread."""
    return _default.generate_image(
        config, request, on_progress, ledger=ledger, idempotency_key=idempotency_key
    )


async def submit_video_async(
    config: VideoGenerationConfig,
    request: VideoGenerationRequest,
    *,
    ledger: AnyLedger | None = None,
    idempotency_key: str | None = None,
) -> VideoJob:
    """Return as soon as a provider has accepted; see `Gateway.submit_video_async`."""
    return await _default.submit_video_async(
        config, request, ledger=ledger, idempotency_key=idempotency_key
    )


def submit_video(
    config: VideoGenerationConfig,
    request: VideoGenerationRequest,
    *,
    ledger: AnyLedger | None = None,
    idempotency_key: str | None = None,
) -> VideoJob:
    """Blocking form of `submit_video_async`."""
    return _default.submit_video(config, request, ledger=ledger, idempotency_key=idempotency_key)


async def submit_image_async(
    config: ImageGenerationConfig,
    request: ImageGenerationRequest,
    *,
    ledger: AnyLedger | None = None,
    idempotency_key: str | None = None,
) -> ImageJob:
    """Return as soon as a provider has accepted; see `Gateway.submit_video_async`."""
    return await _default.submit_image_async(
        config, request, ledger=ledger, idempotency_key=idempotency_key
    )


def submit_image(
    config: ImageGenerationConfig,
    request: ImageGenerationRequest,
    *,
    ledger: AnyLedger | None = None,
    idempotency_key: str | None = None,
) -> ImageJob:
    """Blocking form of `submit_image_async`."""
    return _default.submit_image(config, request, ledger=ledger, idempotency_key=idempotency_key)


async def resume_all_async(
    ledger: AnyLedger | None = None,
    *,
    api_keys: ApiKeys | None = None,
    max_media_bytes: int | None = None,
) -> list[VideoJob | ImageJob]:
    """Return every job that is still owed to you; see `Gateway.resume_all_async`."""
    keys = Keys.taken(api_keys)
    del api_keys  # errors' frames are shown
    return await _default.resume_all_async(ledger, api_keys=keys, max_media_bytes=max_media_bytes)


async def resume_async(
    job_id: str,
    ledger: AnyLedger | None = None,
    *,
    api_keys: ApiKeys | None = None,
    max_media_bytes: int | None = None,
) -> VideoJob | ImageJob:
    """Return the handle on one job of a ledger; see `Gateway.resume_async`."""
    keys = Keys.taken(api_keys)
    del api_keys
    return await _default.resume_async(
        job_id, ledger, api_keys=keys, max_media_bytes=max_media_bytes
    )


def resume_all(
    ledger: AnyLedger | None = None,
    *,
    api_keys: ApiKeys | None = None,
    max_media_bytes: int | None = None,
) -> list[VideoJob | ImageJob]:
    """Blocking form of `resume_all_async`."""
    keys = Keys.taken(api_keys)
    del api_keys
    return _default.resume_all(ledger, api_keys=keys, max_media_bytes=max_media_bytes)


def resume(
    job_id: str,
    ledger: AnyLedger | None = None,
    *,
    api_keys: ApiKeys | None = None,
    max_media_bytes: int | None = None,
) -> VideoJob | ImageJob:
    """Blocking form of `resume_async`."""
    keys = Keys.taken(api_keys)
    del api_keys
    return _default.resume(job_id, ledger, api_keys=keys, max_media_bytes=max_media_bytes)


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
