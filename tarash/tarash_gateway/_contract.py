"""The contract between the engine and the adapters: what passes between them, as data.

An adapter says how to talk to one provider and nothing else; the engine decides when. The contract
with the ledgers stands in `_records`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from ._operations import wrong_in
from ._secrets import Key, Secrets, looks_secret, why_no_header
from ._types import Billing, CancelAnswer, JobStatus, JsonObject, Kind, MediaContent
from .exceptions import AuthenticationError, HTTPConnectionError, TarashException, ValidationError

if TYPE_CHECKING:
    from datetime import datetime

    from ._http import Transport
    from .catalog import ModelSpec
    from .models import (
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

    @property
    def mocked(self) -> bool:
        """Whether the mock answers in the provider's place."""
        return self.config.mock is not None and self.config.mock.enabled


@dataclass(frozen=True, slots=True)
class Account:
    """Who talks to whom: everything a client is made from. Clients are shared by equal accounts."""

    provider: str
    base_url: str
    key: Key
    trusted_hosts: tuple[str, ...] = ()
    """Hosts of the provider that may see the key, beside that of `base_url`; subdomains count."""
    api_version: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    custom_base_url: bool = False
    """Whether the user replaced the provider's host."""
    max_media_bytes: int = 200 * 1024**2
    """Bytes that a result may have which is read into memory."""
    allow_private_urls: bool = True
    """Whether URLs that come out of answers may lead to addresses that are not public."""

    def __post_init__(self) -> None:
        """Refuse a key that no header can hold, whether a user or a token endpoint gave it.

        Raises:
            AuthenticationError: It is one.
        """
        said = why_no_header(self.key.reveal())
        if said is not None:
            raise AuthenticationError(
                f"The key or token for {self.provider} {said}; copy it again",
                self.provider,
                submission="not_sent",
            )

    @property
    def secrets(self) -> Secrets:
        """What must never be shown."""
        settings = self.settings.items()
        named = [value for name, value in settings if looks_secret(name) and isinstance(value, str)]
        return Secrets([self.key, *named])


@dataclass(frozen=True, slots=True)
class Payload:
    """The exact submit: where it goes, relative to the base URL, and what goes over the wire."""

    path: str
    body: JsonObject
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    inside: str | None = None
    """The part of the body that the schema of the model's input describes; None for all of it."""


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
    """The adapter's own; `retry_after`, in seconds, puts off the first look."""

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
        wrong = wrong_in(stored)
        if wrong is not None:
            raise ValidationError(
                f"The operation can't be read: {wrong}; take it as it was given out"
            )

        return cls(**{name: stored[name] for name in cls.__slots__ if name in stored})


@dataclass(frozen=True, slots=True)
class Finished:
    """What settled a job: the body as it came over the wire, and facts that stood beside it."""

    raw: Any
    metadata: JsonObject = field(default_factory=dict)
    """For the response's `provider_metadata`."""
    media: tuple[MediaContent, ...] = ()
    """The media themselves, where the provider has no URL that works without our credentials."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one look at a job says."""

    status: JobStatus
    raw: Any = None
    progress: float | None = None
    queue_position: int | None = None
    retry_after: float | None = None
    """Seconds until the next look is worth while, where the provider says so."""
    finished: Finished | None = None
    """The result; present on `completed`, except in a status stream."""
    error: TarashException | None = None
    """Why; present on `failed`, except in a status stream."""
    billing: Billing | None = None
    """What a failed job costs, where the provider's rules say so."""
    trouble: TarashException | None = None
    """What kept the rest of the look from being made, though the job is known: it is made again."""
    denied: bool = False
    """Whether that trouble says that there is no such job: where it stays, nobody need wait."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
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
class Accepts:
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
    images: MediaLimits = MediaLimits()
    masks: MediaLimits | None = None
    """None for those of images."""
    videos: MediaLimits = MediaLimits()


@dataclass(slots=True)
class Wire:
    """What is known of the exchange under way.

    `_http` and `_sdk` fill it in; an adapter that sends by other means has to do so itself.
    """

    sent: bool = False
    """Whether the request's head was handed to the connection: from then on it may have arrived."""
    stopped: bool = False
    """Whether nobody wants it any more, so that it must not leave."""
    is_late: Callable[[], bool] | None = None
    """Tells whether it may be somebody else's to send by now; None for never."""

    def leave(self) -> None:
        """Note that the request leaves now.

        Raises:
            HTTPConnectionError: It must not.
        """
        if self.stopped:
            raise HTTPConnectionError("Stopped before it left", submission="not_sent")

        if self.is_late is not None and self.is_late():
            raise HTTPConnectionError(
                "This process stood still for so long that another may have gone on with the job; "
                "nothing was sent",
                submission="not_sent",
            )

        self.sent = True


