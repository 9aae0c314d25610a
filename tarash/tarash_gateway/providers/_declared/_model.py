"""What a declaration of a provider may say: one typed model, whose JSON Schema editors can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from ..._data._types import Billing, Kind
from ..._data._webhooks import Demand, SchemeName, WebhookFacts
from ._parts import (
    SEVERAL,
    Count,
    Fits,
    Path,
    Pattern,
    Place,
    Predicate,
    Seconds,
    Section,
    Text,
    first_of,
    is_for,
    is_named,
)
from ._stages import Cancel, Listing, Poll, Quote, Result, Rule, Schemas, Submit, Upload, place_of
from ._takes import Model, Price, Take, Together, each_form_of, of_all

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "Account",
    "Auth",
    "Cancel",
    "Errors",
    "Listing",
    "Model",
    "Poll",
    "Predicate",
    "ProviderDeclaration",
    "Quote",
    "Result",
    "Rule",
    "Setting",
    "Submit",
    "Upload",
]


class Auth(Section):
    """How the key is sent."""

    type: Literal["bearer", "header", "basic", "query", "jwt"] = "bearer"
    header: Text = "Authorization"
    prefix: str = ""
    parameter: Text = "key"
    """The name of the key in the query of each address."""
    id_setting: str = "access_key"
    secret_setting: str = "secret_key"  # noqa: S105  (a name, not a secret)
    lifetime: Seconds = 1800
    skew: Seconds = 5


class Setting(Section):
    """A plain setting, or a further secret: in `provider_config`, or in a variable."""

    variable: str | None = None
    default: str | None = None
    secret: bool | None = None
    """Whether it is shown nowhere; None for what its name says."""


class Product(Section):
    """Models of the vendor that have a host and a key of their own."""

    models: Annotated[tuple[Text, ...], Field(min_length=1)]
    base_url: Annotated[str, Field(pattern=r"^https?://")]
    variables: tuple[str, ...] = ()
    """Where its key is read from; by default where that of the account is."""
    check: str | None = None


class Account(Section):
    """Whose requests these are, and where they go."""

    base_url: Annotated[str, Field(pattern=r"^https?://")]
    variables: tuple[str, ...] = ()
    auth: Auth = Auth()
    regions: dict[str, str | tuple[str, ...]] = {}
    """Base URLs by name; of several, the first whose settings are all given."""
    region: str | None = None
    """The region where nobody names one."""
    region_variable: str | None = None
    base_url_variable: str = ""
    """The vendor's own variable for the host."""
    settings: dict[str, Setting] = {}
    trusted_hosts: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    check: str | None = None
    """What costs nothing and wants a key, with `{nobody}` for an id that nobody has: a 404 is then
    as good as a result."""
    products: Annotated[tuple[Product, ...], SEVERAL] = ()

    @property
    def bases(self) -> tuple[str, ...]:
        """All base URLs."""
        urls = [self.base_url, *(product.base_url for product in self.products)]
        for region in self.regions.values():
            urls += [region] if isinstance(region, str) else region

        return tuple(urls)

    def product_of(self, model: str) -> Product | None:
        """Return the product that a model is of; None for what the account itself says."""
        return next((product for product in self.products if is_named(model, product.models)), None)

    def product_at(self, base_url: str) -> Product | None:
        """Return the product at an address: by its host, else by the longest path at its end."""
        asked, best = urlsplit(base_url), (False, -1)
        nearest: Product | None = None
        places: list[tuple[str, Product | None]] = [(self.base_url, None)]
        places += [(product.base_url, product) for product in self.products]
        for url, product in places:
            mine = urlsplit(url)
            path = mine.path.rstrip("/")
            rank = (mine.netloc == asked.netloc, len(path))
            if asked.path.rstrip("/").endswith(path) and rank > best:
                nearest, best = product, rank

        return nearest

    @model_validator(mode="after")
    def _knows_its_region(self) -> Account:
        if self.region is not None and self.region not in self.regions:
            raise ValueError(f"region {self.region!r} is none of regions")

        return self


class Media(Section):
    """Which forms of media the provider takes."""

    url: bool = True
    inline: Literal["data_uri", "base64", "part", "none"] = "data_uri"
    """How bytes are sent; `part` for those of a form."""
    largest_inline: Count | None = None
    largest_together: Count | None = None
    references: tuple[str, ...] = ()
    """What the provider's own references begin with, such as `asset://`."""
    reference_headers: dict[str, str] = {}
    """Sent with a submit that names one of these."""
    image_types: tuple[str, ...] = ()
    largest_image: Count | None = None
    shortest_side: Count | None = None
    longest_side: Count | None = None


