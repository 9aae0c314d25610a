"""Which price lines there are: the user's own, before those that ship. Read on first use.

Those that the user has fetched from providers are kept beside their schemas. What another host said
than the provider's own is looked at only where that host is asked.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._data._money import PriceLine
from ..._data._types import JsonObject
from ...exceptions import ValidationError
from .._schema_store import live_path, source_of
from .._sources import described_by, names_of
from ._book import PriceBook, read_lines, shipped, taken
from ._quantities import is_for

if TYPE_CHECKING:
    from ..._data._types import Kind

_read: dict[str, PriceBook | None] = {}
_lock = threading.Lock()


def fetched(provider: str) -> Iterator[PriceBook]:
    """Yield what was fetched of a provider's prices, the host's that is asked first."""
    source = source_of(provider)
    for name in (provider,) if source == provider else (source, provider):
        try:
            book = _read[name]
        except KeyError:
            with _lock:
                book = _read[name] = _book(name)

        if book is not None:
            yield book


def place_of(source: str) -> Path:
    """Return where the prices of a source are kept."""
    return live_path(source).with_name(f"prices-{source}.jsonl")


def _book(source: str) -> PriceBook | None:
    try:
        path = place_of(source)
        rows = path.read_text(encoding="utf-8").splitlines()
        return PriceBook(read_lines(rows, str(path)))
    except (OSError, UnicodeError, ValidationError):  # none, or not ours: as with schemas
        return None


def keep(source: str, lines: Sequence[JsonObject]) -> Path:
    """Write fetched price lines in place of those before, whole or not at all; return where.

    Raises:
        OSError: The folder can't be written.
    """
    path = place_of(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)

    with _lock:
        _read.pop(source, None)

    return path


def forget() -> None:
    """Read all files anew with the next use."""
    with _lock:
        _read.clear()


VARIABLE = "TARASH_PRICES"
"""Names a file with price lines of the user's own."""
MOST_MODELS = 1024
"""Whose lines are at hand."""


class Prices:
    """The prices that a gateway goes by: those that were registered, and those that ship."""

    def __init__(self) -> None:
        self._own = PriceBook()
        self._files: dict[str, PriceBook] = {}
        self._of_models: dict[tuple[Any, ...], tuple[PriceLine, ...]] = {}
        """By all that they depend on: names, model, kind, day and books, which do not change."""
        self._lock = threading.Lock()

    def register(self, lines: Iterable[PriceLine]) -> None:
        """Add lines that go before those that ship, for their model and billable."""
        kept = list(lines)
        with self._lock:
            # Whoever quotes meanwhile sees the old lines or the new ones, never half of them.
            self._own = PriceBook([*self._own, *kept])
            self._of_models = {}  # of the book before, which nobody asks for any more

    def reset(self) -> None:
        """Forget the lines that were registered, and what was read."""
        forget()
        self._own = PriceBook()
        self._files = {}
        self._of_models = {}

    def lines(
        self, provider: str, model: str, today: date | None = None, *, kind: Kind | None = None
    ) -> tuple[PriceLine, ...]:
        """Return the lines of a model that hold today; the same object while nothing has changed.

        Args:
            provider: The provider's name, or one of its aliases.
            model: The model's id.
            today: The day, in place of today.
            kind: What is made, for the lines that may be a price of that; None for all.
        """
        names = names_of(provider)
        day = today or date.today()  # noqa: DTZ011  (prices change at midnight somewhere)
        some = (self._own, self._named(), _declared(provider), *fetched(names[0]), shipped())
        key = (names, model, kind, day, some)
        lines = self._of_models.get(key)
        if lines is None:
            if len(self._of_models) >= MOST_MODELS:
                self._of_models.clear()

            books = [book for book in some if book is not None]
            lines = self._of_models[key] = tuple(_lines(books, names, model, kind, day))

        return lines

    def _named(self) -> PriceBook | None:
        """Return the lines of the file that the environment names; read when it is first named.

        Raises:
            ValidationError: It can't be read, or a row of it is no price line.
        """
        path = os.environ.get(VARIABLE, "").strip()
        if not path:
            return None

        book = self._files.get(path)
        if book is None:
            book = self._files[path] = PriceBook(taken(path))

        return book


def _declared(provider: str) -> PriceBook | None:
    """Return the lines that stand with the provider's models; None where none do."""
    book: PriceBook | None = getattr(described_by(provider), "PRICES", None)
    return book


def _lines(
    books: Iterable[PriceBook], names: Sequence[str], model: str, kind: Kind | None, day: date
) -> list[PriceLine]:
    lines: list[PriceLine] = []
    for book in books:
        priced = {(line.billable, line.role) for line in lines}
        lines += [
            line
            for name in names
            for line in book.lines(name, model)
            if (line.billable, line.role) not in priced
            and (line.valid_from or day) <= day <= (line.valid_to or day)
        ]

    return [line for line in lines if kind is None or is_for(line, kind)]


prices = Prices()
"""The prices of this process; `register_prices` adds to them."""
