"""Which providers there are: the built-in ones as rows, imported on first use, and registered ones.

Adding a built-in provider is one row here.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, util
from types import MappingProxyType
from typing import Literal, cast

from ._contract import Adapter
from ._extras import how_to_install, too_old
from ._secrets import declare_open
from ._warnings import warn
from .catalog import Mappers, built_in_mappers
from .exceptions import ValidationError
from .mapping import check_mapping
from .models import ProviderHandler, ProviderInfo, VideoGenerationConfig

__all__ = [
    "get_provider_field_mapping",
    "list_providers",
    "register_provider",
    "register_provider_field_mapping",
]

TYPO = 0.8
"""How similar a name must be to a built-in one to be taken for a mistyped one, and no other."""
HANDLER_METHODS = (
    "generate_video",
    "generate_video_async",
    "generate_image",
    "generate_image_async",
)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One row: a provider that ships with the package."""

    module: str
    """Below `providers`; its `adapter` is the adapter."""
    modalities: tuple[Literal["video", "image"], ...]
    extra: str | None
    """None where nothing is needed beside the package itself."""
    needs: str | None
    """The module that the extra installs; None where it installs none."""
    environment_variable: str
    further_keys: tuple[tuple[str, str], ...] = ()
    """Variables of products with keys of their own, each with a model of that product."""

    @property
    def installed(self) -> bool:
        """Whether what it needs is there, in a version that will do."""
        return self.trouble is None

    @property
    def trouble(self) -> str | None:
        """What to say of the version there, empty where there is none; None if it will do."""
        if self.needs is None or self.extra is None:
            return None

        if not (self.needs in _found or _find(self.needs)):
            return ""

        old = too_old(self.extra)
        return None if old is None else f", and {old}"


_found: set[str] = set()
"""Modules that are there: looking for one on the disk takes as long as mapping a request."""


def _find(module: str) -> bool:
    try:
        if util.find_spec(module) is None:
            return False
    except ModuleNotFoundError:  # not even the package above it is there
        return False

    _found.add(module)
    return True


BOTH: tuple[Literal["video", "image"], ...] = ("video", "image")
AZURE_OPENAI = BuiltIn("azure_openai", BOTH, "openai", "openai", "AZURE_OPENAI_API_KEY")
SPELLINGS = frozenset({"azure_openai"})
"""Other spellings of names: understood, and not listed."""
BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "azure-openai": AZURE_OPENAI,
        "azure_openai": AZURE_OPENAI,
        "fal": BuiltIn("fal", BOTH, "fal", "fal_client", "FAL_KEY"),
        "google": BuiltIn("google", BOTH, "google", "google.genai", "GOOGLE_API_KEY"),
        "luma": BuiltIn(
            "luma", BOTH, "luma", "lumaai", "LUMAAI_API_KEY", (("LUMA_AGENTS_API_KEY", "ray-3.2"),)
        ),
        "openai": BuiltIn("openai", BOTH, "openai", "openai", "OPENAI_API_KEY"),
        "replicate": BuiltIn("replicate", BOTH, "replicate", "replicate", "REPLICATE_API_TOKEN"),
        "runway": BuiltIn("runway", BOTH, "runway", "runwayml", "RUNWAYML_API_SECRET"),
        "stability": BuiltIn("stability", ("image",), None, None, "STABILITY_API_KEY"),
        "xai": BuiltIn("xai", BOTH, "xai", None, "XAI_API_KEY"),
    }
)


