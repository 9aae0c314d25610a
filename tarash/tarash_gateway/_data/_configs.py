"""Who makes it, and within which limits. A config never says what to make."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Unpack, cast

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema  # noqa: TC002  (pydantic reads the annotation)

from .._support._secrets import MASK, mask_settings, open_settings, revealed
from ._base import Seconds, Settings, Several
from ._limits import Limits
from ._money import Dollars
from ._requests import ImageGenerationRequest, VideoGenerationRequest
from ._responses import ImageGenerationResponse, VideoGenerationResponse
from ._sendable import bare_model_id
from ._template import Template
from ._types import (
    Failover,
    GivenKey,
    GivenSettings,
    JobStatus,
    MediaType,
    OnTimeout,
    Verify,
    misuse_of_address,
)

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class MockPollingConfig(Settings):
    """How the mock pretends to work on a job.

    Attributes:
        enabled: False answers at once, with one terminal update.
        status_sequence: The statuses to report, one a poll; the last one must be terminal.
        delay_between_updates: Seconds between two polls.
        progress_percentages: Percent for each status, or None for an even spread.
        custom_updates: Raw payloads for each status' `update`.
    """

    enabled: bool = True
    status_sequence: Several[JobStatus] = ("queued", "processing", "completed")
    delay_between_updates: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    progress_percentages: Several[int] | None = None
    custom_updates: Several[dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if not self.status_sequence or self.status_sequence[-1] not in {"completed", "failed"}:
            message = "status_sequence must end in 'completed' or 'failed'"
            raise ValueError(message)

        for name in ("progress_percentages", "custom_updates"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.status_sequence):
                message = f"{name} needs one entry for each status of status_sequence"
                raise ValueError(message)

        return self


class MockResponse(Settings):
    """One possible outcome of a mocked generation.

    Attributes:
        weight: Share of this outcome among all of `MockConfig.responses`; 0 or more.
        mock_response: The whole response to return, instead of a made one.
        output_video: The video to return: a URL, a data URI, base64, or bytes with content type.
        output_images: The images to return.
        output_type: How made media are returned: a loopback `url`, `content` (bytes), or a `file`
            whose path outlives the process.
        error: An exception to raise instead; left out of JSON, and of the JSON schema.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    mock_response: VideoGenerationResponse | ImageGenerationResponse | None = None
    output_video: MediaType | None = None
    output_images: Several[MediaType] | None = None
    output_type: Literal["url", "content", "file"] = "url"
    # JSON has no exceptions: a schema of them would be refused, with that of every config.
    error: SkipJsonSchema[Exception] | None = Field(default=None, exclude=True)


class MockConfig(Settings):
    """Makes a config answer from the mock: no network, no key, no cost, real playable media.

    Attributes:
        enabled: Whether the mock answers.
        responses: Outcomes to draw from by weight; None always succeeds.
        polling: Simulated waiting; None answers at once.
        seed: Makes draws and media repeatable.
    """

    enabled: bool
    responses: Several[MockResponse] | None = None
    polling: MockPollingConfig | None = None
    seed: int | None = None

    @field_validator("responses")
    @classmethod
    def _weighted(cls, responses: Several[MockResponse] | None) -> Any:
        if responses is not None and not sum(response.weight for response in responses):
            message = "responses must be None or hold at least one outcome of a weight above 0"
            raise ValueError(message)

        return responses


OF_REQUESTS = dict.fromkeys(
    (*VideoGenerationRequest.model_fields, *ImageGenerationRequest.model_fields),
    "it belongs to the request",
)


OFF = frozenset({"off", "no", "false"})


def _place(given: Any) -> Any:
    """Return a place as text; a path stays as the user wrote it, fields and all."""
    return os.fspath(given) if isinstance(given, os.PathLike) else given


