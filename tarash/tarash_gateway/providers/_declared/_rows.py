"""What a provider's own rows say of its models: what is declared, less what one has not. Pure.

A row is kept as a schema of the parameters that rows tell of, so that it is stored like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._support._paths import value_at as one
from ..._support._paths import values_at as every
from ...mapping import FieldMapper
from .._facts import mapping
from ._choosing import together
from ._mappers import mappers_of
from ._names import holds
from ._takes import Model, Take

if TYPE_CHECKING:
    from ..._data._types import Kind
    from ._model import ProviderDeclaration
    from ._stages import Schemas


def schema_in(row: Any, how: Schemas) -> dict[str, Any]:
    """Return what a row says, as a schema of the parameters that rows tell of."""
    properties: dict[str, Any] = {"prompt": {"type": "string"}}
    for name, path in how.values.items():
        values = [value for value in every(row, f"{path}[]") if isinstance(value, str | int)]
        if values:
            kind = "string" if isinstance(values[0], str) else "integer"
            properties[name] = {"type": kind, "enum": values}

    for name, span in how.spans.items():
        low, high = one(row, span.low), one(row, span.high)
        if type(low) in (int, float) and type(high) in (int, float):
            properties[name] = {"type": "number", "minimum": low, "maximum": high}

    taken = {name: holds(flag, row) for name, flag in how.taken_if.items()}
    taken |= {name: not holds(flag, row) for name, flag in how.not_taken_if.items()}
    return {
        "type": "object",
        "properties": {**{name: {} for name, has in taken.items() if has}, **properties},
    }


def narrowed(declaration: ProviderDeclaration, form: Model, schema: Mapping[str, Any]) -> Model:
    """Return a form without what the model's own row has not."""
    how = declaration.schemas_for(form.kind)
    in_rows = frozenset() if how is None else how.in_rows
    properties: Mapping[str, Any] = schema.get("properties") or {}
    gone = {take.source for name, take in form.takes.items() if name in in_rows - properties.keys()}
    takes = {}
    for name, take in form.takes.items():
        if name in in_rows and name not in properties:
            continue

        # Where there is no place for the other field, this one need not give way to it.
        limits = _limits(take, mapping(properties.get(name))) if name in in_rows else {}
        lacks = tuple(one for one in take.lacks if one not in gone)
        takes[name] = take.model_copy(update={**limits, "lacks": lacks})

    return form.model_copy(update={"takes": takes})


def _limits(take: Take, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row says of a parameter's values."""
    allowed, most = schema.get("enum"), schema.get("maximum")
    if allowed:
        default = take.default if take.default in allowed else None
        listed = {"allowed": tuple(allowed), "low": None, "high": None}
        return {**listed, "free": False, "default": default}

    low = schema.get("minimum")
    return {} if low is None or most is None else {"allowed": None, "low": low, "high": most}


class Narrowing:
    """Tells the catalogue what a model takes whose row was read."""

    def __init__(self, declaration: ProviderDeclaration) -> None:
        self._said = declaration

    def __call__(self, model: str, kind: Kind, schema: Mapping[str, Any]) -> dict[str, FieldMapper]:
        """Return what one or another form of the model takes."""
        forms = self._said.forms_of(kind, model)
        return together(
            [mappers_of(self._said, kind, narrowed(self._said, form, schema)) for form in forms]
        )
