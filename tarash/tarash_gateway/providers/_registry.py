"""Which providers there are: those that ship, those that other packages bring, registered ones.

A provider that ships is a folder beside this file, and its name in `FOLDERS`.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from .._data._hints import Hint
from .._support._extras import how_to_install, points_of
from .._support._secrets import ask_for_open_settings, declare_open
from .._support._warnings import warn
from ..catalog import Mappers, ModelSource, built_in_mappers, forget, provide, provided_by
from ..exceptions import ValidationError
from ..mapping import check_mapping
from ..models import ProviderHandler, ProviderInfo, VideoGenerationConfig
from . import _folders
from ._contract import Adapter
from ._handler_checks import check_handler, is_adapter, makes
from ._provider import Provider
from ._shipped import row_of, shipped

__all__ = [
    "get_provider_field_mapping",
    "list_providers",
    "register_provider",
    "register_provider_field_mapping",
    "register_provider_file",
    "shipped",
]

ENTRY_POINTS = "tarash_gateway.providers"
"""The entry-point group in which another package names its providers."""
TYPO = 0.8
"""How similar a name must be to a known one to be taken for a mistyped one, and no other."""


@lru_cache(maxsize=1)
def brought() -> Mapping[str, Provider]:
    """Return the rows that other installed packages bring, by name and alias.

    One that can't be imported, or is no row, is warned of and left out: it must not take the
    others down with it.
    """
    rows = _folders.of_the_environment()
    for point in points_of(ENTRY_POINTS):
        try:
            row = point.load()
        except Exception as error:  # noqa: BLE001  (a foreign package may raise anything)
            warn(f"The provider {point.name!r} of {point.value} can't be imported: {error}")
            continue

        if isinstance(row, Provider):
            rows.append(row)
        else:
            warn(f"The provider {point.name!r} of {point.value} is no Provider, and is left out")

    by_name = _by_every_name(rows)
    for name in sorted(by_name.keys() & shipped().keys()):
        warn(
            f"{by_name[name].title} is left out as {name!r}, the name of a built-in provider, "
            "whose key it would get; give it another, or replace that one with "
            "register_provider_file()"
        )

    ours = shipped()
    return MappingProxyType({name: row for name, row in by_name.items() if name not in ours})


def _by_every_name(rows: Iterable[Provider]) -> dict[str, Provider]:
    return {name: row for row in rows for name in (row.name, *row.aliases)}


class _Sources:
    """Tells the catalogue who describes whose models, among the rows of one registry."""

    def __init__(self, registered: Mapping[str, Provider]) -> None:
        self._registered = registered

    def row(self, provider: str) -> Provider | None:
        # Other packages are asked only where neither the application nor this one knows the name.
        return self._registered.get(provider) or row_of(provider) or brought().get(provider)

    def get(self, provider: str) -> ModelSource | None:
        row = self.row(provider)
        return None if row is None else row.source

    def names(self) -> Iterable[str]:
        rows = {**brought(), **shipped(), **self._registered}.values()
        return {row.name for row in rows if row.models is not None}


class Registry:
    """The providers and mappings that one gateway knows. Safe to use from several threads."""

    def __init__(self) -> None:
        self._handlers: dict[str, ProviderHandler] = {}
        self._rows: dict[str, Provider] = {}
        self._mappings: dict[str, Mapping[str, Mappers]] = {}
        self._lock = threading.Lock()
        self._sources = _Sources(self._rows)

    def in_force(self) -> AbstractContextManager[None]:
        """Let the catalogue know this registry's providers, and no other's, meanwhile."""
        return provided_by(self._sources)

    def register(self, provider: Provider) -> None:
        """Register a provider with a full adapter, which then has jobs; it replaces others.

        Args:
            provider: Its row. Its name and its aliases must be no text of blanks.

        Raises:
            ValidationError: It is no row, or a name is empty.
        """
        if not isinstance(provider, Provider):
            raise ValidationError(
                f"register() takes a Provider, not {type(provider).__name__}; for an object with "
                "methods such as generate_video use register_provider(name, handler)"
            )

        for name in (provider.name, *provider.aliases):
            _check_name(name)

        with self._lock:
            added = _by_every_name([provider])
            self._rows |= added  # in place: the catalogue reads them
            for name in added:
                self._handlers.pop(name, None)
                declare_open(name, provider.open_settings)
                forget(name)  # what another row of this name said of its models

    def register_provider(self, provider: str, handler: object) -> None:
        """Register a provider of your own; the name of a built-in one replaces it.

        Args:
            provider: The name to write in configs.
            handler: An adapter, with all methods of `providers.Adapter`: it has jobs like a
                built-in one. Or an object with all or some of the methods of `ProviderHandler`. Its
                attribute `open_settings`, where it has one, lists the names in `provider_config`
                that hold no secret: all others are masked where a config is shown, and not written
                down.

        Raises:
            ValidationError: The name is empty, or the handler has none of the methods, is a class,
                or has a method that can't be called as it will be.
        """
        _check_name(provider)
        check_handler(provider, handler)
        declare_open(provider, getattr(handler, "open_settings", ()))
        if is_adapter(handler):
            self.register(Provider(provider, provider, cast("Adapter", handler), ()))
            return

        with self._lock:
            # By its type it would have to have all four methods; each is looked for when called.
            self._handlers[provider] = cast("ProviderHandler", handler)
            self._rows.pop(provider, None)

    def register_provider_field_mapping(
        self, provider: str, mapping: Mapping[str, Mappers]
    ) -> None:
        """Add field mappers for models of a provider, by model id or prefix.

        A provider may be registered after its mappings, so a name that nobody knows is no error;
        one that resembles a built-in one is warned of.

        Args:
            provider: The provider's name.
            mapping: `{model_or_prefix: {parameter: FieldMapper}}`; the longest prefix wins, and an
                id that is already there is replaced.

        Raises:
            ValidationError: The provider's name is empty, or the mapping has another shape.
        """
        _check_name(provider)
        check_mapping(provider, mapping)
        near = self._near(provider, alike=TYPO)
        if near:
            warn(
                f"No provider {provider!r} is known; did you mean {near!r}? Its field mappings do "
                "nothing until it is registered"
            )

        added = {model: dict(mappers) for model, mappers in mapping.items()}
        with self._lock:
            self._mappings[provider] = {**self._mappings.get(provider, {}), **added}

    def registered_mapping(self, provider: str) -> Mapping[str, Mappers]:
        """Return what was registered for a provider, without what ships."""
        return self._mappings.get(provider, {})

    def get_provider_field_mapping(self, provider: str) -> Mapping[str, Mappers] | None:
        """Return all field mappers of a provider, or None for a provider without any."""
        with self.in_force():
            known = built_in_mappers(provider, self.registered_mapping(provider))

        return MappingProxyType(known) if known else None

    def handler(self, provider: str) -> ProviderHandler | None:
        """Return the registered handler of this name."""
        return self._handlers.get(provider)

    def row(self, provider: str) -> Provider | None:
        """Return the row of this name or alias; None for a handler, and for nobody."""
        return None if provider in self._handlers else self._sources.row(provider)

    def check_known(self, provider: str, *, mocked: bool = False) -> None:
        """Check that there is a provider of this name.

        Args:
            provider: The name.
            mocked: Whether the mock answers, which does so for any name: one that seems mistyped
                is warned of.

        Raises:
            ValidationError: There is none; the message lists the known ones and the nearest.
        """
        if provider in self._handlers or self.row(provider) is not None:
            return

        near = self._near(provider)
        hint = f"; did you mean {near!r}?" if near else "."
        if not mocked:
            raise ValidationError(
                f"Unknown provider {provider!r}{hint} Known: {', '.join(self._names())}",
                provider,
                code="unknown_provider",
                field="provider",
                hints=[Hint("register_provider", "register_provider() adds your own")],
            )

        if near:
            warn(f"Unknown provider {provider!r}{hint} The mock answers all the same")

    def _near(self, provider: str, *, alike: float = 0.6) -> str | None:
        """Return the known name that one which nobody knows resembles; None for a known one."""
        if provider in self._handlers or self.row(provider) is not None:
            return None

        name = provider.lower()
        return next(iter(difflib.get_close_matches(name, self._names(), n=1, cutoff=alike)), None)

    def _names(self) -> list[str]:
        rows = {**brought(), **shipped(), **self._rows}
        return sorted({*(row.name for row in rows.values()), *self._handlers})

    def adapter(self, provider: str, *, need_extra: bool = True) -> Adapter:
        """Return the adapter of this name.

        Args:
            provider: The name of a provider with a row.
            need_extra: Whether what the extra installs will be used.

        Raises:
            ValidationError: Its extra is not installed; the message names it. Or nobody knows it,
                or it is a registered handler, which has no jobs.
        """
        row = self.row(provider)
        if row is None:
            self.check_known(provider)
            raise ValidationError(
                f"{provider!r} is a registered handler, which has no jobs", provider
            )

        if need_extra and not row.installed:
            how = how_to_install(
                row.extra or "all", upgrade=bool(row.trouble), distribution=row.distribution
            )
            raise ValidationError(
                f"{provider} needs the extra {row.extra!r}{row.trouble}: {how}",
                provider,
                submission="not_sent",
                code="not_installed",
            )

        return row.load()

    def environment_variable(self, provider: str) -> str | None:
        """Return where the provider's key is read from, where it has a row and a variable."""
        row = self.row(provider)
        return row.keys[0].variable if row is not None and row.keys else None

    def list_providers(self) -> list[ProviderInfo]:
        """Return every provider that a config may name, in alphabetical order."""
        return [self._info(name) for name in self._names()]

    def _info(self, name: str) -> ProviderInfo:
        handler, row = self._handlers.get(name), self.row(name)
        if row is None:
            kinds: tuple[Literal["video", "image"], ...] = ("video", "image")
            has = {kind: makes(handler, kind) for kind in kinds}
            return ProviderInfo(
                name=name,
                modalities=tuple(kind for kind in kinds if has[kind]),
                installed=True,
                registered=True,
            )

        models = self.models_with_keys(name)
        present = tuple(prefix for prefix, model in models.items() if self._has_key(name, model))
        return ProviderInfo(
            name=name,
            modalities=row.modalities,
            installed=row.installed,
            extra=row.extra,
            key_present=bool(present),
            environment_variable=next(iter(models), None),
            environment_variables=tuple(models),
            variables_present=present,
            own_server=row.own_server,
        )

    def _has_key(self, name: str, model: str) -> bool:
        from .._http._key_lookup import Variables

        # The adapter knows all the places, such as a key in two halves.
        config = VideoGenerationConfig(provider=name, model=model)
        return bool(self.adapter(name, need_extra=False).find_key(config, Variables()))

    def models_with_keys(self, provider: str) -> Mapping[str, str]:
        """Return, for each of a provider's variables, a model that its key is for."""
        row = self.row(provider)
        return {key.variable: key.model for key in row.keys} if row is not None else {}


