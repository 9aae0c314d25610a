"""What a model takes, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from .._data._types import JsonObject, Kind
from .._support._dataclass import dataclass
from ..mapping import FieldMapper, Joint, Rule

if TYPE_CHECKING:
    from .._data._exchange import Request
    from ..models import Adjustment

Source = Literal["registered", "live", "package", "relative", "generic"]
"""Where what is known of a model comes from, best first."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of one provider.

    Attributes:
        provider: The provider's name.
        model: The model's id as it is sent.
        kind: What is asked of it.
        mappers: Which request field becomes which parameter.
        alternatives: Where this model can't take something, the id of one that can: by image role,
            `video`, `mask_image`, or `text` for a model that needs no image.
        generic: Whether nothing is known of this model and the provider's fallback serves.
        schema: The reduced JSON Schema of its input; None where none is known.
        outputs: What it makes; empty where nobody says.
        schema_warning: Why its schema is not to be trusted in all; None where it is.
        guess_warning: Why all of this is a guess; None where it isn't. Said with each request, and
            never refused: a model that is new must work.
        source: Where this comes from.
        facts: Name, category, dates, as the provider states them.
        variant: Returns the id of the relative that takes a request's media; None where there is
            no way to know.
        endpoint: Which of the provider's endpoints takes the request, where a model has several.
        adjustments: What was adapted before any mapper is asked: the model itself, or values that
            only make sense together.
        joints: Limits that one field puts to another.
        rules: What it takes only beside something else, or never beside it.
    """

    provider: str
    model: str
    kind: Kind
    mappers: Mapping[str, FieldMapper]
    alternatives: Mapping[str, str] = field(default_factory=dict)
    generic: bool = False
    schema: Mapping[str, Any] | None = None
    outputs: tuple[str, ...] = ()
    schema_warning: str | None = None
    guess_warning: str | None = None
    source: Source = "generic"
    facts: JsonObject = field(default_factory=dict)
    variant: Callable[[Request], str | None] | None = field(default=None, compare=False)
    endpoint: str | None = None
    adjustments: tuple[Adjustment, ...] = ()
    joints: tuple[Joint, ...] = ()
    rules: tuple[Rule, ...] = ()
