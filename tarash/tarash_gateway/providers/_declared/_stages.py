"""The stages of a job, as a declaration says them: submit, poll, result, cancel, list; errors."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import Field, model_validator

from ..._data._types import Billing, Kind, Submission
from ..._support._paths import value_at
from ._parts import (
    ONE_OR_MORE,
    SEVERAL,
    Count,
    Fits,
    Means,
    Path,
    Pattern,
    Pick,
    Predicate,
    Rate,
    Seconds,
    Section,
    Statuses,
    Text,
)
from ._takes import Asked


class Upload(Section):
    """How bytes are handed to the provider before a submit names them."""

    path: Text
    method: Literal["POST", "GET"] = "POST"
    sends: Literal["multipart", "body", "json"] = "multipart"
    """A form with the file in it, the bytes themselves, or a question for an address to PUT to."""
    file: Text = "file"
    fields: dict[str, Any] = {}
    """What is sent beside; `{name}`, `{content_type}` and `{size}` are filled in."""
    reference: Path
    """Where the answer holds what a submit names."""
    prefix: str = ""
    put_to: Path | None = None
    """Where the answer holds the address that takes the bytes."""
    put_headers: Path | None = None
    """Where the answer holds the headers that go with the bytes."""
    largest: Count | None = None
    submit_headers: dict[str, str] = {}
    """Sent with a submit that names an upload."""


class Partial(Section):
    """An image on the way, in an event of the answer."""

    where: Predicate
    """Which events hold one."""
    at: Path
    """Where such an event holds its base64."""
    index: Path | None = None
    """Where it says which of them it is, from 0."""


class Submit(Fits):
    """How a job is started; the first whose conditions hold is used."""

    path: Text
    paths: dict[Asked, Text] = {}
    """Where a request goes instead that has one of these: the first of them that it has."""
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    sends: Literal["json", "array", "form", "multipart"] = "json"
    """An object, an array of one object, or a form."""
    file_lists: Literal["name", "name[]"] = "name"
    """In a form: how each of several files is called."""
    headers: dict[str, str] = {}
    fresh_id_header: str | None = None
    own_id: Path | None = None
    model_at: Path | Literal[""] | None = "model"
    extra_at: Path | None = None
    extra_beside: tuple[Text, ...] = ()
    """Own parameters that land in the body itself all the same: its other objects."""
    in_query: tuple[Text, ...] = ()
    """Own parameters that stand in the address, and not in the body."""
    schema_at: Text | None = None
    """The part of the body that the models' schemas describe; the body itself by default."""
    body: dict[str, Any] = {}
    answers: Literal["json", "lines", "events"] = "json"
    """`lines`: JSON in lines, of which the last counts. `events`: JSON, or events of a stream, of
    which the last counts, and all stand under `events`."""
    partial: Partial | None = None
    """Which events of the answer hold an image on the way."""
    id: Path = "id"
    url: Path | None = None
    cost: Path | None = None
    """What the job will cost, as `result.cost`: it serves where the result says nothing."""
    at_once: bool = False
    plain_key: bool = False
    """Whether a token that is signed with an id and a secret is refused there."""
    may_answer: bool = False
    """Whether the answer may be the result already: where it holds media."""


class Rule(Section):
    """What an error is about: all conditions of the first rule that holds."""

    means: Means
    status: tuple[int, ...] = ()
    code: Pattern | None = None
    words: Pattern | None = None
    at: Path | None = None
    value: Pattern | None = None
    """What stands at `at`, from its beginning."""
    of: Literal["answers", "jobs", "both"] | None = None
    """Whether it is only about answers with an error, or only about jobs that failed; `both` where
    a failed job, too, is about the account or the pace, and not about itself."""
    of_output: bool = False
    ends_job: bool = False
    """Whether it settles the job, where it comes as an answer to a poll."""
    retryable: bool | None = None
    submission: Submission | None = None
    billing: Billing | None = None
    advice: Text | None = None
    """What the user can do, where the usual advice doesn't help."""

    @model_validator(mode="after")
    def _has_a_place(self) -> Rule:
        if self.value is not None and self.at is None:
            raise ValueError("value is what stands at a place: give at")

        return self


