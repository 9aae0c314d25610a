"""What is written where: results to standard output, everything that is said to standard error.

Text that a provider sent is shown as text: no markup, no control sequences, one line.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from .._support._words import visible
from ..progress._row import duration, one_line
from ._words import warned

__all__ = [
    "document",
    "duration",
    "errors",
    "facts_table",
    "hides",
    "hint",
    "json_of",
    "one_line",
    "plain_table",
    "print_line",
    "result",
    "show",
    "show_each_warning_once",
    "size",
    "together",
    "warn",
]  # fmt: skip

HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""What moves a cursor, hides, or turns the direction of text, and JSON need not escape."""
WIDE = 100_000
"""Columns of a table that no terminal shows: nothing of it is cut off or folded."""


@cache
def errors() -> Console:
    """Return the console on standard error."""
    return Console(stderr=True, highlight=False)


def print_line(message: str, *, label: str = "", style: str = "") -> None:
    """Write one line to standard error."""
    line = Text(one_line(f"{label}: " if label else ""), style=style)
    line.append(one_line(message), style="" if label else style)
    errors().print(line, soft_wrap=True)


def hint(message: str) -> None:
    """Write one line of lesser weight to standard error."""
    print_line(message, style="dim")


def warn(message: str) -> None:
    """Write a warning to standard error."""
    print_line(message, label="warning", style="yellow")


def show_each_warning_once() -> Callable[..., None]:
    """Return what shows the library's warnings, as `warnings.showwarning` is called.

    Which line of code a warning is about is of no concern here, and neither is how often.
    """
    shown: set[str] = set()

    def show(message: Warning | str, *_about: object, **_also: object) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            warn(warned(message))

    return show


def result(line: str) -> None:
    """Write one line to standard output; what is no text in it is written as escapes."""
    _write(visible(line))


def _write(line: str) -> None:
    print(line, flush=True)


_together: ContextVar[list[Any] | None] = ContextVar("_together", default=None)


@contextmanager
def together() -> Iterator[list[Any]]:
    """Keep the documents of several jobs back meanwhile, for one document of them all."""
    kept: list[Any] = []
    token = _together.set(kept)
    try:
        yield kept
    finally:
        _together.reset(token)


def document(value: Any) -> None:
    """Write the one JSON document of this run to standard output."""
    kept = _together.get()
    if kept is not None:
        kept.append(value)
        return

    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    _write(json_of(value, only_ascii=not encoding.lower().startswith("utf")))


def json_of(value: Any, *, only_ascii: bool = False) -> str:
    """Return JSON that commands no terminal; some of what does may stand in JSON as it is."""
    text = json.dumps(value, ensure_ascii=only_ascii, indent=2)
    return HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def hides(value: Any) -> bool:
    """Tell whether JSON of this, with characters as they are, would command a terminal."""
    return HIDDEN.search(json.dumps(value, ensure_ascii=False)) is not None


def show(table: Table) -> None:
    """Draw a table on standard output; its cells are text, brackets included."""
    if sys.stdout.isatty():
        console = Console(highlight=False, markup=False, emoji=False)
        if table.show_header and _natural(table) > console.width:
            _stack(table, console.width)
        elif not table.show_header and _breaks_a_word(table, console.width):
            for cells in zip(*([*column.cells] for column in table.columns), strict=True):
                console.print(*cells, soft_wrap=True)
        else:
            console.print(table)

        return

    drawn = io.StringIO()
    Console(file=drawn, width=WIDE, highlight=False, markup=False, emoji=False).print(table)
    for line in drawn.getvalue().split("\n")[:-1]:
        _write(line.rstrip())


class _Table(Table):
    """A table whose text is text: providers have written some of it."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of text and of what else can be drawn."""
        shown = (visible(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*shown, **options)


def _natural(table: Table) -> int:
    """Return the columns that a table takes where nothing of it is folded."""
    widest = [max(map(cell_len, _texts(column)), default=0) for column in table.columns]
    return sum(widest) + 2 * (len(widest) - 1)


def _breaks_a_word(table: Table, width: int) -> bool:
    """Tell whether something in the last column is longer than the room that it has."""
    *before, last = [_texts(column) for column in table.columns]
    room = width - sum(max(map(cell_len, texts)) + 2 for texts in before)
    return any(cell_len(word) > room for text in last for word in text.split())


def _stack(table: Table, width: int) -> None:
    """Write a table that is too wide row by row: a broken id can't be copied.

    What tells rows apart, of the first columns, is the head of each.
    """
    rows = [*zip(*([*column.cells] for column in table.columns), strict=True)]
    heads = next(
        (count for count in (1, 2) if len({cells[:count] for cells in rows}) == len(rows)), 1
    )
    for cells in rows:
        result(" ".join(map(str, cells[:heads])))
        line = ""
        for column, cell in zip(table.columns[heads:], cells[heads:], strict=True):
            if not str(cell).strip():
                continue

            part = f"{column.header}: {cell}".strip()
            if line and cell_len(f"  {line}  {part}") > width:
                result(f"  {line}")
                line = ""

            line = f"{line}  {part}" if line else part

        if line:
            result(f"  {line}")


def _texts(column: Column) -> list[str]:
    return [str(cell) for cell in (column.header, *column.cells)]


def plain_table(*headings: str) -> Table:
    """Return an empty table in the style that all of ours have."""
    table = _Table(*headings, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"

    return table


def facts_table() -> Table:
    """Return an empty table of names and what there is to say of each."""
    table = plain_table("", "")
    table.show_header = False
    table.columns[0].style = "bold"
    return table


def size(count: int) -> str:
    """Return a number of bytes as people write it: `812 bytes`, `1.4 MB`."""
    if count < 1000:  # noqa: PLR2004  (bytes in a kilobyte)
        return f"{count} bytes"

    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000 or unit == "GB":  # noqa: PLR2004  (as above)
            break

    return f"{value:.1f} {unit}"
