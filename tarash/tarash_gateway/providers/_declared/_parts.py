"""What all parts of a declaration are made of: paths, predicates, and when a part is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..._data._types import Kind


def _compiled(pattern: str) -> str:
    try:
        re.compile(f"(?:{pattern})")  # as a part of a longer one, in which flags can't stand
    except re.error as error:
        hint = "; write flags with their part: (?i:…)" if pattern.startswith("(?") else ""
        raise ValueError(f"{pattern!r} is no pattern: {error}{hint}") from error

    return pattern


def _plain(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise ValueError("a value is a text, a number, or true or false")  # noqa: TRY004

    return value


Plain = Annotated[Any, AfterValidator(_plain)]
Text = Annotated[str, Field(min_length=1)]
PATH_PATTERN = r"^[^.\s]+( [^.\s]+)*(\.[^.\s]+( [^.\s]+)*)*$"
Path = Annotated[str, Field(pattern=PATH_PATTERN)]
"""Names with dots between, which may be of several words; a number is a place in a list, and
`name[]` is each of a list."""
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Pattern = Annotated[str, AfterValidator(_compiled)]
"""A regular expression."""
Place = Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]
"""A function, as `module:name`."""
Means = Literal[
    "moderation", "quota", "account", "unknown_model", "invalid", "rate", "failed", "gone",
    "unknown",
]  # fmt: skip
Word = Literal["queued", "processing", "completed", "failed", "gone"]
"""Our word for a status; `gone` for a job that the provider doesn't know (any more)."""


def _by_status(written: Any) -> Any:
    """Return our word for each status, where some stand in lists at our word."""
    if not isinstance(written, Mapping):
        return written

    statuses: dict[str, Any] = {}
    for name, value in written.items():
        theirs = {name: value} if not isinstance(value, list) else _listed(value, name)
        for status, ours in theirs.items():
            before = statuses.setdefault(status, ours)
            if before != ours:
                raise ValueError(f"the status {status!r} can't mean both {before} and {ours}")

    return statuses


def _listed(theirs: list[Any], ours: str) -> dict[str, str]:
    if not all(isinstance(status, str) for status in theirs):
        raise ValueError(f"{ours} holds what is no text: list the provider's statuses in quotes")

    return dict.fromkeys(theirs, ours)


Statuses = Annotated[
    dict[str, Word],
    BeforeValidator(_by_status, json_schema_input_type=dict[str, Word | list[str]]),
]
"""Our word for each status of the provider's; or, at our word, the list of theirs."""


class Section(BaseModel):
    """The base of all parts: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Predicate(Section):
    """What a body has at a path: one of `values`, none of `unless`, or anything but nothing."""

    at: Path
    values: tuple[Any, ...] = ()
    unless: tuple[Any, ...] = ()


class Fits(Section):
    """A part of which there may be several: the first that fits a job's model and kind is used."""

    kind: Kind | None = None
    models: tuple[str, ...] = ()
    not_models: tuple[str, ...] = ()
    """Models that it is not for; as in `models`, a `*` at the end stands for any rest."""


class Pick(Section):
    """Media in a list of mixed things: of the items that are meant, what stands at a path."""

    items: Path
    where: Predicate
    at: Path


Some = TypeVar("Some", bound=Fits)


def first_of(parts: Iterable[Some], kind: str, model: str) -> Some | None:
    """Return the first part that is for a kind and a model; None where none is."""
    return next((part for part in parts if is_for(part, kind, model)), None)


def is_for(part: Fits, kind: str, model: str) -> bool:
    """Tell whether a part is used for a kind and a model."""
    if part.kind not in (None, kind) or is_named(model, part.not_models):
        return False

    return not part.models or is_named(model, part.models)


def is_named(model: str, names: Iterable[str]) -> bool:
    """Tell whether a model's id is among names, of which those with a `*` at their end begin it."""
    return any(
        model.startswith(name[:-1]) if name.endswith("*") else model == name for name in names
    )


def _several(value: Any) -> Any:
    return [value] if isinstance(value, Mapping | BaseModel) else value


SEVERAL = BeforeValidator(_several)
"""For what may be one table, or an array of tables."""
ONE_OR_MORE = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
"""For what may be one text, or an array of texts."""
