"""What models take, as a declaration says it: parameters, limits across them, schemas."""

from __future__ import annotations

import datetime as dt
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ..._data._money import PriceLine, PriceUnit
from ..._data._types import ImageRole, Kind
from ...catalog.prices import reason_of
from ...mapping import Apart, Beside, Joint, Rule
from ...models import ImageGenerationRequest, VideoGenerationRequest
from ._parts import Count, Path, Place, Plain, Rate, Section, Text

Amount = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")]
"""A decimal in text: money is no float."""
Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]
Divisor = Annotated[str, Field(pattern=r"^\d*[1-9]\d*(\.\d+)?$|^\d+\.\d*[1-9]\d*$")]
RENAMED: Mapping[str, str] = {"since": "valid_from", "until": "valid_to"}


class Price(Section):
    """What one thing costs. Lines that a user registers, or names in a file, go before it."""

    model: Text
    """The model's id; one that ends in `*` stands for all that begin so."""
    unit: PriceUnit
    """What the rate is for one of, or for `per` of."""
    rate: Amount
    """Negative for a discount."""
    billable: Text = "output"
    """Lines of one billable are alternatives; of different ones, parts of a sum."""
    per: Divisor | None = None
    currency: Text = "USD"
    """`USD`, another currency, `usd_cent`, or a credit of the provider's own."""
    credit_usd: Divisor | None = None
    """US dollars for one unit of the currency, where that is a credit."""
    when: dict[str, Any] = {}
    """What has to hold: facts of the request or parameters, each with a value, a list of values, or
    a comparison such as `"<=4"`."""
    min_charge: Quantity | None = None
    min: Quantity | None = None
    max: Quantity | None = None
    free: Quantity | None = None
    step: Divisor | None = None
    role: Literal["settlement"] | None = None
    alternative_to: Text | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    source: str | None = None
    date: dt.date | None = None

    @model_validator(mode="after")
    def _has_measure(self) -> Price:
        try:
            self.line("any")
        except ValueError as error:
            raise ValueError(reason_of(error)) from None

        return self

    def line(self, provider: str) -> PriceLine:
        """Return it as a line of a provider's."""
        fields = {RENAMED.get(name, name): value for name, value in self if value is not None}
        return PriceLine.model_validate({"provider": provider, **fields})


IMAGES: Mapping[str, Mapping[str, Any]] = {
    "first_frame": {"roles": ("first_frame",), "most": 1},
    "last_frame": {"roles": ("last_frame",), "most": 1},
    "references": {"roles": ("reference", "asset")},
}
"""What stands for `image_list` with these roles, and how many images there are."""
FIELDS = frozenset({*VideoGenerationRequest.model_fields, *ImageGenerationRequest.model_fields})
ROLES = get_args(ImageRole)


def _asked(name: str) -> str:
    if name in FIELDS or name in ROLES:
        return name

    near = difflib.get_close_matches(name, [*ROLES, *sorted(FIELDS)], 1)
    hint = f"did you mean {near[0]!r}?" if near else f"roles are {', '.join(ROLES)}"
    raise ValueError(f"{name!r} is no field of a request and no role; {hint}")


Asked = Annotated[str, AfterValidator(_asked)]
"""What a request may have: a field, or an image of a role."""


