"""What a gateway can be asked without buying anything: models, plans and quotes."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from .._data._limits import CircuitHealth
from .._data._model_info import ModelDescription, ModelInfo
from .._data._types import Kind
from ..models import (
    GenerationPlan,
    ImageGenerationConfig,
    ImageGenerationRequest,
    Quote,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from ._catalogue import described, listed
from ._entry_points import asked, blocking, planned, planned_with_times
from ._resources import GatewayContext


class Asking:
    """The part of a gateway that buys nothing; it asks providers only where that is said."""

    _shared: GatewayContext

    # ---------------------------------------------------------------------------------- health
    async def health_async(self) -> list[CircuitHealth]:
        """Return how the providers do, by host and model, as far as attempts show.

        Without a `breaker` there is nothing to tell. With a durable ledger, what other processes
        have found out is there, too.
        """
        from ._traffic_report import health

        return await health(self._shared)

    def health(self) -> list[CircuitHealth]:
        """Blocking form of `health_async`."""
        from .._support import _portal

        return _portal.call(lambda _caller: self.health_async())

    # ---------------------------------------------------------------------------------- models
    def describe_model(
        self, provider: str, model: str, kind: Kind | None = None
    ) -> ModelDescription:
        """Return what a model takes and makes, as its provider's schema says.

        Args:
            provider: The provider's name.
            model: The model's id.
            kind: For a model that makes both; by default videos.

        Raises:
            ValidationError: The catalogue has no such model; the message names the nearest.
        """
        return described(self._shared.registry, provider, model, kind)

    def list_models(
        self,
        provider: str | None = None,
        *,
        output: str | None = None,
        takes: str | Collection[str] = (),
        duration: float | None = None,
        search: str | None = None,
    ) -> list[ModelInfo]:
        """Return the models of the catalogue, by provider and id.

        Args:
            provider: Only this one's.
            output: Only those that make it: `video`, `image`, `audio`, `3d` or `other`.
            takes: Only those that take all of these: roles of images (`first_frame`, `last_frame`,
                `reference`, `asset`, `style`), `video` or `mask`.
            duration: Only those that make videos of so many seconds.
            search: Only those with this text in id or name.

        Raises:
            ValidationError: There is no such thing; the message lists what there is.
        """
        return listed(self._shared.registry, provider, output, takes, duration, search)

    # -------------------------------------------------------------------------------- planning
    async def plan_video_async(
        self, config: VideoGenerationConfig, request: VideoGenerationRequest
    ) -> GenerationPlan:
        """Return what would be sent for a video, without a key and without touching the provider.

        Raises:
            ValidationError: A provider is unknown, or its model can't take the request.
        """
        return await planned_with_times(self._shared, "video", config, request)

    def plan_video(
        self, config: VideoGenerationConfig, request: VideoGenerationRequest
    ) -> GenerationPlan:
        """Blocking form of `plan_video_async`."""
        if self._shared.knows_times():
            blocking(lambda _caller: self._shared.load_times())

        return planned(self._shared, "video", config, request)

    async def plan_image_async(
        self, config: ImageGenerationConfig, request: ImageGenerationRequest
    ) -> GenerationPlan:
        """Return what would be sent for images; as `plan_video_async`."""
        return await planned_with_times(self._shared, "image", config, request)

    def plan_image(
        self, config: ImageGenerationConfig, request: ImageGenerationRequest
    ) -> GenerationPlan:
        """Blocking form of `plan_image_async`."""
        if self._shared.knows_times():
            blocking(lambda _caller: self._shared.load_times())

        return planned(self._shared, "image", config, request)

    # --------------------------------------------------------------------------------- quoting
    async def quote_video_async(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        *,
        ask_provider: bool = False,
    ) -> Quote:
        """Return what a video would cost, without a key and without touching the provider.

        It is the quote of `plan_video`: of what would really be sent, for the config itself. What
        each of its fallbacks would cost stands in the plan's `fallbacks`.

        Args:
            config: Who would make it.
            request: What would be made.
            ask_provider: Whether the provider is asked, where it quotes for free: that needs a key,
                and buys nothing. Its answer takes the place of our estimate. Where it gives none,
                our estimate stays, and `notes` says why.

        Raises:
            ValidationError: A provider is unknown, or its model can't take the request.
        """
        if ask_provider:
            return await asked(self._shared, "video", config, request)

        return planned(self._shared, "video", config, request).quote

    def quote_video(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        *,
        ask_provider: bool = False,
    ) -> Quote:
        """Blocking form of `quote_video_async`."""
        if ask_provider:
            return cast(
                "Quote", blocking(lambda _caller: asked(self._shared, "video", config, request))
            )

        return planned(self._shared, "video", config, request).quote

    async def quote_image_async(
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        *,
        ask_provider: bool = False,
    ) -> Quote:
        """Return what images would cost, all together; as `quote_video_async`."""
        if ask_provider:
            return await asked(self._shared, "image", config, request)

        return planned(self._shared, "image", config, request).quote

    def quote_image(
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        *,
        ask_provider: bool = False,
    ) -> Quote:
        """Blocking form of `quote_image_async`."""
        if ask_provider:
            return cast(
                "Quote", blocking(lambda _caller: asked(self._shared, "image", config, request))
            )

        return planned(self._shared, "image", config, request).quote
