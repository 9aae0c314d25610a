"""What answers have in them, for the OpenAPI document: a test holds each true of a started server.

Routes build their answers themselves. Clients are to take fields that they don't know, since there
will be more.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel

from .._data._money import Quote
from .._data._responses import Adjustment, ExecutionMetadata, GenerationPlan
from .._data._types import CancelAnswer, Kind

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled"]


class CostAnswer(BaseModel):
    """What something has cost.

    Attributes:
        amount: In `currency`.
        currency: `USD`, or the code of another.
        state: `estimated` by price lists, `reported` by the provider, or `settled` for good.
    """

    amount: str
    currency: str
    state: Literal["estimated", "reported", "settled"]


class Fault(BaseModel):
    """Why there is no result.

    Attributes:
        code: A word for programs.
        message: A sentence for people.
    """

    code: str
    message: str


class Video(BaseModel):
    """A video, as OpenAI's clients read it.

    Attributes:
        status: Polls end with `completed`, `failed` or `cancelled`.
        progress: Percent.
        created_at: Seconds since 1970.
        completed_at: When it ended, however that was, in seconds since 1970.
        expires_at: Always null: results are kept.
        error: Why there is none.
        seconds: How long it is, or will be: what the model makes of what was asked for, which
            `adjustments` names. Empty where nobody has said so.
        size: `WIDTHxHEIGHT`, in the same way.
        remixed_from_video_id: The video that it was made from.
        metadata: Labels of the client's own.
        cost: What it has cost, where that is known.
        adjustments: What had to be changed to fit the model.
    """

    id: str
    object: Literal["video"]
    model: str
    status: Status
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    error: Fault | None
    prompt: str | None
    seconds: str
    size: str
    remixed_from_video_id: str | None
    metadata: dict[str, str]
    cost: CostAnswer | None = None
    adjustments: list[Adjustment] = []


class VideoList(BaseModel):
    """Videos, page by page: `last_id` is the next page's `after`."""

    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Deleted(BaseModel):
    """Something that is not there any more."""

    id: str
    object: Literal["video.deleted", "job.deleted", "media.deleted"]
    deleted: Literal[True]


class Image(BaseModel):
    """One image.

    Attributes:
        b64_json: Its bytes, in base64.
        url: A signed link to it, good for a day.
        revised_prompt: The prompt as the provider has rewritten it.
    """

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class Images(BaseModel):
    """Images, as OpenAI's clients read them.

    Attributes:
        created: Seconds since 1970.
        job: The id of the job, for `/api/jobs`.
        output_format: Of the files, such as `png`.
        cost: What they have cost; null where nobody knows.
        usage: The provider's tokens, where it reports any.
        adjustments: What had to be changed to fit the model.
    """

    created: int
    data: list[Image]
    job: str
    model: str
    output_format: str
    cost: CostAnswer | None
    usage: dict[str, Any] | None
    adjustments: list[Adjustment]
    size: str | None = None
    quality: str | None = None
    background: str | None = None


class ModelEntry(BaseModel):
    """A model or an alias, as OpenAI's clients read it."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str | None = None
    outputs: list[str] = []


class ModelEntries(BaseModel):
    """The models and aliases of a key."""

    object: Literal["list"]
    data: list[ModelEntry]


class Plan(GenerationPlan):
    """What would be sent, and what it would cost; nothing is bought."""


class Quoted(BaseModel):
    """What one model of a chain would cost."""

    provider: str
    model: str
    quote: Quote


class QuoteAnswer(Quoted):
    """What a request would cost.

    Attributes:
        fallbacks: What each model would cost that follows after a retryable failure.
    """

    object: Literal["quote"]
    fallbacks: list[Quoted]


class JobFault(BaseModel):
    """Why a job has no result.

    Attributes:
        type: The class of the error in Python.
        submission: Whether the provider has taken it.
        billing: Whether it may cost something all the same.
    """

    code: str
    message: str
    type: str | None = None
    field: str | None = None
    retryable: bool | None = None
    submission: str | None = None
    billing: str | None = None
    provider: str | None = None
    model: str | None = None
    request_id: str | None = None
    status_code: int | None = None
    stage: str | None = None
    categories: list[str] | None = None


class Medium(BaseModel):
    """Where one result is."""

    index: int
    url: str


class Job(BaseModel):
    """A job, as our own routes show it.

    Attributes:
        progress: Percent; null where nobody knows.
        queue_position: How many are before it at its provider.
        note: What the provider says of its state.
        model: As the client has named it.
        provider: Who makes it, of a chain the one that has it now.
        provider_model: The model's id there.
        provider_job_id: The job's id there.
        submission: What is known of the submit.
        attempts: How many were begun.
        labels: Of the client's own.
        key: The id of the key that it belongs to.
        request: What was asked for, without media.
        cost: What it has cost; null where nobody knows.
        error: Why there is no result.
        media: Its results.
        adjustments: What had to be changed to fit the model, from the submit on.
        execution: All attempts; once it is completed.
    """

    id: str
    object: Literal["job"]
    kind: Kind
    status: Status
    progress: float | None
    queue_position: int | None
    note: str | None
    model: str
    provider: str
    provider_model: str
    provider_job_id: str | None
    submission: str | None
    attempts: int
    created_at: AwareDatetime
    ended_at: AwareDatetime | None
    labels: dict[str, str]
    key: str | None
    request: dict[str, Any]
    cost: CostAnswer | None
    error: JobFault | None
    media: list[Medium]
    adjustments: list[Adjustment] | None = None
    execution: ExecutionMetadata | None = None


class JobList(BaseModel):
    """Jobs, newest first: the last one's id is the next page's `after`."""

    object: Literal["list"]
    data: list[Job]
    has_more: bool


class Cancelled(BaseModel):
    """What came of a cancel.

    Attributes:
        cancel: `cancelled`; `requested` where it may go on for a while, or finish; `too_late`; or
            `unsupported` where the provider stops none.
    """

    cancel: CancelAnswer
    job: Job


class Token(BaseModel):
    """What stands for a job in Python: `VideoJob.from_token` takes it."""

    id: str
    token: str


class Moment(BaseModel):
    """Something that has happened to a job.

    Attributes:
        at: When; null where nobody has noted it.
    """

    at: AwareDatetime | None
    event: str
    attempt: int | None = None
    provider: str | None = None
    model: str | None = None
    status: str | None = None
    detail: str | None = None
    billing: str | None = None
    cost: dict[str, Any] | None = None
    error: str | None = None


class Timeline(BaseModel):
    """All that has happened to a job, oldest first."""

    object: Literal["list"]
    data: list[Moment]


class Link(BaseModel):
    """A link that is good for whoever has it, until it expires, in seconds since 1970."""

    url: str
    expires_at: int
    index: int
