"""The gateway: its methods are the public functions. Async is real; sync runs it on the portal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from .._data._budgets import Budget
from .._data._limits import Breaker, Limits
from .._data._policies import Observer, Policy
from .._http._backend import check_loop
from ..ledger._contract import AnyLedger
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    ImageProgressCallback,
    ProgressCallback,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from ..providers._registry import Registry
from ._asking import Asking
from ._entry_points import blocking, checked, generating, submitting, warm_up
from ._handles import ImageJob, VideoJob
from ._keeping import Keeping
from ._late_costs import LateCosts
from ._resources import GatewayContext
from ._resuming import Resuming

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from .._data._exchange import Config, Request
    from .._data._types import Kind


__all__ = ["Gateway"]


class Gateway(Resuming, Keeping, Asking, LateCosts):
    """A gateway with its own registry, ledger and clients; the functions here use a default one.

    Leaving `with` ends the calls that other threads still wait in, as their configs' `on_timeout`
    says, and closes its connections; leaving `async with` closes those of the running loop, too.

    Example:
        with Gateway(ledger="sqlite:///jobs.db") as gateway:
            response = gateway.generate_video(config, request)

        async with Gateway() as gateway:
            response = await gateway.generate_video_async(config, request)
    """

    def __init__(  # noqa: PLR0913  (what a gateway is made of, each by name)
        self,
        *,
        registry: Registry | None = None,
        ledger: AnyLedger | None = None,
        untrusted_requests: bool = False,
        observers: Sequence[Observer] = (),
        policies: Sequence[Policy] = (),
        budgets: Sequence[Budget | str] | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        limits: Limits | Sequence[Limits] = (),
        breaker: Breaker | None = None,
        shared: GatewayContext | None = None,
    ) -> None:
        """Make a gateway.

        Args:
            registry: Its providers and mappings; by default those of the module's functions.
            ledger: Where jobs are written down before anything is bought: `sqlite:///jobs.db`, the
                `pathlib.Path` of such a file, or a ledger. By default what TARASH_LEDGER says, else
                memory, which lives as long as the process.
            untrusted_requests: Others have written the requests: they may name no file of this
                machine, no private address and no parameters of the provider's own. As on every
                config, which has more on it; for jobs that are resumed too.
            observers: Plain functions that don't block, called with each of its `events`.
            policies: What lets attempts in before they buy, in this order: see `policies`.
            budgets: US dollars that its calls may spend together: `Budget("50", per="day")`, or
                text such as `50/day`. All gateways that share a ledger share what is spent. By
                default what TARASH_BUDGET says (several with commas between), else no limit.
            webhook_url: Where providers reach a `webhooks.WebhookInbox` from outside: those that
                can are asked to call it when a job has come further. By default what
                TARASH_WEBHOOK_URL says, else nobody is asked.
            webhook_secret: What addresses given to providers are signed with, 16 characters at
                least, the same for all processes. By default what TARASH_WEBHOOK_SECRET says, else
                the ledger keeps what it takes to know an address again.
            limits: How many jobs may be in flight at a provider, for each account by itself:
                `Limits(in_flight=10)`, or several. All gateways that share a ledger share them.
            breaker: When a provider counts as down, so that its attempts are skipped: `Breaker()`.
                By default none does.
            shared: What it shares with others, in place of those above.
        """
        if shared is None:
            shared = GatewayContext(
                registry,
                ledger,
                untrusted_requests=untrusted_requests,
                observers=observers,
                policies=policies,
                budgets=budgets,
                webhook_url=webhook_url,
                webhook_secret=webhook_secret,
                limits=limits,
                breaker=breaker,
            )

        self._shared = shared

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from .._support import _portal

        if _portal.running() is not None:  # else no blocking call was made, by anybody
            _portal.call(lambda _caller: self._shared.aclose(None, blocking=True))

    async def __aenter__(self) -> Self:
        check_loop()
        await warm_up()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._shared.aclose(None, blocking=True)

    async def aclose(self, grace: float | None = None) -> None:
        """Close the connections of the running event loop.

        Calls that are cancelled already are waited for (7 s at most) while they ask their providers
        to stop; so are ends of jobs that the ledger could not take yet (as long again). `async
        with` does this, and cancels blocking calls under way.

        Args:
            grace: Seconds that the running loop's and the blocking calls may go on; then each is
                cancelled, and its job stopped or not as its config's `on_timeout` says. The gateway
                takes no more work, and its ledger is closed. None ends no call.
        """
        await self._shared.aclose(grace, blocking=False)

    def close(self, grace: float | None = None) -> None:
        """Close the connections of the blocking functions; as `aclose`, for blocking calls."""
        from .._support import _portal

        _portal.call(lambda _caller: self.aclose(grace))

    # ------------------------------------------------------------------------------ generating
    async def generate_video_async(  # noqa: PLR0913  (each by its name)
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        on_progress: ProgressCallback | None = None,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> VideoGenerationResponse:
        """Make a video and wait for it.

        Args:
            config: Who makes it; its `fallback_configs` follow after a retryable failure.
            request: What to make.
            on_progress: Called with each update, sync or async; what it raises is logged.
            ledger: Where the job is written down, in place of the gateway's ledger.
            idempotency_key: Makes the call safe to repeat, as far as the ledger reaches: with the
                same key and request there is one job, however often and from wherever it is asked
                for. A key whose job has certainly bought nothing may be used again.
            labels: Words of your own for whom or what the job is, such as `{"user": "42"}`: in the
                ledger, in events, in budgets and in reports of spending. At most 20.

        Returns:
            The response; `execution_metadata` tells what each attempt did.

        Raises:
            ValidationError: The request, config or an input can't be sent as it is; or the
                idempotency key is another request's.
            ContentModerationError: The provider's safety filter refused.
            HTTPError: The provider answered with an error status.
            HTTPConnectionError: No answer came; `submission` tells whether money is at stake.
            TimeoutError: The deadline passed; `operation` holds the job.
            GenerationFailedError: The provider could not make it.
        """
        work = generating(
            self._shared, "video", config, request, on_progress, ledger, idempotency_key, labels
        )
        return cast("VideoGenerationResponse", await work(None))

    def generate_video(  # noqa: PLR0913  (each by its name)
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        on_progress: ProgressCallback | None = None,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> VideoGenerationResponse:
        """Blocking form of `generate_video_async`; a sync callback runs in the calling thread.

        Not for `asyncio.to_thread`: cancelling that doesn't end the thread, so the call goes on.
        """
        work = generating(
            self._shared, "video", config, request, on_progress, ledger, idempotency_key, labels
        )
        return cast("VideoGenerationResponse", blocking(work))

    async def generate_image_async(  # noqa: PLR0913  (each by its name)
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        on_progress: ImageProgressCallback | None = None,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> ImageGenerationResponse:
        """Make images and wait for them; arguments and errors as in `generate_video_async`."""
        work = generating(
            self._shared, "image", config, request, on_progress, ledger, idempotency_key, labels
        )
        return cast("ImageGenerationResponse", await work(None))

    def generate_image(  # noqa: PLR0913  (each by its name)
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        on_progress: ImageProgressCallback | None = None,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> ImageGenerationResponse:
        """Blocking form of `generate_image_async`; a sync callback runs in the calling thread.

        Not for `asyncio.to_thread`: cancelling that doesn't end the thread, so the call goes on.
        """
        work = generating(
            self._shared, "image", config, request, on_progress, ledger, idempotency_key, labels
        )
        return cast("ImageGenerationResponse", blocking(work))

    # ------------------------------------------------------------------------------ submitting
    async def submit_video_async(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> VideoJob:
        """Return as soon as a provider has accepted; arguments as in `generate_video_async`.

        The chain's further configs are tried where one does not accept; after that they follow
        only while somebody waits for the job by its handle, or resumes it.

        Returns:
            The handle. Where the provider answers with the result itself, the job is done.

        Raises:
            TarashException: Nobody accepted; as `generate_video_async`.
        """
        return cast(
            "VideoJob",
            await submitting(
                self._shared, "video", config, request, ledger, idempotency_key, labels
            ),
        )

    def submit_video(
        self,
        config: VideoGenerationConfig,
        request: VideoGenerationRequest,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> VideoJob:
        """Blocking form of `submit_video_async`."""
        args: Any = (self._shared, "video", config, request, ledger, idempotency_key, labels)
        return cast("VideoJob", blocking(lambda _caller: submitting(*args)))

    async def submit_image_async(
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> ImageJob:
        """Return as soon as a provider has accepted the job; as `submit_video_async`."""
        return cast(
            "ImageJob",
            await submitting(
                self._shared, "image", config, request, ledger, idempotency_key, labels
            ),
        )

    def submit_image(
        self,
        config: ImageGenerationConfig,
        request: ImageGenerationRequest,
        *,
        ledger: AnyLedger | None = None,
        idempotency_key: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> ImageJob:
        """Blocking form of `submit_image_async`."""
        args: Any = (self._shared, "image", config, request, ledger, idempotency_key, labels)
        return cast("ImageJob", blocking(lambda _caller: submitting(*args)))


def endpoints_of(gateway: Gateway, kind: Kind, config: Config, request: Request) -> tuple[str, ...]:
    """Check a request as a plan does, without its price; return where each config would send it.

    Args:
        gateway: Whose settings and providers they are.
        kind: What is made.
        config: The chain's head.
        request: What to make.

    Raises:
        ValidationError: As `Gateway.plan_video`.
    """
    return checked(gateway._shared, kind, config, request)  # noqa: SLF001  (its own package)
