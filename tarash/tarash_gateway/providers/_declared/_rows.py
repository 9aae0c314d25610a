"""What a provider's own rows say of its models: what is declared, less what one has not. Pure.

A row is kept as a schema of the parameters that rows tell of, so that it is stored like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._support._paths import values_at as every
from ...mapping import FieldMapper
from .._facts import mapping
from ._choosing import together
from ._mappers import mappers_of
from ._names import holds
from ._takes import Model

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

    taken = {name: holds(flag, row) for name, flag in how.taken_if.items()}
    taken |= {name: not holds(flag, row) for name, flag in how.not_taken_if.items()}
    return {
        "type": "object",
        "properties": {**properties, **{name: {} for name, has in taken.items() if has}},
    }


def narrowed(said: ProviderDeclaration, form: Model, schema: Mapping[str, Any]) -> Model:
    """Return a form without what the model's own row has not."""
    told = frozenset() if said.schemas is None else said.schemas.in_rows
    properties: Mapping[str, Any] = schema.get("properties") or {}
    takes = {}
    for name, take in form.takes.items():
        allowed = mapping(properties.get(name)).get("enum")
        if name not in told:
            takes[name] = take
        elif allowed:
            default = take.default if take.default in allowed else None
            limits = {"allowed": tuple(allowed), "low": None, "high": None, "default": default}
            takes[name] = take.model_copy(update=limits)
        elif name in properties:
            takes[name] = take

    return form.model_copy(update={"takes": takes})


class Narrowing:
    """Tells the catalogue what a model takes whose row was read."""

    def __init__(self, said: ProviderDeclaration) -> None:
        self._said = said

    def __call__(self, model: str, kind: Kind, schema: Mapping[str, Any]) -> dict[str, FieldMapper]:
        """Return what one or another form of the model takes."""
        forms = self._said.forms_of(kind, model)
        return together(
            [mappers_of(self._said, kind, narrowed(self._said, one, schema)) for one in forms]
        )
