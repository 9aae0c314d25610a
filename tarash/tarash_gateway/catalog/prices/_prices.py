"""Which price lines there are: the user's own, before those that ship. Read on first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from ..._data._money import PriceLine
from .._sources import described_by, names_of
from ._book import PriceBook, shipped, taken
from ._fetched import fetched, forget
from ._quantities import is_for

if TYPE_CHECKING:
    from ..._data._types import Kind

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