class Registry:
    """The providers and mappings that one gateway knows. Safe to use from several threads."""

    def __init__(self) -> None:
        self._handlers: dict[str, ProviderHandler] = {}
        self._mappings: dict[str, Mapping[str, Mappers]] = {}
        self._lock = threading.Lock()

    def register_provider(self, provider: str, handler: object) -> None:
        """Register a provider of your own; the name of a built-in one replaces it.

        Args:
            provider: The name to write in configs.
            handler: An object with all or some of the methods of `ProviderHandler`. Its attribute
                `open_settings`, where it has one, lists the names in `provider_config` that hold no
                secret: all others are masked where a config is shown, and not written down.

        Raises:
            ValidationError: The name is empty, or the handler has none of the methods.
        """
        _check_name(provider)
        if not any(callable(getattr(handler, name, None)) for name in HANDLER_METHODS):
            raise ValidationError(
                f"the handler for {provider!r} has none of the methods "
                f"{', '.join(HANDLER_METHODS)}; write at least one"
            )

        declare_open(provider, getattr(handler, "open_settings", ()))
        with self._lock:
            # By its type it would have to have all four methods; each is looked for when called.
            self._handlers[provider] = cast("ProviderHandler", handler)

    def register_provider_field_mapping(
        self, provider: str, mapping: Mapping[str, Mappers]
    ) -> None:
        """Add field mappers for models of a provider, by model id or prefix.

        A provider may be registered after its mappings, so a name that nobody knows is no error;
        one that looks like a mistyped built-in one is warned of.

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
        known = built_in_mappers(provider, self.registered_mapping(provider))
        return MappingProxyType(known) if known else None

    def handler(self, provider: str) -> ProviderHandler | None:
        """Return the registered handler of this name."""
        return self._handlers.get(provider)

    def check_known(self, provider: str, *, mocked: bool = False) -> None:
        """Check that there is a provider of this name.

        Args:
            provider: The name.
            mocked: Whether the mock answers, which does so for any name: one that looks mistyped
                is warned of.

        Raises:
            ValidationError: There is none; the message lists the known ones and the nearest.
        """
        if provider in BUILT_IN or provider in self._handlers:
            return

        known = self._names()
        near = self._near(provider)
        hint = f"; did you mean {near!r}?" if near else "."
        if not mocked:
            raise ValidationError(
                f"Unknown provider {provider!r}{hint} Known: {', '.join(known)}; "
                "register_provider() adds your own",
                provider,
            )

        if near:
            warn(f"Unknown provider {provider!r}{hint} The mock answers all the same")

    def _near(self, provider: str, *, alike: float = 0.6) -> str | None:
        """Return the known name that one which nobody knows looks like; None for a known one."""
        if provider in BUILT_IN or provider in self._handlers:
            return None

        name = provider.lower()
        return next(iter(difflib.get_close_matches(name, self._names(), n=1, cutoff=alike)), None)

    def _names(self) -> list[str]:
        return sorted({*BUILT_IN.keys() - SPELLINGS, *self._handlers})

    def adapter(self, provider: str, *, need_extra: bool = True) -> Adapter:
        """Return the built-in adapter of this name.

        Args:
            provider: A built-in name.
            need_extra: Whether what the extra installs will be used.

        Raises:
            ValidationError: Its extra is not installed; the message names it. Or nobody knows it,
                or it is a registered handler, which has no jobs.
        """
        row = BUILT_IN.get(provider)
        if row is None:
            self.check_known(provider)
            raise ValidationError(
                f"{provider!r} is a registered handler, which has no jobs to look at", provider
            )

        if need_extra and not row.installed:
            how = how_to_install(row.extra or "all", upgrade=bool(row.trouble))
            raise ValidationError(
                f"{provider} needs the extra {row.extra!r}{row.trouble}: {how}",
                provider,
                submission="not_sent",
            )

        adapter: Adapter = import_module(f".providers.{row.module}", __package__).adapter
        return adapter

    def environment_variable(self, provider: str) -> str | None:
        """Return where the key of a built-in provider is read from."""
        return BUILT_IN[provider].environment_variable if provider in BUILT_IN else None

    def list_providers(self) -> list[ProviderInfo]:
        """Return every provider that a config may name, in alphabetical order."""
        return [self._info(name) for name in self._names()]

    def _info(self, name: str) -> ProviderInfo:
        handler = self._handlers.get(name)
        if handler is not None:
            kinds: tuple[Literal["video", "image"], ...] = ("video", "image")
            has = {kind: _makes(handler, kind) for kind in kinds}
            return ProviderInfo(
                name=name,
                modalities=tuple(kind for kind in kinds if has[kind]),
                installed=True,
                registered=True,
            )

        row, models = BUILT_IN[name], self.models_with_keys(name)
        present = tuple(one for one, model in models.items() if self._has_key(name, model))
        return ProviderInfo(
            name=name,
            modalities=row.modalities,
            installed=row.installed,
            extra=row.extra,
            key_present=bool(present),
            environment_variable=row.environment_variable,
            environment_variables=tuple(models),
            variables_present=present,
        )

    def _has_key(self, name: str, model: str) -> bool:
        # The adapter knows all the places, such as a key in two halves.
        config = VideoGenerationConfig(provider=name, model=model)
        return bool(self.adapter(name, need_extra=False).find_key(config, os.environ))

    def models_with_keys(self, provider: str) -> Mapping[str, str]:
        """Return, for each of a built-in provider's variables, a model that its key is for."""
        row = BUILT_IN[provider]
        return {row.environment_variable: "any", **dict(row.further_keys)}


def _check_name(provider: object) -> None:
    if not isinstance(provider, str) or not provider.strip():
        raise ValidationError("the provider's name is empty, or no text")


def _makes(handler: ProviderHandler, kind: str) -> bool:
    names = (f"generate_{kind}", f"generate_{kind}_async")
    return any(callable(getattr(handler, name, None)) for name in names)


default_registry = Registry()
"""What the module-level functions use."""


def register_provider(provider: str, handler: object) -> None:
    """Register a provider for the module-level functions; see `Registry.register_provider`."""
    default_registry.register_provider(provider, handler)


def register_provider_field_mapping(provider: str, mapping: Mapping[str, Mappers]) -> None:
    """Add field mappers; see `Registry.register_provider_field_mapping`."""
    default_registry.register_provider_field_mapping(provider, mapping)


def get_provider_field_mapping(provider: str) -> Mapping[str, Mappers] | None:
    """Return all field mappers of a provider; see `Registry.get_provider_field_mapping`."""
    return default_registry.get_provider_field_mapping(provider)


def list_providers() -> list[ProviderInfo]:
    """Return every provider that a config may name, in alphabetical order."""
    return default_registry.list_providers()
