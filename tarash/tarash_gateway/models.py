"""What users hand in and get back, under one name; the classes live in modules by topic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from ._data._configs import (
    ImageGenerationConfig,
    MockConfig,
    MockPollingConfig,
    MockResponse,
    VideoGenerationConfig,
)
from ._data._continuing import Continuation
from ._data._hints import Hint
from ._data._job_info import JobInfo
from ._data._media_info import MediaInfo, Mismatch
from ._data._media_input import ImageInput, MediaInput
from ._data._model_info import (
    ImageCapability,
    ModelDescription,
    ModelInfo,
    ModelParameter,
    NumberRange,
    RetiredUse,
)
from ._data._money import Cost, CostChange, PriceLine, Quote, QuoteLine, SpendRow
from ._data._requests import ImageGenerationRequest, VideoGenerationRequest
from ._data._responses import (
    Adjustment,
    AttemptMetadata,
    ExecutionMetadata,
    GenerationPlan,
    ImageGenerationResponse,
    ImageGenerationUpdate,
    ProviderInfo,
    VideoGenerationResponse,
    VideoGenerationUpdate,
)
from ._data._types import ImageRole, MediaContent, MediaType, Resolution

__all__ = [
    "Adjustment",
    "AttemptMetadata",
    "Continuation",
    "Cost",
    "CostChange",
    "ExecutionMetadata",
    "GenerationPlan",
    "Hint",
    "ImageCapability",
    "ImageGenerationConfig",
    "ImageGenerationRequest",
    "ImageGenerationResponse",
    "ImageGenerationUpdate",
    "ImageInput",
    "ImageProgressCallback",
    "ImageRole",
    "JobInfo",
    "MediaContent",
    "MediaInfo",
    "MediaInput",
    "MediaType",
    "Mismatch",
    "MockConfig",
    "MockPollingConfig",
    "MockResponse",
    "ModelDescription",
    "ModelInfo",
    "ModelParameter",
    "NumberRange",
    "PriceLine",
    "ProgressCallback",
    "ProviderHandler",
    "ProviderInfo",
    "Quote",
    "QuoteLine",
    "Resolution",
    "RetiredUse",
    "SpendRow",
    "VideoGenerationConfig",
    "VideoGenerationRequest",
    "VideoGenerationResponse",
    "VideoGenerationUpdate",
]

ProgressCallback = Callable[[VideoGenerationUpdate], Awaitable[None] | None]
ImageProgressCallback = Callable[[ImageGenerationUpdate], Awaitable[None] | None]


class ProviderHandler(Protocol):
    """A provider of your own: all four methods, or only those that it has.

    A missing method is made up for by its twin: the async API runs a sync method in a worker
    thread, the sync API runs an async method on the background loop.
    """

    def generate_video(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        on_progress: ProgressCallback | None = None,
    ) -> VideoGenerationResponse:
        """Make a video, blocking."""
        ...

    async def generate_video_async(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        on_progress: ProgressCallback | None = None,
    ) -> VideoGenerationResponse:
        """Make a video."""
        ...

    def generate_image(
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        on_progress: ImageProgressCallback | None = None,
    ) -> ImageGenerationResponse:
        """Make images, blocking."""
        ...

    async def generate_image_async(
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        on_progress: ImageProgressCallback | None = None,
    ) -> ImageGenerationResponse:
        """Make images."""
        ...