class Errors(Section):
    """How refusals read."""

    message: tuple[Path, ...] = ("error.message", "error", "message", "detail")
    code: tuple[Path, ...] = ("error.code", "error.type", "code")
    inside: Annotated[tuple[Predicate, ...], SEVERAL] = ()
    """An answer with a good status that has one of these is an error."""
    rules: tuple[Rule, ...] = ()
    failed_billing: Billing | None = None
    refunded_within: Annotated[float, Field(gt=0)] | None = None
    """Seconds in which what a failed job has cost is given back, where that takes its time."""
    cost: Path | None = None
    """Where a refusal says what it cost, in the units of `result.cost`."""
    categories: Pattern | None = None
    """The names by which the words of a content filter say what it objects to."""


class Webhook(Fits):
    """How the provider is asked to call back, how it signs, and what it sends."""

    parameter: Path | None = None
    """What carries the address in a submit; None where it is set up in the provider's console."""
    place: Literal["body", "query"] = "body"
    beside: dict[str, Any] = {}
    """Sent with it."""
    scheme: SchemeName = "unsigned"
    secret_variable: str | None = None
    keys_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    options: dict[str, str] = {}
    """What the scheme needs: `prefix`, `id_header`, `key_header`, `header`, `separator`, …"""
    job_id: Annotated[tuple[Path, ...], Field(min_length=1)] = ("id",)
    """Where an event holds the job's id: the first of these that is there."""
    status: tuple[Path, ...] = ("status",)
    challenge: Path | None = None
    """What a first request holds that has to be sent back."""
    demands: tuple[Demand, ...] = ()
    """What the provider wants of the address, and refuses a submit for: without it, it is not asked
    to call back."""

    @property
    def facts(self) -> WebhookFacts:
        """What the inbox goes by."""
        return WebhookFacts(
            scheme=self.scheme,
            parameter=self.parameter,
            in_query=self.place == "query",
            beside=self.beside,
            job_id=self.job_id,
            status=self.status,
            variable=self.secret_variable,
            keys_url=self.keys_url,
            options=self.options,
            challenge=self.challenge,
            demands=self.demands,
        )


Stage = Literal[
    "accepted", "answers_at_once", "ask_price", "build", "cancel", "connect", "failure",
    "fetch_schema", "find_key", "find_submitted", "is_ready", "job_url", "parse", "poll", "refused",
    "resolve_base_url", "resolve_spec", "snapshot", "submit", "upload", "urls",
    "verify_credentials",
]  # fmt: skip


