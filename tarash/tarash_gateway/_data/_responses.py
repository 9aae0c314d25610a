"""What users get back: responses, updates, plans, and what each attempt did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import AwareDatetime, Field, PrivateAttr, model_validator

from ._base import Data, Several
from ._made_by import MadeBy
from ._media_info import Mismatch
from ._media_methods import MediaMethods
from ._money import Cost, Quote
from ._types import Billing, CancelAnswer, JobStatus, MediaContent, MediaType, Submission


class Adjustment(Data):
    """A requested value that the model can't take as asked, and what became of it.

    Attributes:
        field: The request's field, such as `duration_seconds`, or `extra_params.<name>`.
        requested: What was asked for.
        sent: What goes to the provider instead; None where the requested value is left out.
        reason: Why, in a sentence.
    """

    field: str
    requested: Any
    sent: Any
    reason: str


class AttemptMetadata(Data):
    """What one config of the chain did.

    Attributes:
        attempt_number: From 1.
        started_at: UTC.
        ended_at: UTC.
        status: `success`, `failed`, or `skipped` where the provider counts as down.
        error_type: The error's class name; None on success.
        is_retryable: Whether the failure let the chain move on; None on success.
        request_id: The provider's job id where there is one, else ours.
        submission: How the submit ended; None where nothing was about to be submitted.
        billing: Whether this attempt costs money: `none`, `possible` or `certain`.
        cancel: What the provider answered when it was asked to stop; None if it wasn't asked.
        adopted: Whether the answer to the submit was lost, and the job was found in the provider's
            list.
        cost: What it cost, or may cost where `billing` is `possible`; None where nobody knows.
    """

    provider: str
    model: str
    attempt_number: int
    started_at: AwareDatetime
    ended_at: AwareDatetime
    elapsed_seconds: float
    status: Literal["success", "failed", "skipped"]
    error_type: str | None = None
    error_message: str | None = None
    is_retryable: bool | None = None
    request_id: str | None = None
    submission: Submission | None = None
    billing: Billing = "none"
    cancel: CancelAnswer | None = None
    adopted: bool = False
    cost: Cost | None = None


class ExecutionMetadata(Data):
    """How the chain of configs came to its end; `successful_attempt` counts from 1."""

    total_attempts: int
    successful_attempt: int | None
    attempts: tuple[AttemptMetadata, ...]
    fallback_triggered: bool
    configs_in_chain: int
    total_elapsed_seconds: float


class _GenerationResponse(MediaMethods, Data):
    request_id: str
    status: str
    raw_response: Any
    content_type: str | None = None
    is_mock: bool = False
    provider_metadata: dict[str, Any] = Field(default_factory=dict)
    operation: dict[str, Any] | None = None
    adjustments: tuple[Adjustment, ...] = ()
    if TYPE_CHECKING:
        # None only until a chain has ended, where a registered handler made it: whoever reads it of
        # a response that was returned need not ask.
        execution_metadata: ExecutionMetadata | Any = None
    else:
        execution_metadata: ExecutionMetadata | None = None
    saved: tuple[str, ...] = ()
    save_errors: tuple[str, ...] = ()
    mismatches: tuple[Mismatch, ...] = ()
    cost: Cost | None = None
    _origin: MadeBy = PrivateAttr(default_factory=MadeBy)


class VideoGenerationResponse(_GenerationResponse):
    """A finished video; `save`, `probe` and `show`, and their `_async` forms, work on its media.

    Attributes:
        request_id: The provider's job id where there is one, else ours.
        video: A URL that works without our credentials, else bytes with their content type.
        videos: All of them, where several were asked for; the first is `video`.
        content_type: MIME type, such as `video/mp4`.
        audio_url: A separate sound track, where the provider makes one.
        duration: Seconds, where known.
        resolution: As the provider states it, where known.
        aspect_ratio: As the provider states it, where known.
        status: `completed`.
        is_mock: Whether the mock made it.
        raw_response: The parsed body that settled the job, as it came over the wire.
        provider_metadata: What the standard fields don't hold: billable units, expiry, logs.
        operation: The job at the provider, as plain JSON; None where there was none.
        adjustments: Requested values that were changed to fit the model.
        execution_metadata: What each attempt of the chain did.
        saved: Where `save_to` of the config has put the results, in their order.
        save_errors: Why what is missing there could not be saved.
        mismatches: Where `verify` of the config found another result than was asked for.
        cost: What the successful attempt cost: as the provider says, else by public price lists;
            None where nobody knows.
    """

    video: MediaType
    videos: Several[MediaType] = ()
    audio_url: str | None = None
    duration: float | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _first_of_all(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and not data.get("videos") and data.get("video") is not None:
            return {**data, "videos": (data["video"],)}

        return data


class ImageGenerationResponse(_GenerationResponse):
    """Finished images: a list of URLs, else of base64 strings; the rest as for videos.

    Attributes:
        images: One entry an image.
        revised_prompt: The prompt as the provider rewrote it, if it did.
    """

    images: Several[str]
    revised_prompt: str | None = None


# Not generic: pydantic builds a parameter's schema at once, which took a third of the whole import.
class _GenerationUpdate(Data):
    request_id: str
    status: JobStatus
    progress_percent: float | None = Field(default=None, ge=0, le=100)
    queue_position: int | None = None
    attempt_number: int = 1
    provider: str | None = None
    model: str | None = None
    update: Any = None
    result: _GenerationResponse | None = None
    error: str | None = None
    note: str | None = None
    adjustments: tuple[Adjustment, ...] = ()


class VideoGenerationUpdate(_GenerationUpdate):
    """One step of a generation.

    Attributes:
        request_id: The provider's job id as soon as it is known, else ours.
        status: queued, processing, completed or failed; never goes back within an attempt.
        progress_percent: 0 to 100 where the provider says so; never falls within an attempt.
        queue_position: Jobs ahead of this one, where the provider says so.
        attempt_number: Which config of the chain, from 1.
        provider: Who is at work on it; `model` is the model's id, as the config has it.
        update: The provider's own payload.
        result: The response, on `completed`; `error` is the error's message, on `failed`.
        note: Why the last poll brought no news; it is made again. Said once for each reason.
        adjustments: Requested values that this attempt has changed to fit its model.
    """

    result: VideoGenerationResponse | None = None


class ImageGenerationUpdate(_GenerationUpdate):
    """One step of a generation; further fields as in `VideoGenerationUpdate`.

    Attributes:
        partial_image: The image as far as it is made, where the request asked for `partial_images`
            and the provider has any: bytes and their type. Only this update has it.
        partial_image_index: Which of them it is, from 0.
    """

    result: ImageGenerationResponse | None = None
    partial_image: MediaContent | None = Field(default=None, repr=False)
    partial_image_index: int | None = None


class GenerationPlan(Data):
    """What would be sent, before a cent is spent.

    Attributes:
        provider: The provider's name.
        model: The model's id as sent.
        endpoint: The URL of the submit.
        method: The HTTP method.
        payload: The exact JSON (or form); media that would be uploaded or fetched are placeholders.
        adjustments: Requested values that were changed to fit the model.
        fallbacks: One plan for each further config of the chain.
        warnings: What else to know before buying, such as that the model was shut down.
        quote: What this config will cost, by the prices that are known.
        expected_seconds: How long such jobs took, in the median, as far as this gateway and its
            ledger have seen; None where they have not.
    """

    provider: str
    model: str
    endpoint: str
    method: str
    payload: Any
    adjustments: tuple[Adjustment, ...] = ()
    fallbacks: tuple[GenerationPlan, ...] = ()
    warnings: tuple[str, ...] = ()
    quote: Quote = Field(default_factory=Quote)
    expected_seconds: float | None = None


class ProviderInfo(Data):
    """One provider that the gateway knows.

    Attributes:
        name: As written in a config.
        modalities: `video`, `image` or both.
        installed: Whether what it needs is installed.
        extra: The extra that installs it, or None where it needs none.
        key_present: Whether there is a key in the environment; any one, where there are several.
        environment_variable: Where its key is read from; None for registered handlers.
        environment_variables: All of them, where products of the provider have keys of their own.
        variables_present: Those of `environment_variables` whose keys are there.
        registered: Whether it was registered by the application.
        own_server: Whether it is a server that you run: `base_url` says where, and no key is
            needed unless the server wants one.
    """

    name: str
    modalities: tuple[Literal["video", "image"], ...]
    installed: bool
    extra: str | None = None
    key_present: bool = False
    environment_variable: str | None = None
    environment_variables: tuple[str, ...] = ()
    variables_present: tuple[str, ...] = ()
    registered: bool = False
    own_server: bool = False
