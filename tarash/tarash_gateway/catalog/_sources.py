"""Who describes a provider's models: handed in from outside, so that no provider is named here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

from .._data._types import JsonObject, Kind

if TYPE_CHECKING:
    from .._support._secrets import AuthHeaders, Key

Get = Callable[[str, Mapping[str, str]], Awaitable[Any]]
"""GETs a URL with a query; returns the JSON, None for a 404, and raises what else goes wrong."""


class SchemaReader(Protocol):
    """A module that reads a provider's schemas. Its records are what `catalog` keeps."""

    AUTHORIZATION: tuple[str, str]
    """How a key is sent (`Key`, `Bearer`), and the variable that it is read from."""
    DOCUMENT_PART: str
    """What a document has to hold, for the error on one that does not."""

    async def read_all(self, get: Get, base_url: str | None) -> Mapping[str, JsonObject]:
        """Return the records of all models, by id; only where schemas are `listed`."""
        ...

    async def read_one(self, get: Get, base_url: str | None, model: str) -> JsonObject | None:
        """Return the record of one model; None where there is none."""
        ...

    def read_document(self, model: str, document: Mapping[str, Any]) -> JsonObject | None:
        """Return the record in a document as the provider publishes it."""
        ...


@dataclass(frozen=True, slots=True)
class Dates:
    """The list of models of a provider, where it says when they end.

    Attributes:
        hosts: The provider's own domains: what another host says of its models is kept apart.
        keys: The variables that a key is read from.
        api: The provider's host; None where it is the customer's own.
        root: The path below which `models` is the list.
        root_may_lack: Whether a base URL with another path stands without it.
        header: The header that carries the key, and its value with `{key}` in it.
        variables: Where a base URL may stand in the environment, beside TARASH_<PROVIDER>_BASE_URL.
        query: Of the first page; the next ones are asked for by `pageToken`.
        items: Where a page has its models.
        id: Where a model has its id.
        media: A pattern in the ids of models that make images and videos; most make others.
        prefix: What stands before ids, and is no part of them.
        day: Where a model has its last day, in ISO's form or in seconds; None for nowhere.
    """

    hosts: tuple[str, ...]
    keys: tuple[str, ...]
    api: str | None
    root: str
    root_may_lack: bool = False
    header: tuple[str, str] = ("Authorization", "Bearer {key}")
    variables: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    items: str = "data"
    id: str = "id"
    media: str = "image|video|sora|dall-e|gif"
    prefix: str = ""
    day: str | None = None

    def authorize(self, key: Key) -> AuthHeaders:
        """Return the header of a key."""
        from .._support._secrets import AuthHeaders

        name, value = self.header
        return AuthHeaders({name: value.format(key=key.reveal())})


@dataclass(frozen=True, slots=True)
class Schemas:
    """Where the schemas of a provider's models can be read at run time."""

    reader: str | SchemaReader
    """What reads them: itself, or a module or `module:name`, imported on first use."""
    hosts: tuple[str, ...]
    """The provider's own domains: what another host says of its models is kept apart."""
    listed: bool = False
    """Whether all schemas can be had at once."""
    on_first_use: bool = False
    """Whether the provider is asked about an unknown model before the first generation with it."""
    makes: Kind | None = None
    """What all of these models make, where that is one thing: of others nobody is asked."""

    def load(self) -> SchemaReader:
        """Import the reader and return it."""
        if not isinstance(self.reader, str):
            return self.reader

        module, _, name = self.reader.partition(":")
        imported = import_module(module)
        return cast("SchemaReader", getattr(imported, name) if name else imported)


class PriceReader(Protocol):
    """A module that reads what a provider publishes of its prices."""

    AUTHORIZATION: tuple[str, str]
    """How a key is sent (`Key`, `Bearer`), and the variable that it is read from."""

    async def read_prices(
        self, get: Get, base_url: str | None, models: Iterable[str]
    ) -> list[JsonObject]:
        """Return price lines, without their provider; `models` are those of the catalogue."""
        ...