class ProviderDeclaration(Section):
    """A provider: how to talk to it, and what its models take."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    title: Text
    aliases: tuple[str, ...] = ()
    account: Account
    media: Media = Media()
    upload: Upload | None = None
    submit: Annotated[tuple[Submit, ...], SEVERAL, Field(min_length=1)]
    errors: Errors = Errors()
    poll: Annotated[tuple[Poll, ...], SEVERAL] = ()
    result: Annotated[tuple[Result, ...], SEVERAL, Field(min_length=1)]
    cancel: Annotated[tuple[Cancel, ...], SEVERAL] = ()
    list: Annotated[tuple[Listing, ...], SEVERAL] = ()
    quote: Annotated[tuple[Quote, ...], SEVERAL] = ()
    webhook: Annotated[tuple[Webhook, ...], SEVERAL] = ()
    schemas: Annotated[tuple[Schemas, ...], SEVERAL] = ()
    """One list, or one for each kind, which says so by `makes`."""
    prices: tuple[Price, ...] = ()
    sets: dict[str, dict[str, Take]] = {}
    apart: tuple[Together, ...] = ()
    """What excludes each other wherever a model takes both, as in `models`."""
    beside: tuple[Together, ...] = ()
    """What needs each other, likewise."""
    models: Annotated[tuple[Model, ...], Field(min_length=1), AfterValidator(each_form_of)]
    hooks: dict[Stage, Place] = {}
    _schemas: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    """The files of schemas, by name, read beside the declaration."""

    @model_validator(mode="after")
    def _fits_together(self) -> ProviderDeclaration:
        names: set[tuple[str, ...]] = set()
        for model in self.models:
            for name in model.ids:
                form = (name, model.kind, *model.has, "", *model.lacks)
                if form in names:
                    raise ValueError(f"models has the id {name!r} twice, for the same requests")

                names.add(form)
                self._check(model.kind, name)

        bought = [path for way in self.submit for path in (way.path, *way.paths.values())]
        ways = {
            place_of(path) for path in (*bought, *(model.path for model in self.models)) if path
        }
        asked = [
            path for quote in self.quote for path in (quote.path, quote.path_if_missing) if path
        ]
        for path in asked:
            if place_of(path) in ways:
                raise ValueError(f"quote.path {path!r} is a submit's: it would buy")

        if any(listing.own_id for listing in self.list) and not any(
            listing.own_id for listing in self.submit
        ):
            raise ValueError("list.own_id needs an own_id in the submit, which sends it")

        return self

    @model_validator(mode="after")
    def _has_its_sets(self) -> ProviderDeclaration:
        models = []
        for model in self.models:
            unknown = [name for name in model.sets if name not in self.sets]
            if unknown:
                raise ValueError(f"sets has no {' and '.join(unknown)}")

            shared = {name: value for each in model.sets for name, value in self.sets[each].items()}
            whole = model.model_copy(update={"takes": {**shared, **model.takes}, "sets": ()})
            rules = {
                name: tuple(dict.fromkeys((*getattr(whole, name), *of_all(shared_rules, whole))))
                for name, shared_rules in (("apart", self.apart), ("beside", self.beside))
            }
            models.append(whole.model_copy(update=rules))

        object.__setattr__(self, "models", tuple(models))
        return self

    def _check(self, kind: Kind, model: str) -> None:
        """Check that a model has a way from submit to result."""
        name = model.removesuffix("*")
        ways = [way for way in self.submit if is_for(way, kind, name)]
        if not ways:
            raise ValueError(f"no [[submit]] makes a {kind} with {model!r}")

        if not all(way.at_once for way in ways) and first_of(self.poll, kind, name) is None:
            raise ValueError(
                f"a submit that is not at_once needs a [poll], and none is for {model!r}"
            )

        result = first_of(self.result, kind, name)
        if result is None or kind not in result.media:
            raise ValueError(f"result.media has no path for {kind}, which {model!r} makes")

    @property
    def references(self) -> tuple[str, ...]:
        """What the provider's own references begin with."""
        prefix = self.upload.prefix if self.upload is not None else ""
        named = (*self.media.references, prefix)
        return tuple(dict.fromkeys(start for start in named if start != prefix or "://" in start))

    @property
    def makes(self) -> tuple[Kind, ...]:
        """What its models make."""
        return tuple(dict.fromkeys(model.kind for model in self.models))

    def schemas_for(self, kind: str) -> Schemas | None:
        """Return the list that says what models of a kind take; None where there is none."""
        return next((schema for schema in self.schemas if schema.makes in (None, kind)), None)

    def forms_of(self, kind: str, model: str) -> tuple[Model, ...]:
        """Return what is declared of a model: by its id, the longest prefix, else of the first."""
        known: dict[str, list[Model]] = {}
        for form in self.models:
            for name in form.ids if form.kind == kind else ():
                known.setdefault(name, []).append(form)

        if model in known:
            return tuple(known[model])

        prefixes = [known_id for known_id in known if model.startswith(known_id.removesuffix("*"))]
        if prefixes:
            return tuple(known[max(prefixes, key=len)])

        return tuple(next(iter(known.values()), ()))

    def keep_schemas(self, schemas: Mapping[str, Any]) -> None:
        """Keep what the files of schemas hold."""
        self._schemas = schemas

    def schema_of(self, model: Model) -> Mapping[str, Any] | None:
        """Return the JSON Schema of a model's input; None where there is none."""
        schema = model.input_schema
        return self._schemas.get(schema) if isinstance(schema, str) else schema


def declaration_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file of a provider."""
    schema = ProviderDeclaration.model_json_schema(by_alias=True)
    _allow_one(schema, ProviderDeclaration)
    _allow_one(schema["$defs"]["Errors"], Errors)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "A provider of Tarash Gateway, in one file",
    }


def _allow_one(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Say of what may be several tables that it may be one."""
    for name, field in model.model_fields.items():
        if SEVERAL in field.metadata:
            array = schema["properties"][name]
            schema["properties"][name] = {"anyOf": [array["items"], array]}
