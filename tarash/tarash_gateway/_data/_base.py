"""The base of all public data classes: frozen, cheap to define, silent about input in errors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    LiteralString,
    Self,
    TypeVar,
    cast,
    get_args,
    get_origin,
)

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import (
    ErrorDetails,
    InitErrorDetails,
    PydanticCustomError,
    PydanticKnownError,
    core_schema,
)

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ModelWrapValidatorHandler

T = TypeVar("T")


class _Tuple:
    """Validates a sequence, or what else pydantic makes a tuple of, into a tuple."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        kept: Any = tuple
        (of,) = get_args(source)
        schema = handler.generate_schema(kept[of, ...])
        where = handler.field_name or "it"

        def check(value: Any) -> Any:
            if _is_several(value):
                return value

            message = (
                f"needs a list of {_name(of)}, even for one: {where}=[…]; this is of type "
                f"{type(value).__name__}"
            )
            raise PydanticCustomError("list_type", "{said}", {"said": message})

        return core_schema.no_info_before_validator_function(check, schema)


def _is_several(value: Any) -> bool:
    """Tell whether there are elements to take: a model or a file has parts of another kind."""
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping | BaseModel):
        return False

    return value is None or (isinstance(value, Iterable) and not hasattr(value, "read"))


def _name(of: Any) -> str:
    plain = get_args(of)[0] if get_origin(of) is Annotated else of
    return plain.__name__ if isinstance(plain, type) else "values"


Several = Annotated[Sequence[T], _Tuple()]
"""Of a frozen class: kept as a tuple. Type checkers let users write a list, as they do."""
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Unseen:
    """Beside a model's fields, for this process only: equal to any other, so never compared."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __deepcopy__(self, memo: object) -> Self:
        return self


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

    if not TYPE_CHECKING:  # who checks types is to see no way to set anything

        def __setattr__(self, name: str, value: object) -> None:
            """Refuse to be changed, without the value: it may be a key, and pydantic shows it."""
            if name.startswith("_"):
                super().__setattr__(name, value)
                return

            message = f"it can't be changed; make another: model_copy(update={{{name!r}: ...}})"
            raise ValidationError.from_exception_data(
                type(self).__name__, [_finding("frozen_instance", name, message)], hide_input=True
            )

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            yield name, value if name == "prompt" else _shown(value)


class Settings(Data):
    """Data that refuses a name it doesn't know: ignored, a mistyped one would be paid for."""

    model_config = ConfigDict(extra="forbid")
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Where names belong that are known, but not here."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data

        unknown = [str(name) for name in data if name not in cls.model_fields]
        if unknown:
            # All by themselves: that a mistyped `model` is missing too would say nothing more.
            # Without their values, of which one may be a key.
            raise ValidationError.from_exception_data(
                cls.__name__,
                [_finding("extra_forbidden", name, cls._unknown(name)) for name in unknown],
            )

        return data

    @model_validator(mode="wrap")
    @classmethod
    def _without_inputs(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Let no error hold what was given: `errors()` shows it, also where its text hides it."""
        try:
            return handler(data)
        except ValidationError as error:
            findings = [_without_input(finding) for finding in error.errors(include_url=False)]

        # Outside the handler, so that the error with the inputs is not its context.
        raise ValidationError.from_exception_data(cls.__name__, findings, hide_input=True)

    @classmethod
    def _unknown(cls, name: str) -> str:
        """Return a sentence on a name that is no field."""
        if name in cls.elsewhere:
            return f"{cls.__name__} has no field {name!r}; {cls.elsewhere[name]}"

        near = difflib.get_close_matches(name, cls.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(cls.model_fields)}"
        return f"{cls.__name__} has no field {name!r}; {hint}"


def _finding(kind: LiteralString, name: str, message: str) -> InitErrorDetails:
    """Return a finding of our own about a field."""
    words = PydanticCustomError(kind, "{said}", {"said": message})
    return InitErrorDetails(type=words, loc=(name,), input=None)


def _without_input(error: ErrorDetails) -> InitErrorDetails:
    """Return one finding of an error, in the same words, without the value that it is about."""
    kind, message, context = error["type"], error["msg"], error.get("ctx") or {}
    try:
        known = PydanticKnownError(cast("Any", kind), context).message() == message
    except (KeyError, TypeError):
        known = False

    finding: str | PydanticCustomError = kind
    if not known:
        finding = PydanticCustomError(cast("Any", kind), "{said}", {**context, "said": message})

    return InitErrorDetails(type=finding, loc=error["loc"], input=None, ctx=context)


def _shown(value: Any) -> Any:
    """Return a value as a `repr` shows it: without bytes, and without the whole of their base64."""
    if isinstance(value, Mapping):
        content = value.get("content")
        if isinstance(content, bytes):
            return f"<{value.get('content_type')}, {len(content)} bytes>"

        return {name: _shown(inner) for name, inner in value.items()}

    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"

    if type(value) in (list, tuple):
        return type(value)(_shown(item) for item in value)

    return value if not isinstance(value, str) or _is_legible(value) else _shortened(value)


def _is_legible(text: str) -> bool:
    """Tell whether text may be meant for reading, or for opening: a signed URL is long, too."""
    short = len(text) <= SHOWN_CHARACTERS or " " in text[:100]
    return short or text.startswith(("https://", "http://"))


def _shortened(text: str) -> str:
    return f"{text[:40]}… ({len(text)} characters)"
