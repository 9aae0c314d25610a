"""What passes between the engine and an adapter, as data: calls, payloads, operations, polls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlencode

from ..exceptions import TarashException, ValidationError
from ._types import Billing, CancelAnswer, JobStatus, JsonObject, Kind, MediaContent

if TYPE_CHECKING:
    from ..models import (
        Adjustment,
        ImageGenerationConfig,
        ImageGenerationRequest,
        ImageGenerationResponse,
        VideoGenerationConfig,
        VideoGenerationRequest,
        VideoGenerationResponse,
    )

    Config: TypeAlias = VideoGenerationConfig | ImageGenerationConfig
    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest
    Response: TypeAlias = VideoGenerationResponse | ImageGenerationResponse


@dataclass(frozen=True, slots=True)
class Call:
    """One request with one config of the chain."""

    kind: Kind
    config: Config
    request: Request
    request_id: str
    """Ours; the provider's job id replaces it towards the user as soon as there is one."""
    attempt_number: int = 1
    adjustments: tuple[Adjustment, ...] = ()
    mark: Mapping[str, str] | None = None
    """For a call of a stored job: where its config bought, and with which key; see `_marks`."""
    lost: str = ""
    """For a call of a stored job: why its request has not all of its media, so that nothing may be
    submitted with it; what was accepted can be waited for."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The user's own words for whom or what it is."""
    region: str | None = None
    """The provider's region that it goes to, where prices depend on that."""

    @property
    def mocked(self) -> bool:
        """Whether the mock answers in the provider's place."""
        return self.config.mock is not None and self.config.mock.enabled


@dataclass(frozen=True, slots=True)
class Payload:
    """The exact submit: where it goes, relative to the base URL, and what goes over the wire."""

    path: str
    body: JsonObject
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    inside: str | None = None
    """The part of the body that the schema of the model's input describes; None for all of it."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Stands behind the path, which names the endpoint."""

    @property
    def target(self) -> str:
        """The path with its query."""
        if not self.query:
            return self.path

        return f"{self.path}{'&' if '?' in self.path else '?'}{urlencode(self.query)}"


