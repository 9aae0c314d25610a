"""What a declaration of a provider may say: one typed model, whose JSON Schema editors can read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..._data._types import Billing, ImageRole, JobStatus, Kind, Submission

Text = Annotated[str, Field(min_length=1)]
Path = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
"""Names with dots between; a number is a place in a list, and `name[]` is each of a list."""
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Means = Literal[
    "moderation", "quota", "account", "unknown_model", "invalid", "rate", "failed", "unknown"
]


class Part(BaseModel):
    """The base of all parts: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Predicate(Part):
    """What a body has at a path: one of `values`, none of `unless`, or anything but nothing."""

    at: Path
    values: tuple[Any, ...] = ()
    unless: tuple[Any, ...] = ()


class Auth(Part):
    """How the key is sent."""

    type: Literal["bearer", "header", "basic", "jwt"] = "bearer"
    header: Text = "Authorization"
    prefix: str = ""
    id_setting: str = "access_key"
    secret_setting: str = "secret_key"  # noqa: S105  (a name, not a secret)
    lifetime: Seconds = 1800
    skew: Seconds = 5


class Setting(Part):
    """A plain setting, or a further secret: in `provider_config`, or in a variable."""

    variable: str | None = None
    default: str | None = None
    secret: bool | None = None
    """Whether it is shown nowhere; None for what its name says."""


class Account(Part):
    """Whose requests these are, and where they go."""

    base_url: Annotated[str, Field(pattern=r"^https?://")]
    variables: tuple[str, ...] = ()
    auth: Auth = Auth()
    regions: dict[str, str] = {}
    region_variable: str | None = None
    settings: dict[str, Setting] = {}
    trusted_hosts: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    check: str | None = None


class Media(Part):
    """Which forms of media the provider takes."""

    url: bool = True
    inline: Literal["data_uri", "base64", "none"] = "data_uri"
    largest_inline: Annotated[int, Field(gt=0)] | None = None
    image_types: tuple[str, ...] = ()
    largest_image: Annotated[int, Field(gt=0)] | None = None


class Submit(Part):
    """How a job is started; the first whose conditions hold is used."""

    path: Text
    kind: Kind | None = None
    models: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    fresh_id_header: str | None = None
    own_id: Path | None = None
    model_at: Path | Literal[""] | None = "model"
    extra_at: Path | None = None
    body: dict[str, Any] = {}
    id: Path = "id"
    url: Path | None = None
    at_once: bool = False


class Rule(Part):
    """What an error is about: all conditions of the first rule that holds."""

    means: Means
    status: tuple[int, ...] = ()
    code: str | None = None
    words: str | None = None
    at: Path | None = None
    of_output: bool = False
    ends_job: bool = False
    """Whether it settles the job, where it comes as an answer to a poll."""
    retryable: bool | None = None
    submission: Submission | None = None
    billing: Billing | None = None


class Errors(Part):
    """How refusals read."""

    message: tuple[Path, ...] = ("error.message", "error", "message", "detail")
    code: tuple[Path, ...] = ("error.code", "error.type", "code")
    inside: Predicate | None = None
    """An answer with a good status that has this is an error."""
    rules: tuple[Rule, ...] = ()
    failed_billing: Billing | None = None


class Poll(Part):
    """How a job is asked after."""

    path: Text
    method: Literal["GET", "POST"] = "GET"
    body: dict[str, Any] = {}
    from_url: bool = False
    items: Path | None = None
    item_id: Path = "id"
    status: Path = "status"
    statuses: dict[str, JobStatus]
    progress: Path | None = None
    whole_progress: Annotated[float, Field(gt=0)] = 100
    queue_position: Path | None = None
    pace: Seconds = 1


class Result(Part):
    """Where the media of a finished job are."""

    media: dict[Kind, tuple[Path, ...]]
    base64: bool = False
    authorised: bool = False
    fetch: str | None = None
    fetch_id: Path | None = None
    refused: tuple[Predicate, ...] = ()
    lifetime: Annotated[float, Field(gt=0)] | None = None
    expires_at: Path | None = None
    facts: dict[str, Path] = {}
    metadata: dict[str, Path] = {}
    cost: Path | None = None
    cost_unit: str = "USD"