def _known(source: str) -> str:
    if source not in FIELDS:
        near = difflib.get_close_matches(source, FIELDS, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"they have: {', '.join(sorted(FIELDS))}"
        raise ValueError(f"requests have no field {source!r}; {meant}")

    return source


LIST_OR_TABLE = BeforeValidator(
    lambda value: value, json_schema_input_type=list[Any] | dict[str, Any] | None
)


def _value(key: str) -> Any:
    """Return the value that a key of a table stands for: true, false, a number, or a text."""
    try:
        return json.loads(key)
    except ValueError:
        return key


Source = Annotated[str, AfterValidator(_known)]


class Take(Section):
    """One parameter, and the request field that it comes from."""

    source: Source = Field(alias="from")
    """A field of the request; `first_frame` or `last_frame` for the one image of that role, and
    `references` for those of the roles `reference` and `asset`."""
    at: str | None = None
    """Where it goes, if not to its name; behind a `[].` stands where in a new part of a list."""
    required: bool = False
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    """As in a submit: what a request must have, or must not, for the parameter to be there."""
    allowed: Annotated[tuple[Plain, ...] | None, LIST_OR_TABLE] = None
    """The values that it may have; a table of them says by which `words` they are sent."""
    low: float | None = None
    high: float | None = None
    step: Annotated[float, Field(gt=0)] | None = None
    area: tuple[Rate, Rate] | None = None
    """Of a free size: the least and the most pixels."""
    free: bool = False
    """Of a size: whether others than the allowed ones can be sent."""
    form: Literal[
        "as_it_is",
        "int",
        "text",
        "seconds_text",
        "yes_no",
        "flag",
        "object",
        "width",
        "height",
        "unsent",
        "url",
    ] = "as_it_is"
    words: dict[str, Any] = {}
    roles: tuple[ImageRole, ...] = ()
    most: Count | None = None
    numbered: Text | None = None
    """Several are no list: the first has this parameter's place, the others these, such as
    `image_{number}`, from 2 on."""
    several_at: Path | None = None
    """Where several images go, as a list: one alone has this parameter's place."""
    refused: Text | None = None
    """What the error says where a request has the field: it can't be had, and what to do."""
    default: Any = None
    beside: dict[str, Any] = {}
    """What the body holds, too, where the parameter has a value."""
    part: dict[str, Any] = {}
    value_at: Path | None = None
    role_at: Path | None = None
    inline_at: Path | None = None
    """Where the base64 of bytes goes, in an object of their own in place of the part."""
    type_at: Path | None = None
    """Where their type goes beside it."""
    url_type: Text | None = None
    """The type that stands at `type_at` beside an address, too, where its name doesn't say it."""
    longest: Count | None = None
    """Of a text: how many characters it may have; a longer one is refused, and never cut."""
    reference_at: Path | None = None
    """Where the bare id of the provider's own reference goes, likewise."""
    fact: Text | None = None
    """Of `continue_from`: which further id of the result is sent, or its `url`; its job's id by
    default."""
    own_model: bool = False
    """Of `continue_from`: whether only the model that has made the result takes it."""
    convert: Place | None = None
    """A function of a request and the field's value, for what nothing here can say."""

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, written: Any) -> Any:
        if not isinstance(written, Mapping):
            return written

        whole, at, images = dict(written), written.get("at"), IMAGES.get(str(written.get("from")))
        if images is not None:
            if "roles" in written:
                raise ValueError(f"roles are those of from = {written['from']!r}: leave them out")

            whole = {**images, **written, "from": "image_list", "roles": images["roles"]}

        if isinstance(whole.get("allowed"), Mapping):
            if "words" in written:
                raise ValueError("words stand in allowed already: leave them out")

            whole |= {"words": whole["allowed"], "allowed": [*map(_value, whole["allowed"])]}

        if isinstance(at, str) and "[]." in at and "value_at" not in written:
            items, _, within = at.partition("[].")
            whole |= {"at": f"{items}[]", "value_at": within}

        return whole

    @model_validator(mode="after")
    def _counts(self) -> Take:
        if self.url_type is not None and (self.type_at is None or self.value_at is None):
            raise ValueError("url_type stands at type_at, beside what is at value_at: give both")

        if self.numbered is not None and "{number}" not in self.numbered:
            raise ValueError("numbered needs a {number}, such as image_{number}")

        return self


class Limit(Section):
    """What one value leaves possible of another field; nothing where `to` is empty."""

    when: Text
    values: Annotated[tuple[Plain, ...], Field(min_length=1)]
    limits: Text
    to: tuple[Plain, ...]


MEDIA = frozenset({*ROLES, "video", "mask_image"})


class Together(Section):
    """Media or parameters that exclude each other, or need each other."""

    these: Annotated[tuple[Text, ...], Field(min_length=1)]
    those: Annotated[tuple[Text, ...], Field(min_length=1)]