def _check_name(provider: object) -> None:
    if not isinstance(provider, str) or not provider.strip():
        raise ValidationError("the provider's name is empty, or no text")


def _open_settings(provider: str) -> tuple[str, ...]:
    row = default_registry.row(provider)
    return () if row is None else row.open_settings


default_registry = Registry()
"""What the module-level functions use."""
provide(default_registry._sources)  # noqa: SLF001  (handed out to nobody else)
ask_for_open_settings(_open_settings)


def register_provider(provider: str, handler: object) -> None:
    """Register a provider for the module-level functions; see `Registry.register_provider`."""
    default_registry.register_provider(provider, handler)


def register_provider_file(source: str | Path | Mapping[str, Any]) -> ProviderInfo:
    """Register a provider that a TOML file (or a dict of its form) declares, with jobs.

    Raises:
        ValidationError: It declares none that can be used; each place is named, with its line.
    """
    row = _folders.row_of(source)
    default_registry.register(row)
    return next(provider for provider in list_providers() if provider.name == row.name)


def register_provider_field_mapping(provider: str, mapping: Mapping[str, Mappers]) -> None:
    """Add field mappers; see `Registry.register_provider_field_mapping`."""
    default_registry.register_provider_field_mapping(provider, mapping)


def get_provider_field_mapping(provider: str) -> Mapping[str, Mappers] | None:
    """Return all field mappers of a provider; see `Registry.get_provider_field_mapping`."""
    return default_registry.get_provider_field_mapping(provider)


def list_providers() -> list[ProviderInfo]:
    """Return every provider that a config may name, in alphabetical order."""
    return default_registry.list_providers()