@dataclass(frozen=True, slots=True)
class Operation:
    """An accepted job as plain JSON: enough for another process to go on; never a secret."""

    provider: str
    model: str
    kind: Kind
    id: str
    submitted_at: str
    """ISO 8601, UTC."""
    urls: Mapping[str, str] = field(default_factory=dict)
    data: JsonObject = field(default_factory=dict)
    """The adapter's own; `retry_after`, in seconds, puts off the first poll."""

    def to_json(self) -> JsonObject:
        """Return the operation as a JSON object; `from_json` reads it back."""
        return {
            "provider": self.provider,
            "model": self.model,
            "kind": self.kind,
            "id": self.id,
            "submitted_at": self.submitted_at,
            "urls": dict(self.urls),
            "data": dict(self.data),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Operation:
        """Read an operation back from `to_json`.

        Raises:
            ValidationError: It is of another form.
        """
        wrong = _wrong_in(stored)
        if wrong is not None:
            raise ValidationError(
                f"The operation can't be read: {wrong}; take it as it was given out"
            )

        return cls(**{name: stored[name] for name in cls.__slots__ if name in stored})


_TEXTS = ("provider", "model", "kind", "id", "submitted_at")
_DEEPEST = 32
"""Objects within objects that an operation may have."""


def _wrong_in(stored: Any) -> str | None:
    """Return what keeps a stored operation from being one; None where it is one."""
    if not isinstance(stored, dict):
        return "it is no object"

    for name in _TEXTS:
        if not isinstance(stored.get(name), str):
            return f"{name!r} is missing, or no text"

    for name in ("urls", "data"):
        if not isinstance(stored.get(name, {}), dict):
            return f"{name!r} is no object"

    if not all(isinstance(url, str) for url in stored.get("urls", {}).values()):
        return "an address in 'urls' is no text"

    pause = stored.get("data", {}).get("retry_after")
    if pause is not None and not (isinstance(pause, int | float) and 0 <= pause < math.inf):
        return "'retry_after' is no number of seconds"

    return "it is nested too deeply" if _is_deeper(stored, _DEEPEST) else None


def _is_deeper(value: Any, than: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return False

    return than == 0 or any(_is_deeper(part, than - 1) for part in inner)


@dataclass(frozen=True, slots=True)
class Begun:
    """An accepted job of which the answer to its submit says that it has ended already."""

    operation: Operation
    body: JsonObject
    """What the answer says of the job, for the adapter's `read_status`."""


ENDED = frozenset({"completed", "failed"})
"""The statuses of a job that has ended."""
NO_MEDIA = "no_media"
"""The code of an error that says that a job that is done has no media, and not why."""


@dataclass(frozen=True, slots=True)
class RawResult:
    """What settled a job: the body as it came over the wire, and facts that stood beside it."""

    raw: Any
    metadata: JsonObject = field(default_factory=dict)
    """For the response's `provider_metadata`."""
    media: tuple[MediaContent, ...] = ()
    """The media themselves, where the provider has no URL that works without our credentials."""


@dataclass(frozen=True, slots=True)
class PartialImage:
    """An image on the way: as far as it is made, in an answer that is not over."""

    index: int
    media: MediaContent


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one poll of a job says."""

    status: JobStatus
    raw: Any = None
    progress: float | None = None
    queue_position: int | None = None
    retry_after: float | None = None
    """Seconds until the next poll is worth while, where the provider says so."""
    finished: RawResult | None = None
    """The result; present on `completed`, except in a status stream."""
    error: TarashException | None = None
    """Why; present on `failed`, except in a status stream."""
    billing: Billing | None = None
    """What a failed job costs, where the provider's rules say so."""
    refunded_within: float | None = None
    """Seconds in which it is given back, where the provider takes its time: `possible` until then.
    """
    trouble: TarashException | None = None
    """What kept the rest of the poll from being made, though the job is known: it is made again."""
    denied: bool = False
    """Whether that trouble says that there is no such job: where it stays, nobody need wait."""
    unknown: str | None = None
    """The provider's word for the status, where nobody here knows it: the job is polled on."""
    parts: tuple[PartialImage, ...] = ()
    """Images on the way that this poll brings, and no earlier one did."""
    job_id: str | None = None
    """The id that the answer has, where answers about a job have one; empty where this one lacks
    it, so that its failure may be somebody else's."""
    certain: bool = False
    """Whether an end is the job's whatever stands in `raw`, since only its own answer has it."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a provider said when asked to stop a job, where that says what it costs, too."""

    answer: CancelAnswer
    billing: Billing | None = None
    """`none` where the answer proves that the job had not begun; None where it proves nothing, so
    that the job is polled once more."""


@dataclass(frozen=True, slots=True)
class Together:
    """How one request answers for several jobs of an account."""

    most: int = 0
    """Jobs whose ids it can name; 0 where it is a page of a list, newest first."""
    apart: float = 0.0
    """Seconds that two such requests are apart at least."""
    place: str = ""
    """Which request it is, where a provider has several."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one request says of the jobs of an account, ours or not."""

    found: Mapping[str, Snapshot]
    """By their ids."""
    further: str = ""
    """Where the list goes on, in the adapter's own words; empty at its end."""


@dataclass(frozen=True, slots=True)
class MediaConstraints:
    """What a provider takes of one kind of media, however they travel; None and () for anything."""

    types: tuple[str, ...] = ()
    """MIME types, the usual names."""
    largest: int | None = None
    """Bytes."""
    shortest_side: int | None = None
    """Pixels; as the next two, for images only."""
    longest_side: int | None = None
    most_pixels: int | None = None


@dataclass(frozen=True, slots=True)
class MediaSupport:
    """Which forms of media an adapter can send, and what the provider takes of them.

    Limits hold for bytes. What goes out as a URL is for the provider to look at.
    """

    url: bool = True
    """Public URLs, sent on as they are; else they are fetched first."""
    content: Literal["data_uri", "bytes"] | None = "data_uri"
    """How bytes are sent: inside the JSON, as parts of a form, or not at all."""
    largest_inline: int | None = None
    """Bytes that one medium may have inline; more is uploaded, or refused without an upload."""
    upload: bool = False
    references: tuple[str, ...] = ()
    """What the provider's own references begin with (`gs://`): sent on as they are, never fetched.
    """
    largest_together: int | None = None
    """Bytes that all media of one request may have inline; else they are uploaded, or refused."""
    images: MediaConstraints = MediaConstraints()
    masks: MediaConstraints | None = None
    """None for those of images."""
    videos: MediaConstraints = MediaConstraints()