class Total(Section):
    """How many media of several roles a request may have."""

    of: Annotated[tuple[Text, ...], Field(min_length=1)]
    most: Annotated[int, Field(ge=0)]
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class Form(Section):
    """One of several forms of a model: what it says beside what the model says of all.

    Lists and tables add to the model's; any other value stands in its place.
    """

    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    path: Text | None = None
    """Where such a request goes, in the place of the submit's path."""
    sets: tuple[str, ...] = ()
    """Sets of parameters that several models have; those in `takes` go before."""
    takes: dict[str, Take] = {}
    input_schema: dict[str, Any] | Text | None = Field(None, alias="schema")
    """The JSON Schema of its input, or the file that holds it, beside the declaration."""
    body: dict[str, Any] = {}
    """What is always sent with these models; mapped values and `extra_params` win."""
    mask: Literal["white", "black", "transparent"] | None = None
    """Which pixels of a mask are changed; None for what its schema says, else white ones."""
    limits: tuple[Limit, ...] = ()
    apart: tuple[Together, ...] = ()
    beside: tuple[Together, ...] = ()
    totals: tuple[Total, ...] = ()


class Model(Form):
    """Models that take the same; an id that ends in `*` is a prefix.

    Several with one id are forms of one model, as those in `forms` are: the first that fits a
    request is used.
    """

    ids: Annotated[tuple[str, ...], Field(min_length=1)]
    kind: Kind = "video"
    forms: tuple[Form, ...] = ()
    """What differs between the model's forms; what stands beside it, they have in common."""
    sent_as: Text | None = None
    """What is sent for the id; the id itself by default."""
    listed: bool = True
    """Whether lists of models name it; false for another spelling of one that they do."""
    shutdown: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$|^$")] | None = None
    """The day; empty for a model that is gone without one."""
    successor: str | None = None
    source: Text | None = None
    """Where its end was read."""

    @property
    def each_form(self) -> tuple[Model, ...]:
        """The model once for each of its forms, with all that the form has."""
        return tuple(map(self._as, self.forms)) or (self,)

    def _as(self, form: Form) -> Model:
        """Return the model in one form alone."""
        says: dict[str, Any] = {name: getattr(form, name) for name in form.model_fields_set}
        for name, value in says.items():
            if isinstance(value, tuple):
                says[name] = (*getattr(self, name), *value)
            elif name in ("takes", "body"):
                says[name] = {**getattr(self, name), **value}

        return self.model_copy(update={**says, "forms": ()})

    @model_validator(mode="after")
    def _takes_something(self) -> Model:
        for form in self.each_form:
            if not (form.takes or form.sets) and form.input_schema is None:
                raise ValueError("it takes nothing: give takes, or the schema of its input")

        return self


def each_form_of(models: tuple[Model, ...]) -> tuple[Model, ...]:
    """Return models with several forms as several models, in their order."""
    return tuple(form for model in models for form in model.each_form)


def of_all(rules: Iterable[Together], model: Model) -> Iterator[Together]:
    """Yield what a model has of the rules for all: of both sides of a rule, what it takes."""
    taken = {take.source for take in model.takes.values()}
    for take in model.takes.values():
        taken |= {*take.roles} or ({*ROLES} if take.source == "image_list" else set())

    for rule in rules:
        these, those = (
            tuple(name for name in names if name in taken or name not in MEDIA)
            for names in (rule.these, rule.those)
        )
        if these and those:
            yield Together(these=these, those=those)


def joints_of(model: Model) -> tuple[Joint, ...]:
    """Return what one value leaves possible of another field."""
    return tuple(Joint(limit.when, limit.values, limit.limits, limit.to) for limit in model.limits)


def rules_of(model: Model) -> tuple[Rule, ...]:
    """Return what excludes each other, and what needs each other."""
    return (
        *(Apart(rule.these, rule.those) for rule in model.apart),
        *(Beside(rule.these, rule.those) for rule in model.beside),
    )