class Cancel(Part):
    """How a job is stopped."""

    path: Text
    method: Literal["DELETE", "POST", "PUT"] = "DELETE"
    means: Literal["cancelled", "requested"] = "cancelled"
    states: tuple[Literal["queued", "processing"], ...] = ("queued", "processing")
    look_first: bool = False


class Listing(Part):
    """How jobs are listed, so that one whose answer was lost is found."""

    path: Text
    items: Path
    id: Path = "id"
    created: Path | None = None
    model: Path | None = None
    own_id: Path | None = None
    shows: dict[Path, Path] = {}

    @model_validator(mode="after")
    def _has_proof(self) -> Listing:
        if self.own_id is None and (not self.shows or self.created is None):
            raise ValueError(
                "a job is adopted only where the list shows that it is ours: give own_id, or "
                "created and shows = {what was sent = where the list shows it}"
            )

        return self


class Take(Part):
    """One parameter, and the request field that it comes from."""

    source: Text = Field(alias="from")
    at: str | None = None
    required: bool = False
    allowed: tuple[Any, ...] | None = None
    low: float | None = None
    high: float | None = None
    form: Literal["as_it_is", "int", "text", "seconds_text", "yes_no"] = "as_it_is"
    words: dict[str, Any] = {}
    roles: tuple[ImageRole, ...] = ()
    most: Annotated[int, Field(gt=0)] | None = None
    default: Any = None
    part: dict[str, Any] = {}
    value_at: Path | None = None
    role_at: Path | None = None


class Model(Part):
    """Models that take the same; an id that ends in `*` is a prefix."""

    ids: Annotated[tuple[str, ...], Field(min_length=1)]
    kind: Kind
    takes: dict[str, Take]
    shutdown: str | None = None
    successor: str | None = None


class Webhook(Part):
    """How the provider calls back; kept for the receiver."""

    parameter: Path
    scheme: str | None = None
    secret_variable: str | None = None


class Price(Part):
    """A price line; kept for quotes. The rate is a decimal in text."""

    model: Text
    unit: Text
    rate: Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]
    currency: str = "USD"
    when: dict[str, Any] = {}
    since: str | None = None
    source: str | None = None


class ProviderDeclaration(Part):
    """A provider: how to talk to it, and what its models take."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    title: Text
    aliases: tuple[str, ...] = ()
    account: Account
    media: Media = Media()
    submit: Annotated[tuple[Submit, ...], Field(min_length=1)]
    errors: Errors = Errors()
    poll: Poll | None = None
    result: Result
    cancel: Cancel | None = None
    list: Listing | None = None
    webhook: Webhook | None = None
    prices: tuple[Price, ...] = ()
    models: Annotated[tuple[Model, ...], Field(min_length=1)]
    hooks: dict[
        Literal[
            "build", "accepted", "snapshot", "failure", "cancel", "find_submitted", "parse",
            "urls", "resolve_spec", "resolve_base_url", "verify_credentials",
        ],
        Annotated[str, Field(pattern=r"^[\w.]+:\w+$")],
    ] = {}  # fmt: skip

    @model_validator(mode="after")
    def _fits_together(self) -> ProviderDeclaration:
        if self.poll is None and any(not one.at_once for one in self.submit):
            raise ValueError("a submit that is not at_once needs a [poll]")

        if self.poll is not None and "completed" not in self.poll.statuses.values():
            raise ValueError("poll.statuses has no word for completed: a job would never end")

        missing = sorted({one.kind for one in self.models} - set(self.result.media))
        if missing:
            raise ValueError(f"result.media has no path for {' and '.join(missing)}")

        if any(one.own_id for one in self.submit) is False and self.list and self.list.own_id:
            raise ValueError("list.own_id needs an own_id in the submit, which sends it")

        return self

    @property
    def makes(self) -> tuple[Kind, ...]:
        """What its models make."""
        return tuple(dict.fromkeys(one.kind for one in self.models))