class Many(Section):
    """A list that says where many jobs stand: those that have ended are polled by themselves."""

    path: Text
    """Where; `{page}`, `{offset}` or `{cursor}` says which part of it is meant."""
    items: Path
    id: Path = "id"
    status: Path | None = None
    """Where an item holds its status; as in a poll where nothing is said."""
    most: Count
    """Jobs on a page, newest first; one with fewer is the last, where `more` does not say it."""
    more: Path | None = None
    """Where the answer says that there is a further page."""
    next: Path | None = None
    """Where the answer holds what stands as `{cursor}` in the path of the next page."""
    apart: Seconds = 0
    """Seconds that two requests are apart at least."""

    @model_validator(mode="after")
    def _has_a_cursor(self) -> Many:
        if (self.next is not None) != ("{cursor}" in self.path):
            raise ValueError("next is what stands as {cursor} in the path: give both")

        return self

    def at(self, place: str) -> dict[str, str]:
        """Return what stands in the path of the page at a place; that of the first is empty."""
        return {"page": place or "1", "offset": place or "0", "cursor": place}

    def after(self, place: str, body: Any, items: int) -> str:
        """Return the place of the page that follows one with so many items; empty for none."""
        goes_on = items >= self.most if self.more is None else bool(value_at(body, self.more))
        if self.next is not None:
            following = value_at(body, self.next)
            is_place = goes_on or self.more is None
            return str(following or "") if is_place and not isinstance(following, bool) else ""

        if not (goes_on and items):
            return ""

        if "{offset}" in self.path:
            return str(int(place or 0) + items)

        return str(int(place or 1) + 1) if "{page}" in self.path else ""


class Poll(Fits):
    """How a job is asked after."""

    path: Text
    method: Literal["GET", "POST"] = "GET"
    body: dict[str, Any] = {}
    from_url: bool = False
    items: Path | None = None
    item_id: Path = "id"
    job_id: Path | None = None
    """Where each answer repeats the job's id: without it, nobody's failure is the job's."""
    status: Path = "status"
    statuses: Statuses
    progress: Path | None = None
    whole_progress: Rate = 100
    queue_position: Path | None = None
    pace: Seconds = 1
    completed_with: Annotated[tuple[Predicate, ...], SEVERAL] = ()
    """What a body without a declared status has where the job is completed."""
    failed_with: Annotated[tuple[Predicate, ...], SEVERAL] = ()
    """Likewise, where it has failed."""
    missing: tuple[int, ...] = ()
    """Statuses of answers that say, beside 404, that there is no such job."""
    missing_for: Seconds = 0
    """So many seconds after its submit the provider may not know a job yet."""
    ids_at_once: Count = 1
    """How many ids, with commas between, may stand in place of `{id}`: many jobs share a poll."""
    many: Many | None = None

    @model_validator(mode="after")
    def _ends(self) -> Poll:
        if "completed" not in self.statuses.values():
            raise ValueError("statuses has no word for completed: a job would never end")

        return self


class Result(Fits):
    """Where the media of a finished job are."""

    media: dict[Kind, tuple[Path | Pick, ...]]
    base64: bool = False
    authorised: bool | tuple[Path, ...] = False
    """Whether addresses want the key; or the paths in `media` whose addresses do."""
    fetch: str | None = None
    fetch_id: Path | None = None
    whole: Predicate | None = None
    """What the answer of `fetch` has once it is all there, also where it holds no media."""
    refused: Annotated[tuple[Predicate, ...], SEVERAL] = ()
    refused_billing: Billing | None = None
    """What a result costs that was kept back; by default what a failed job does."""
    lifetime: Rate | None = None
    """Seconds for which addresses open, counted from the submit."""
    signed_anew: bool = False
    """Whether each poll of the job signs them anew, so that they are counted from the last."""
    expires_at: Annotated[tuple[Path, ...], ONE_OR_MORE] = ()
    """Where the body says when addresses end: the first of these that is there."""
    content_type: Text | None = None
    """The type of the media, where the answer doesn't say it."""
    facts: dict[str, Path] = {}
    metadata: dict[str, Path | Predicate] = {}
    """Values by path; of a predicate, how many there are."""
    cost: Path | Pick | None = None
    cost_unit: str = "USD"
    cost_scale: Rate = 1
    """What one of the provider's units of cost is in `cost_unit`."""
    billed_elsewhere: Predicate | None = None
    """What the body has where another account of the user's is billed, too."""
    cost_elsewhere: Path | None = None
    """What that account is billed: it is added, and without it no cost is known."""


def place_of(path: str) -> str:
    """Return where a request goes: two paths that a server may take for one are equal.

    A query tells them apart, unless it is empty.
    """
    path = path.partition("#")[0].removesuffix("?")
    return path if "?" in path else unquote(path).strip("/")


