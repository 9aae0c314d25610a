"""What is known of a model that somebody else names, before anything is made of the name."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._data._sendable import bare_model_id
from .._data._types import Kind
from .._http._key_lookup import base_url_variable
from ..catalog import having, mistyped_for, outputs_of
from ..models import PriceLine, ProviderInfo
from ._prices import list_prices

if TYPE_CHECKING:
    from ._gateway import Gateway

MOST_ALIKE = 3
"""Models that are suggested for a name."""
KINDS: tuple[Kind, ...] = ("video", "image")


@dataclass(frozen=True, slots=True)
class NamedModel:
    """What is known of a model by its name.

    Attributes:
        is_file: Whether the name is that of a file, which this machine opens.
        makes: What it can make; both where nobody knows.
    """

    is_file: bool
    makes: tuple[Kind, ...]


def named_model(gateway: Gateway, provider: str, model: str) -> NamedModel:
    """Return what is known of a model.

    Raises:
        ValidationError: There is no such provider, also where the mock would answer in its place.
    """
    registry = gateway._shared.registry  # noqa: SLF001  (it is ours)
    registry.check_known(provider)
    row = registry.row(provider)
    if row is None:  # a handler, which says of itself what it makes when it is called
        return NamedModel(is_file=False, makes=KINDS)

    with registry.in_force():
        outputs = outputs_of(provider, _bare(provider, model))

    makes = tuple(kind for kind in KINDS if kind in (outputs or row.modalities))
    return NamedModel(row.models_are_files, makes or KINDS)


def mistyped(gateway: Gateway, provider: str, model: str, base_url: str | None) -> list[str]:
    """Return the ids of a provider's that a model's name is almost certainly meant for.

    None where the catalogue has the model, where it may be a new one, and where somebody else's
    server stands in the provider's place, who may call models as he likes.

    Args:
        gateway: Knows the providers.
        provider: The provider's name.
        model: The model's name.
        base_url: What stands in the place of the provider's host, where that is configured.
    """
    registry = gateway._shared.registry  # noqa: SLF001  (it is ours)
    row = registry.row(provider)
    is_elsewhere = base_url or os.environ.get(base_url_variable(provider), "").strip()
    if row is None or row.models_are_files or is_elsewhere:
        return []

    with registry.in_force():
        return mistyped_for(provider, _bare(provider, model))


def named_alike(gateway: Gateway, name: str, usable: Collection[str]) -> list[str]:
    """Return `provider/model` of what may be meant by a name without a provider. Reads files.

    Args:
        gateway: Knows the providers.
        name: The model's name, as its maker calls it.
        usable: The providers that can be asked now; others are named where none of these has it.
    """
    with gateway._shared.registry.in_force():  # noqa: SLF001  (it is ours)
        holders = having(name)

    ready = [one for one in holders if one[0] in usable]
    return [f"{provider}/{model}" for provider, model in (ready or holders)[:MOST_ALIKE]]


def providers_of(gateway: Gateway) -> list[ProviderInfo]:
    """Return every provider that a config of a gateway may name, in alphabetical order."""
    return gateway._shared.registry.list_providers()  # noqa: SLF001  (it is ours)


def prices_of(gateway: Gateway, provider: str, model: str) -> list[PriceLine]:
    """Return the price lines that a gateway's quotes of a model go by; empty if unknown."""
    with gateway._shared.registry.in_force():  # noqa: SLF001  (as above)
        return list_prices(provider, model)


def _bare(provider: str, model: str) -> str:
    try:
        return bare_model_id(provider, model)
    except ValueError:  # whoever plans with it says why
        return model