current_wire: ContextVar[Wire | None] = ContextVar("current_wire", default=None)
"""Set by the engine around a submit, read by the transport."""


class Client(Protocol):
    """What the client cache needs of a client; adapters know the real type of theirs."""

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class Adapter(Protocol):
    """One provider's protocol. No loop, no sleep, no retry, no logging, no sync method."""

    name: str
    accepts: Accepts
    min_poll_interval: float
    """Seconds; the provider's own floor between two looks."""
    base_url: str
    trusted_hosts: tuple[str, ...]

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key to use, or None if there is none."""
        ...

    def connect(self, account: Account, transport: Transport) -> Client:
        """Make a client with vendor retries off; called and closed by the client cache only."""
        ...

    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Turn a fitted call into the exact submit. Pure."""
        ...

    async def submit(self, client: Any, payload: Payload, call: Call) -> Operation | Finished:
        """Send the payload: one HTTP exchange."""
        ...

    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Look at the job once.

        Only what is returned as `completed` or `failed` settles the job, so that is the provider's
        verdict and nothing else, also where it comes with an error status. Whatever is raised is
        about the exchange, and the look is made again; a raised 404 or 410 is about the job's own
        status, and one that is met behind it (on the result, say) is returned as `trouble`.
        """
        ...

    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer:
        """Ask the provider to stop the job."""
        ...

    def parse(self, call: Call, finished: Finished) -> Response:
        """Turn what settled the job into a response. Pure; a result without media is an error."""
        ...


class StreamingAdapter(Adapter, Protocol):
    """An adapter whose provider pushes the status of a job."""

    def stream(self, client: Any, operation: Operation) -> AsyncIterator[Snapshot]:
        """Yield a snapshot for each change, until the job has ended or the provider stops."""
        ...


class LocatingAdapter(Adapter, Protocol):
    """An adapter whose host depends on the config, such as on a region."""

    def locate(self, config: Config, custom: str | None) -> str:
        """Return the base URL; `custom` is what the user put in the place of the provider's."""
        ...


class UploadingAdapter(Adapter, Protocol):
    """An adapter whose provider takes uploads of media."""

    async def upload(self, client: Any, media: MediaContent) -> str:
        """Hand media to the provider; return the reference to send in its place."""
        ...


class PreparingAdapter(UploadingAdapter, Protocol):
    """An adapter whose provider works on an upload before it can be used."""

    async def is_ready(self, client: Any, reference: str) -> bool:
        """Tell whether an uploaded medium can be used: one GET, asked again while it can't.

        Raises:
            TarashException: It never will be, or that can't be told now.
        """
        ...


class RefiningAdapter(Adapter, Protocol):
    """An adapter whose models take other parameters for some requests: an edit, a remix."""

    def refine(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Return what the model takes in this call, before wishes are bent to it. Pure."""
        ...


class LearningAdapter(Adapter, Protocol):
    """An adapter whose provider says what a model takes when it is asked."""

    async def learn(self, client: Any, model: str) -> JsonObject | None:
        """Return the catalogue's record of a model; None where the provider doesn't say.

        One or two GETs that cost nothing.
        """
        ...


class CheckingAdapter(Adapter, Protocol):
    """An adapter that can tell whether a key works, at no cost."""

    async def check(self, client: Any) -> None:
        """Ask the provider something free; return if it accepts the key.

        Raises:
            TarashException: It refuses the key, or can't be asked.
        """
        ...


class ManyKeysAdapter(Adapter, Protocol):
    """An adapter for products with keys of their own, told apart by the model."""

    def variable_of(self, config: Config) -> str:
        """Return the environment variable that the config's key is read from."""
        ...


class FindingAdapter(Adapter, Protocol):
    """An adapter whose provider lists jobs, so that one whose answer was lost can be found."""

    async def find(
        self, client: Any, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the account's jobs that were started since then with this model and input.

        Newest first, from at most a few pages; as complete as what `submit` returns.
        """
        ...