class Quote(Fits):
    """How the provider is asked what a submit would cost; nothing is started by it."""

    path: Text
    """Where; `{path}` stands for the submit's, and `{model}` for the model's id."""
    path_if_missing: Text | None = None
    """Where else, if that is answered with a 404."""
    inside: Path | None = None
    """Where the body of the submit goes; it is the whole body by default."""
    body: dict[str, Any] = {}
    """What is sent with it; `{model}` as a value is the model's id."""
    amount: Path
    most: Path | None = None
    """Where the answer holds the most that it will cost."""
    exact: Predicate | None = None
    """What the answer has where the amount is no mere estimate; by default it is none."""
    scale: Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")] = "1"
    """What one of the amount is in the currency, as a decimal in text."""
    currency: Text = "USD"

    @model_validator(mode="after")
    def _asks(self) -> Quote:
        for path in filter(None, (self.path, self.path_if_missing)):
            if place_of(path) == "{path}":
                raise ValueError(
                    "a quote at the submit's own path needs a query, else it would buy"
                )

        return self


class Span(Section):
    """Where a row says between which numbers a parameter may be."""

    low: Path
    high: Path


class Schemas(Section):
    """Where the provider lists what its models take: as JSON Schemas, or in rows of its own.

    Of rows, a model's forms are those that are declared, less what its row says that it has not.
    """

    path: Text
    items: Path
    id: Path = "id"
    input_schema: Path | None = Field(None, alias="schema")
    category: Path | None = None
    """Where an item says what the model makes, such as `text-to-video`; by default its id does."""
    makes: Kind | None = None
    """What all of the listed models make, where that is one thing."""
    values: dict[str, Path] = {}
    """In rows: parameters, and where a row lists their values; without any, it is not taken."""
    spans: dict[str, Span] = {}
    """In rows: parameters, and where a row has the least and the most; without, it is not taken."""
    taken_if: dict[str, Predicate] = {}
    """In rows: parameters, and what a row has where the model takes them, also without `values`."""
    not_taken_if: dict[str, Predicate] = {}
    """In rows: parameters, and what a row has where the model doesn't."""

    @property
    def in_rows(self) -> frozenset[str]:
        """The parameters that rows tell of."""
        return frozenset({*self.values, *self.spans, *self.taken_if, *self.not_taken_if})

    @model_validator(mode="after")
    def _tells(self) -> Schemas:
        if (self.input_schema is None) == (not self.in_rows):
            raise ValueError(
                "give schema, where an item holds the JSON Schema of its input, or else values, "
                "taken_if and not_taken_if, where it is a row of another form"
            )

        return self


class Cancel(Fits):
    """How a job is stopped."""

    path: Text
    method: Literal["DELETE", "POST", "PUT"] = "DELETE"
    means: Literal["cancelled", "requested"] = "cancelled"
    states: tuple[Literal["queued", "processing"], ...] = ("queued", "processing")
    look_first: bool = False


class Listing(Fits):
    """How jobs are listed, so that one whose answer was lost is found."""

    path: Text
    method: Literal["GET", "POST"] = "GET"
    body: dict[str, Any] = {}
    """Of a POST; what stands in a path may stand in its texts, and `{page}` alone is a number."""
    items: Path
    """An array, or one object."""
    id: Path = "id"
    next: Path | None = None
    """Where the answer holds what stands as `{cursor}` in the path of the next page."""
    page_size: Count | None = None
    """A page with fewer items is the last."""
    more: Path | None = None
    """Where the answer says that there is a further page."""
    most_pages: Annotated[int, Field(gt=0, le=10)] = 3
    created: Path | None = None
    model: Path | None = None
    own_id: Path | None = None
    shows: dict[Path, Path] = {}
    sent: Path | None = None
    """Where the list shows the whole body that was sent."""
    fills_in: tuple[Text, ...] | None = None
    """What the list shows there that nobody has sent: with it, a job that shows anything else
    beside what was sent is another's."""

    @property
    def is_paged(self) -> bool:
        """Whether a `{page}` or an `{offset}` says which part of the list is meant."""
        parts = ("{page}", "{offset}")
        return any(part in self.path or part in self.body.values() for part in parts)

    @model_validator(mode="after")
    def _has_proof(self) -> Listing:
        shows = bool(self.shows) or self.sent is not None
        if self.own_id is None and (not shows or self.created is None):
            raise ValueError(
                "a job is adopted only where the list shows that it is ours: give own_id, or "
                "created and shows = {what was sent = where the list shows it}, or created and "
                "sent, where it shows the whole body"
            )

        named = "{cursor}" in self.path or "{cursor}" in self.body.values()
        if self.next is not None and not named:
            raise ValueError("next needs a {cursor} in the path, which then stands for it")

        return self
