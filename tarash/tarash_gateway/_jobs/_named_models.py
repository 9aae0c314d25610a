"""What is known of a model that somebody else names, before anything is made of the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._data._model_ids import bare_model_id
from .._data._types import Kind
from .._support._dataclass import dataclass
from ..catalog import outputs_of
from ..models import PriceLine, ProviderInfo
from ._prices import list_prices

if TYPE_CHECKING:
    from ._gateway import Gateway

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