def _as_fields(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema, and what it wraps, without what writes it down."""
    shown = {name: part for name, part in schema.items() if name != "serialization"}
    if str(shown["type"]).startswith("function-"):
        shown["schema"] = _as_fields(shown["schema"])

    return shown


class _GenerationConfig(Settings):
    elsewhere = OF_REQUESTS

    provider: str = Field(min_length=1)
    model: str = Field(min_length=1)
    api_key: str | None = None
    base_url: str | None = None
    api_version: str | None = None
    timeout: Seconds
    max_poll_attempts: int | None = Field(default=None, ge=1)
    poll_interval: Seconds
    max_retries: int = Field(default=2, ge=0)
    strict: bool = False
    auto_variant: bool = False
    on_timeout: OnTimeout = "cancel"
    failover: Failover = "always"
    fit_images: bool = False
    max_media_bytes: int = Field(default=200 * 1024**2, ge=1)
    max_cost: Dollars = None
    allow_unpriced: bool = False
    save_to: Annotated[str | Path | None, BeforeValidator(_place)] = None
    verify: Verify = "off"
    untrusted_requests: bool = False
    allowed_extra_params: Several[str] = ()
    allow_private_urls: bool = True
    mock: MockConfig | None = None
    budgets: Several[str] = ()
    limits: Limits | None = None
    priority: int = 0
    queue_timeout: Seconds | None = None
    hedge_after: Seconds | Literal["p90"] | None = None
    provider_config: dict[str, Any] = Field(default_factory=dict)

    @field_validator("provider", mode="before")
    @classmethod
    def _stripped(cls, provider: Any) -> Any:
        return provider.strip() if isinstance(provider, str) else provider

    @field_validator("model")
    @classmethod
    def _is_an_id(cls, model: str, info: ValidationInfo) -> str:
        bare = bare_model_id(info.data.get("provider", ""), model)
        if not bare:
            message = "the model's id is empty; give the one that the provider calls it by"
            raise ValueError(message)

        return bare

    @field_validator("api_key", "provider_config", mode="before")
    @classmethod
    def _plain(cls, secret: Any) -> Any:
        # pydantic's SecretStr, as settings hold keys; whoever reads `api_key` reads a plain `str`.
        return revealed(secret)

    @field_validator("mock", mode="before")
    @classmethod
    def _is_more_than_a_switch(cls, mock: Any) -> Any:
        if isinstance(mock, bool):
            message = f"mock takes a MockConfig: write mock=MockConfig(enabled={mock})"
            raise ValueError(message)  # noqa: TRY004  (pydantic passes a TypeError on as it is)

        return mock

    @field_validator("verify", mode="before")
    @classmethod
    def _off(cls, verify: Any) -> Any:
        # Readers of YAML make False of `verify: off`, or keep the word that was written.
        is_off = verify is False or (isinstance(verify, str) and verify.strip().lower() in OFF)
        return "off" if is_off else verify

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, base_url: str | None) -> str | None:
        wrong = None if base_url is None else misuse_of_address(base_url)
        if wrong is not None:
            message = f"base_url {wrong}"
            raise ValueError(message)

        return base_url

    @field_validator("budgets")
    @classmethod
    def _are_budgets(cls, budgets: Sequence[str]) -> Sequence[str]:
        from ._budgets import Budget  # which knows errors, and they know this

        for budget in budgets:
            Budget.parse(budget)

        return budgets

    @field_validator("save_to")
    @classmethod
    def _names_a_place(cls, save_to: str | Path | None) -> str | Path | None:
        if save_to is not None:
            # A mistake in it would show when there is something to save, which is paid for.
            Template.parse(save_to).check_installed()

        return save_to

    def model_post_init(self, context: Any, /) -> None:
        """Keep to public addresses where nobody says otherwise."""
        super().model_post_init(context)
        if self.untrusted_requests and "allow_private_urls" not in self.model_fields_set:
            self.__dict__["allow_private_urls"] = False  # before anybody has seen it frozen

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            if name == "api_key":
                yield name, MASK if value else value
            elif name == "provider_config":
                yield name, mask_settings(self.provider, value)
            else:
                yield name, value

    @model_serializer(mode="wrap")
    def _serialize(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        """Leave secrets out of JSON; `model_dump()` keeps them, to build a config from it again."""
        dumped: dict[str, Any] = handler(self)
        if info.mode_is_json():
            dumped.pop("api_key", None)

        return dumped

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the fields, of which what is written leaves the key out, as `_serialize` does."""
        made = handler.resolve_ref_schema(handler(cast("CoreSchema", _as_fields(schema))))
        if handler.mode == "serialization":
            made.get("properties", {}).pop("api_key", None)
            made["required"] = [name for name in made.get("required", ()) if name != "api_key"]

        return made

    @field_serializer("provider_config", when_used="json")
    def _without_secrets(self, settings: dict[str, Any]) -> dict[str, Any]:
        # Before JSON is made: what gives out tokens may be a function, which has no JSON.
        return open_settings(self.provider, settings)


class VideoGenerationConfig(_GenerationConfig):
    """Who makes a video, and within which limits.

    Attributes:
        provider: A built-in name (`fal`) or one that you registered.
        model: The model's id, as the provider writes it.
        api_key: The key; without it the provider's usual environment variable is read. Masked in
            `repr`, left out of JSON.
        base_url: Replaces the provider's host (tests, proxies, compatible servers).
        api_version: For providers that want one.
        timeout: Seconds for the whole attempt: submit, waiting, download. 600 by default.
        max_poll_attempts: Limit on status requests; None for no limit.
        poll_interval: Seconds that the pauses between status requests grow to. 5 by default. They
            are a tenth of what the job has taken until then, and shorter where jobs of this model
            were seen to end.
        max_retries: How often a submit that certainly bought nothing is tried again.
        strict: Raise `ValidationError` where a requested value would have to be adapted, or where a
            keyword of the request is no field and probably a typo of one.
        auto_variant: Go to the endpoint of the same model that takes the request's images or video
            where this one can't, with an adjustment; otherwise that is a `ValidationError`.
        on_timeout: `cancel` asks the provider to stop at the deadline, on cancellation and on
            Ctrl-C; `detach` leaves the job running, to be picked up by its operation.
        failover: `always` tries the next config after a retryable failure, even if an earlier
            job may still be billed; `when_safe` stops instead.
        fit_images: Convert or scale images that the provider would refuse, each with an
            adjustment; needs the extra `images`. Otherwise that is a `ValidationError`.
        max_media_bytes: Bytes that one input image or video may have, and one result that comes as
            bytes and not as a URL; 200 MiB by default. Of a result whose length is not announced,
            three quarters of that.
        max_cost: US dollars that the call may cost, all attempts of its chain together: a
            `Decimal`, an int, or text such as `"2.50"`. What could cost more is refused before it
            is sent (`CostLimitError`); a fallback that no longer fits is skipped. An earlier
            attempt that may be billed counts with the most that it may cost. Prices are those of
            public lists. A fallback's own limits only what that fallback may cost.
        allow_unpriced: With `max_cost`, send also what has no known price, or none in dollars.
        save_to: Where each result is saved as soon as it is done, before its URL expires; written
            as for `save()` of the response, or a `pathlib.Path`. A name without an ending and
            without fields (`clips`) is a folder. A save that fails is listed in the response's
            `save_errors`, and loses nothing. A fallback without its own takes the head's.
        verify: Compare the result with the request (length, size, sound, number): `warn` tells
            what differs and puts it into the response's `mismatches`, `raise` raises a
            `VerificationError` with the response. A fallback has its own.
        untrusted_requests: Others have written the requests, such as a service's clients. They may
            name no file of this machine and nothing that a provider stores, only public http and
            https URLs; in `extra_params` only what `allowed_extra_params` names; and 32 images,
            which together may have `max_media_bytes`. One config makes its whole chain so, and
            `Gateway(untrusted_requests=True)` makes all so. It is kept with the job.
        allowed_extra_params: Names that the `extra_params` of an untrusted request may have; the
            first config's hold for its chain.
        allow_private_urls: Let URLs, of input media and of results, lead to private, loopback and
            link-local addresses too, and take text that names a file as a path. Off by default
            where requests are untrusted; turned on there, it counts for results only.
        mock: Answers from the mock instead of the provider.
        budgets: Budgets that the call has to fit into beside the gateway's own, as text such as
            `50/day` or `5/month/user`; the first config's hold for its chain.
        limits: How many jobs its account may have in flight; beside the gateway's own `limits`.
        priority: Who waits for a place among the jobs in flight: the higher goes first.
        queue_timeout: Seconds that it may wait for one; after them the chain goes on with the next
            config. None for no limit.
        hedge_after: Start the next config beside an attempt that has not ended so many seconds
            after its provider has accepted it, or `p90`: after what nine of ten such jobs took. The
            first good result counts, and the other job is stopped. Of the first config, for its
            chain.
        fallback_configs: Tried in this order after a retryable failure.
        provider_config: The provider's own settings; `min_poll_interval` (seconds) works for all.
    """

    timeout: Seconds = 600
    poll_interval: Seconds = 5
    fallback_configs: Several[VideoGenerationConfig] = ()

    if TYPE_CHECKING:
        # What is taken, which is more than what is read.
        def __init__(
            self,
            *,
            provider: str,
            model: str,
            api_key: GivenKey = None,
            fallback_configs: Sequence[VideoGenerationConfig] = (),
            **settings: Unpack[GivenSettings],
        ) -> None: ...


class ImageGenerationConfig(_GenerationConfig):
    """Who makes an image, and within which limits; fields as in `VideoGenerationConfig`.

    `timeout` is 120 seconds and `poll_interval` 2 seconds by default.
    """

    timeout: Seconds = 120
    poll_interval: Seconds = 2
    fallback_configs: Several[ImageGenerationConfig] = ()

    if TYPE_CHECKING:
        # What is taken, which is more than what is read.
        def __init__(
            self,
            *,
            provider: str,
            model: str,
            api_key: GivenKey = None,
            fallback_configs: Sequence[ImageGenerationConfig] = (),
            **settings: Unpack[GivenSettings],
        ) -> None: ...
