"""Price lines by provider and model, and how they are read: of a file, of a list, as shipped."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError as Malformed

from ..._data._money import PriceLine
from ..._support._shipped import shipped as content_of
from ...exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIPPED = "prices.jsonl"
IN_FRONT = re.compile(r'\{"provider": "([^"]+)"')


class PriceBook:
    """Price lines by provider and model; they never change."""

    def __init__(self, lines: Iterable[PriceLine] = ()) -> None:
        """Hold these lines."""
        self._by_provider: dict[str, dict[str, list[PriceLine]]] = {}
        for line in lines:
            models = self._by_provider.setdefault(line.provider, {})
            models.setdefault(line.model, []).append(line)

    def __iter__(self) -> Iterator[PriceLine]:
        for models in self._by_provider.values():
            for lines in models.values():
                yield from lines

    def lines(self, provider: str, model: str) -> Sequence[PriceLine]:
        """Return the lines of a model: by its exact id, else the longest prefix; empty if none."""
        models = self._by_provider.get(provider, {})
        name = _name_for(model, models)
        return () if name is None else models[name]


def _name_for(model: str, names: Collection[str]) -> str | None:
    """Return the name in a book that covers a model: its own, else the longest prefix."""
    if model in names:
        return model

    fitting = (
        name for name in names if name.endswith("*") and model.startswith(name.removesuffix("*"))
    )
    return max(fitting, key=len, default=None)


class ShippedBook(PriceBook):
    """Rows of a file with a provider in front; each is read when its model is priced."""

    def __init__(self, rows: Sequence[str]) -> None:
        """Begin with these rows.

        Raises:
            ValidationError: One has no provider in front.
        """
        super().__init__()
        self._lock = threading.Lock()
        self._unread: dict[str, list[tuple[int, str]]] = {}
        self._unmade: dict[str, dict[str, list[tuple[int, Any]]]] = {}
        for number, row in enumerate(rows, 1):
            named = IN_FRONT.match(row)
            if named is None:
                raise ValidationError(f"{SHIPPED}:{number}: has no provider in front")

            self._unread.setdefault(named[1], []).append((number, row))

    def __iter__(self) -> Iterator[PriceLine]:
        for provider in self._unread:
            for name in self._read(provider):
                yield from self._made(provider, name)

    def lines(self, provider: str, model: str) -> Sequence[PriceLine]:
        """Return the lines of a model, as any book does."""
        name = _name_for(model, self._read(provider))
        return () if name is None else self._made(provider, name)

    def _read(self, provider: str) -> Mapping[str, list[tuple[int, Any]]]:
        """Return a provider's rows, by the model that they name."""
        known = self._unmade.get(provider)
        if known is not None or provider not in self._unread:
            return known or {}

        by_model: dict[str, list[tuple[int, Any]]] = {}
        for number, row in self._unread[provider]:
            content = _read_row(row, SHIPPED, number)
            by_model.setdefault(content.get("model", ""), []).append((number, content))

        self._unmade[provider] = by_model  # at once: whoever reads meanwhile makes an equal one
        return by_model

    def _made(self, provider: str, name: str) -> list[PriceLine]:
        """Return the lines of a model: to check one costs ten times as much as to read it."""
        models = self._by_provider.setdefault(provider, {})
        with self._lock:  # who waits for it finds all lines of the model, and each of them once
            if name not in models:
                rows = self._unmade[provider][name]
                models[name] = [_line_in(row, SHIPPED, number) for number, row in rows]

            return models[name]


@cache
def shipped() -> PriceBook:
    """Return the lines that ship with the package; read on first use."""
    text = content_of("tarash.tarash_gateway.catalog", f"data/{SHIPPED}").decode()
    return ShippedBook(text.splitlines())


def read_lines(rows: Iterable[str], name: str) -> Iterator[PriceLine]:
    """Yield the price lines of a file with one JSON object a row.

    Raises:
        ValidationError: A row is no price line; the message names it.
    """
    for number, row in enumerate(rows, 1):
        if row.strip():
            yield line_in(row, name, number)


def line_in(row: str, name: str, number: int) -> PriceLine:
    """Return the price line of a row.

    Raises:
        ValidationError: It is none; the message names it.
    """
    return _line_in(_read_row(row, name, number), name, number)


def _read_row(row: str, name: str, number: int) -> Any:
    try:
        return json.loads(row)
    except ValueError as error:
        raise ValidationError(f"{name}:{number}: {reason_of(error)}") from error


def _line_in(content: Any, name: str, number: int) -> PriceLine:
    try:
        return line_of(content)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValidationError(f"{name}:{number}: {reason_of(error)}") from error


def line_of(given: PriceLine | Mapping[str, Any]) -> PriceLine:
    """Return one price line.

    Raises:
        ValueError: It is none; pydantic's own error says which field is wrong.
    """
    if isinstance(given, PriceLine):
        return given

    known = {name: value for name, value in given.items() if name not in NOTES}
    return PriceLine.model_validate(known)


NOTES = frozenset({"id", "conflicts", "confirmed_by", "note", "notes"})
"""What lists of prices say beside a line, and no quote reads."""


def taken(
    lines: Iterable[PriceLine | Mapping[str, Any]] | str | PathLike[str],
) -> list[PriceLine]:
    """Return the price lines of a list, or of a file with one JSON object a row.

    Raises:
        ValidationError: One is no price line, or there is no such file.
    """
    if isinstance(lines, str | PathLike):
        path = Path(lines)
        try:
            rows = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise ValidationError(f"The price list {path} can't be read: {error}") from error

        return list(read_lines(rows, str(path)))

    made = []
    for number, line in enumerate(lines, 1):
        try:
            made.append(line_of(line))
        except (ValueError, TypeError, AttributeError) as error:
            raise ValidationError(f"Price line {number}: {reason_of(error)}") from error

    return made


def reason_of(error: Exception) -> str:
    """Return why something is no price line, without what it holds."""
    if isinstance(error, Malformed):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        return f"{where}: {reason}" if where else reason

    return f"it is no JSON object with a price ({error})"
