"""One row for each provider: everything about it that is not how to talk. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module, util
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from .._support._extras import too_old
from ..catalog import Dates, ModelSource, Schemas, Tariffs
from ._handler_checks import check_abilities

if TYPE_CHECKING:
    from ._contract import Adapter

Modality = Literal["video", "image"]
BOTH: tuple[Modality, ...] = ("video", "image")

_there: set[str] = set()
"""Modules that are there: looking for one on the disk takes as long as mapping a request."""
_checked: dict[str, object] = {}
"""Of each provider, the adapter whose abilities were looked at last: a call asks for it thrice."""
_module = cache(import_module)


@dataclass(frozen=True, slots=True)
class KeyVariable:
    """An environment variable that a key is read from."""

    variable: str
    model: str = "any"
    """A model that the key is for, where products of the provider have keys of their own."""


@dataclass(frozen=True)
class Provider:
    """A provider, as the registry knows it.

    Attributes:
        name: What users write in `provider=`.
        title: How the provider is called in text.
        adapter: Where its adapter is, as `package.module:name`, imported on first use; or the
            adapter itself.
        keys: The variables that its keys are read from, the usual one first.
        modalities: What it makes.
        models: The module that describes its models, by the rules of `ModelSource`, or its name,
            imported on first use. None where only field mappers that are registered say what
            models take.
        aliases: Other spellings of the name: understood, and not listed.
        extra: The extra of the distribution that has to be installed for it; None for none.
        requires: The module that has to be there; None where nothing is needed beside the package.
        schemas: Where schemas of its models can be read at run time; None for nowhere.
        dates: Where it publishes when its models end; None for nowhere.
        prices: Where it publishes its prices; None for nowhere.
        open_settings: Names in `provider_config` that hold no secret; every other is taken for one.
        distribution: What `extra` is an extra of.
        own_server: Whether it is a server that users run: `base_url` says where, and a key is
            needed only where the server wants one.
        models_are_files: Whether its models are files that this machine reads: whoever may name
            such a model may open files here.
    """

    name: str
    title: str
    adapter: str | Adapter
    keys: tuple[KeyVariable, ...]
    modalities: tuple[Modality, ...] = BOTH
    models: str | ModuleType | None = None
    aliases: tuple[str, ...] = ()
    extra: str | None = None
    requires: str | None = None
    schemas: Schemas | None = None
    dates: Dates | None = None
    prices: Tariffs | None = None
    open_settings: tuple[str, ...] = ()
    distribution: str = "tarash-gateway"
    own_server: bool = False
    models_are_files: bool = False

    @property
    def installed(self) -> bool:
        """Whether what it needs is there, in a version that will do."""
        return self.trouble is None

    @property
    def trouble(self) -> str | None:
        """What to say of the version there, empty where there is none; None if it will do."""
        if self.requires is None or self.extra is None:
            return None

        if not (self.requires in _there or _find(self.requires)):
            return ""

        old = too_old(self.extra, self.distribution)
        return None if old is None else f", and {old}"

    @cached_property
    def source(self) -> ModelSource | None:
        """What the catalogue has to know of it."""
        if self.models is None:
            return None

        return ModelSource(
            self.name, self.models, self.aliases, self.schemas, self.dates, self.prices
        )

    def load(self) -> Adapter:
        """Import the adapter and return it.

        Raises:
            ValidationError: It has methods that it doesn't declare in `abilities`, or the reverse.
        """
        adapter = self.adapter
        if isinstance(adapter, str):
            module, _, name = adapter.partition(":")
            loaded: Adapter = getattr(_module(module), name)
            adapter = loaded

        if _checked.get(self.name) is not adapter:
            check_abilities(self.name, adapter)
            _checked[self.name] = adapter

        return adapter


def _find(module: str) -> bool:
    try:
        if util.find_spec(module) is None:
            return False
    except ModuleNotFoundError:  # not even the package above it is there
        return False

    _there.add(module)
    return True
