"""Built-in providers whose folder holds a declaration, `provider.toml`, read on first use.

The row says by itself what importing the package needs, so that no file is read for it.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .._support._shipped import shipped
from ..catalog import Schemas
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
        if name.startswith("__") or "MODELS" in self.__dict__:
            raise AttributeError(name)

        from ._declared._load import models_of

        self.__dict__.update(models_of(declaration(self.__dict__["package"])).__dict__)
        if name not in self.__dict__:
            raise AttributeError(name)

        return self.__dict__[name]