@dataclass(frozen=True, slots=True)
class Tariffs:
    """Where a provider publishes its prices."""

    reader: str
    """The module that reads them, by the protocol of `PriceReader`; imported on first use."""
    title: str
    """What price lines name as their source, where they name no other."""
    hosts: tuple[str, ...]
    """The provider's own domains: what another host says of its prices is kept apart."""

    def load(self) -> PriceReader:
        """Import the reader and return it."""
        return cast("PriceReader", import_module(self.reader))


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What the catalogue has to know of one provider.

    `models` is a module, or names one. It may hold MODELS (mappers by id or prefix, for what no
    schema says), IDS (the real ids among them, by what they make; without it the keys of MODELS
    are ids), SCHEMAS (of their input), JOINTS, RULES, ENDS (when models end, by id or by a prefix
    with a `*`), PRICES (a `PriceBook`), FRAME_RATES, `spec_for(model, kind, request)`, and must
    hold VIDEO_FALLBACK and IMAGE_FALLBACK for ids that nobody knows.
    """

    name: str
    models: str | ModuleType
    aliases: tuple[str, ...] = ()
    schemas: Schemas | None = None
    dates: Dates | None = None
    prices: Tariffs | None = None


class Sources(Protocol):
    """Finds the sources; the registry of providers is one."""

    def get(self, provider: str) -> ModelSource | None:
        """Return the source of this name or alias."""
        ...

    def names(self) -> Iterable[str]:
        """Return the names of all providers, aliases left out."""
        ...


class _Nobody:
    def get(self, provider: str) -> None:
        del provider

    def names(self) -> Iterable[str]:
        return ()


_usual: Sources = _Nobody()
_module = cache(import_module)
_current: ContextVar[Sources | None] = ContextVar("_current", default=None)


def provide(sources: Sources) -> None:
    """Say who knows the providers where nobody else is named."""
    global _usual  # noqa: PLW0603  (set once, when the registry is imported)
    _usual = sources


class provided_by:  # noqa: N801  (reads as what it does)
    """Ask these about providers meanwhile, in this task and what it begins.

    As small as can be: thousands of jobs wait within one.
    """

    __slots__ = ("_sources", "_token")

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def __enter__(self) -> None:
        self._token = _current.set(self._sources)

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):  # a coroutine that nobody ends is closed anywhere
            _current.reset(self._token)


def _sources() -> Sources:
    return _current.get() or _usual


def source(provider: str) -> ModelSource | None:
    """Return the source of this name or alias; None where the catalogue knows no such provider."""
    return _sources().get(provider)


def names_of(provider: str) -> tuple[str, ...]:
    """Return all names of a provider, its own before its aliases; that of others as it stands."""
    row = _sources().get(provider)
    return (provider,) if row is None else (row.name, *row.aliases)


def is_described(provider: str) -> bool:
    """Tell whether the catalogue knows the provider."""
    return _sources().get(provider) is not None


def names() -> list[str]:
    """Return the names of all described providers, sorted; aliases are left out."""
    return sorted(_sources().names())


def models_of(provider: str) -> str | ModuleType | None:
    """Return who describes a provider's models: a module, or its name; None for nobody."""
    row = _sources().get(provider)
    return None if row is None else row.models


def module_of(provider: str) -> ModuleType:
    """Return the module that describes a provider's models."""
    module = described_by(provider)
    assert module is not None  # noqa: S101  (callers have asked `is_described`)
    return module


def described_by(provider: str) -> ModuleType | None:
    """Return the module that describes a provider's models; None where none does."""
    source = _sources().get(provider)
    models = None if source is None else source.models
    return _module(models) if isinstance(models, str) else models


def schemas_of(provider: str) -> Schemas | None:
    """Return where the provider's schemas can be read; None where it publishes none."""
    row = _sources().get(provider)
    return None if row is None else row.schemas


def dates_of(provider: str) -> Dates | None:
    """Return where the provider publishes when its models end; None for nowhere."""
    row = _sources().get(provider)
    return None if row is None else row.dates


def tariffs_of(provider: str) -> Tariffs | None:
    """Return where the provider publishes its prices; None for nowhere."""
    row = _sources().get(provider)
    return None if row is None else row.prices


def hosts_of(provider: str) -> tuple[str, ...] | None:
    """Return the provider's own domains; None where nothing that it publishes is read."""
    published = schemas_of(provider) or dates_of(provider) or tariffs_of(provider)
    return None if published is None else published.hosts


def with_tariffs() -> tuple[str, ...]:
    """Return the providers whose prices are read."""
    return tuple(name for name in names() if tariffs_of(name) is not None)


def with_dates() -> tuple[str, ...]:
    """Return the providers whose list of models is read for the models' last days."""
    return tuple(name for name in names() if dates_of(name) is not None)


def with_schemas(*, listed: bool = False) -> tuple[str, ...]:
    """Return the providers whose schemas can be read, or those that list all of them at once."""
    schemas: Mapping[str, Schemas | None] = {name: schemas_of(name) for name in names()}
    return tuple(
        name
        for name, value in schemas.items()
        if value is not None and (value.listed or not listed)
    )
