"""The base of all public data classes: frozen, cheap to define, silent about input in errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

T = TypeVar("T")


class _Tuple:
    """Validates a sequence, or what else pydantic makes a tuple of, into a tuple."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        kept: Any = tuple
        return handler.generate_schema(kept[*get_args(source), ...])


Several = Annotated[Sequence[T], _Tuple()]
"""Of a frozen class: kept as a tuple. Type checkers let users write a list, as they do."""
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


SHOWN_CHARACTERS = 200
"""Of text without a space, such as base64, in a `repr`."""


class Data(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        defer_build=True,
        hide_input_in_errors=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        protected_namespaces=(),
    )

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            yield name, value if name == "prompt" else _shown(value)


def _shown(value: Any) -> Any:
    """Return a value as a `repr` shows it: without bytes, and without the whole of their base64."""
    if isinstance(value, Mapping):
        content = value.get("content")
        if isinstance(content, bytes):
            return f"<{value.get('content_type')}, {len(content)} bytes>"

        return {name: _shown(one) for name, one in value.items()}

    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"

    if type(value) in (list, tuple):
        return type(value)(_shown(one) for one in value)

    return value if not isinstance(value, str) or _is_legible(value) else _shortened(value)


def _is_legible(text: str) -> bool:
    """Tell whether text may be meant for reading, or for opening: a signed URL is long, too."""
    short = len(text) <= SHOWN_CHARACTERS or " " in text[:100]
    return short or text.startswith(("https://", "http://"))


def _shortened(text: str) -> str:
    return f"{text[:40]}… ({len(text)} characters)"
