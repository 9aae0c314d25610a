"""Rows of declared providers: those that ship in a folder of their own, and those in users' files.

A row that ships says by itself what importing the package needs, so that no file is read for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .._support._shipped import shipped
from .._support._warnings import warn
from ..catalog import Schemas
from ..exceptions import ValidationError
from ._provider import BOTH, KeyVariable, Modality, Provider

if TYPE_CHECKING:
    from .._data._types import Kind
    from ..catalog import Tariffs
    from ._declared import ProviderDeclaration
    from ._declared._adapter import DeclaredAdapter

DECLARATION = "provider.toml"


def declared_folder(  # noqa: PLR0913  (what a row is made of, each by name)
    package: str,
    name: str,
    title: str,
    *,
    keys: tuple[str | KeyVariable, ...],
    modalities: tuple[Modality, ...] = BOTH,
    aliases: tuple[str, ...] = (),
    open_settings: tuple[str, ...] = ("region",),
    extra: str | None = None,
    schemas_of: tuple[str, ...] = (),
    schemas_make: Kind | None = None,
    prices: Tariffs | None = None,
) -> Provider:
    """Return the row of a provider that a folder declares; a test holds it to the declaration.

    Args:
        package: The folder's package: `__name__` of its `__init__`.
        name: The provider's name.
        title: How it is called in text.
        keys: The variables that its key is read from; those of a product with one of its models.
        modalities: What it makes.
        aliases: Other spellings of the name.
        open_settings: Names in `provider_config` that hold no secret.
        extra: The extra of the distribution that users may name for it.
        schemas_of: The provider's domains, where it lists the schemas of its models.
        schemas_make: What all of these make, where that is one thing.
        prices: Where it publishes its prices.
    """
    place = f"{__name__}:{package}"
    return Provider(
        name=name,
        title=title,
        adapter=place,
        keys=tuple(KeyVariable(key) if isinstance(key, str) else key for key in keys),
        modalities=modalities,
        models=_Models(package),
        aliases=aliases,
        open_settings=open_settings,
        extra=extra,
        schemas=Schemas(place, schemas_of, listed=True, on_first_use=True, makes=schemas_make)
        if schemas_of
        else None,
        prices=prices,
    )


def __getattr__(package: str) -> DeclaredAdapter:
    """Return the adapter of a folder: a row names it as `…_folders:<package>`."""
    if package.startswith("__"):
        raise AttributeError(package)

    return _adapter(package)


@lru_cache
def declaration(package: str) -> ProviderDeclaration:
    """Return the declaration in a folder of the package."""
    from ._declared._load import parse

    return parse(
        f"{package}/{DECLARATION}",
        lambda: shipped(package, DECLARATION),
        lambda name: shipped(package, name),
    )


@lru_cache
def _adapter(package: str) -> DeclaredAdapter:
    from ._declared._adapter import DeclaredAdapter

    return DeclaredAdapter(declaration(package))


class _Models(ModuleType):
    """What a folder declares of its models, read when somebody asks."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package}.models")
        self.__dict__["package"] = package

    def __getattr__(self, name: str) -> Any:
        # The catalogue asks for more than most declarations say: no reason to read it all again.
        read = self.__dict__
        if not name.startswith("__") and "MODELS" not in read:
            from ._declared._load import models_of

            read.update(models_of(declaration(read["package"])).__dict__)

        if name not in read:  # looked at now: another thread may have read them since it was missed
            raise AttributeError(name)

        return read[name]


def row_of(source: str | Path | Mapping[str, Any]) -> Provider:
    """Return the row of a declared provider; what reads declarations is loaded when needed."""
    from ._declared import declared_provider

    return declared_provider(source)


def of_the_environment() -> list[Provider]:
    """Return the rows of the folder's TOML files; one that is no declaration is warned of."""
    folder = os.environ.get("TARASH_PROVIDERS")
    rows = []
    if folder and not Path(folder).is_dir():
        warn(f"TARASH_PROVIDERS names no folder that is there: {folder!r}")

    for path in sorted(Path(folder).glob("*.toml")) if folder else ():
        try:
            rows.append(row_of(path))
        except ValidationError as error:
            warn(f"{error.message} (found by TARASH_PROVIDERS, and left out)")

    return rows
