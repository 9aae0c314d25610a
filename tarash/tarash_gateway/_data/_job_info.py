"""What a ledger knows of a job, as users read it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from ._base import Data
from ._money import Cost
from ._responses import (
    Adjustment,
    ExecutionMetadata,
    ImageGenerationResponse,
    VideoGenerationResponse,
)
from ._types import Kind, Submission


class JobInfo(Data):
    """A job as its ledger has it; nobody was asked for it.

    Attributes:
        id: Its id in the ledger, for `resume`.
        kind: What it makes.
        state: `open` while it is unfinished; `completed`, `failed` or `cancelled`; `unknown` where
            there may be a job at the provider that nobody can name.
        held: Whether a process that is alive drives it.
        provider: Who makes it, or made it; who is asked first, before anything was sent.
        model: The model's id there.
        submission: How the last submit ended (`not_sent`, `rejected`, `accepted`, `unknown`); None
            before there was one, or while it is on its way.
        operation_id: The provider's job id; None until a provider has accepted.
        attempts: How many submits there were.
        request: What was asked for, as JSON; bytes in it are `{"sha256": ...}`.
        chain: The configs in the order in which they are tried, as JSON without secrets.
        labels: The labels that it was given.
        created_at: When it was written down, in UTC.
        ended_at: When its end was written down, in UTC; None before that, and where the ledger
            keeps no ends.
        response: What it came to, as far as the ledger keeps that: media that the provider can be
            asked for again are not kept, and then there is none.
        error: Why it failed: `type`, `message`, `code`, `hints` (what to do about it, as data) and
            what else is known; None otherwise.
        cost: What it has cost; None where that is not known.
        adjustments: What had to be changed to fit the model that was asked last, from its submit
            on.
        execution_metadata: What each attempt did, once it is completed; None where the ledger keeps
            no ends.
        duration: Seconds of the video that was made, where the provider says so.
        resolution: Of the video that was made, as the provider says it.
        aspect_ratio: Of the video that was made, as the provider says it.
    """

    id: str
    kind: Kind
    state: Literal["open", "completed", "failed", "cancelled", "unknown"]
    held: bool = False
    provider: str = ""
    model: str = ""
    submission: Submission | None = None
    operation_id: str | None = None
    attempts: int = 0
    request: dict[str, Any] = Field(default_factory=dict)
    chain: tuple[dict[str, Any], ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    created_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    response: VideoGenerationResponse | ImageGenerationResponse | None = None
    error: dict[str, Any] | None = None
    cost: Cost | None = None
    adjustments: tuple[Adjustment, ...] = ()
    execution_metadata: ExecutionMetadata | None = None
    duration: float | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
