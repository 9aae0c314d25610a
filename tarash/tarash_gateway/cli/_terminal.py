"""What is written where: results to standard output, everything that is said to standard error.

Text that a provider sent is shown as text: no markup, no control sequences, one line.
"""

from __future__ import annotations

import io
import json
import sys
from functools import cache
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ._words import in_options

WIDE = 200
"""Columns of a table that no terminal shows: nothing of it may be cut off."""


@cache
def errors() -> Console:
    """Return the console on standard error."""
    return Console(stderr=True, highlight=False)


def say(message: str, *, label: str = "", style: str = "") -> None:
    """Write one line to standard error."""
    line = Text(one_line(f"{label}: " if label else ""), style=style)
    line.append(one_line(message), style="" if label else style)
    errors().print(line, soft_wrap=True)


def hint(message: str) -> None:
    """Write one line of lesser weight to standard error."""
    say(message, style="dim")


def warn(message: str) -> None:
    """Write a warning to standard error."""
    say(message, label="warning", style="yellow")


def show_warning(  # noqa: PLR0913, PLR0917  (what the standard library calls it with)
    message: Warning | str,
    category: type[Warning],  # noqa: ARG001
    filename: str,  # noqa: ARG001
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Show a warning of the library's; whose line of code it came from is of no concern here."""
    warn(in_options(str(message)))


def result(line: str) -> None:
    """Write one line to standard output, as it is."""
    print(line, flush=True)


def document(value: Any) -> None:
    """Write the one JSON document of this run to standard output."""
    escaped = not sys.stdout.encoding.lower().startswith("utf")
    result(json.dumps(value, ensure_ascii=escaped, indent=2))


def forgive() -> None:
    """Write characters that standard output has not as escapes, instead of failing at the end."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def show(table: Table) -> None:
    """Draw a table on standard output; its cells are text, brackets included."""
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)


def plain_table(*headings: str) -> Table:
    """Return an empty table of the look that all of ours have."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"

    return table


def one_line(text: str) -> str:
    """Return text that can't move the cursor: other characters than printable ones are spaces."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown if shown == text else " ".join(shown.split())


def duration(seconds: float) -> str:
    """Return a time span as people write it: `7 s`, `2:05`, `1:00:00`."""
    whole = int(seconds)
    if whole < 60:  # noqa: PLR2004  (seconds in a minute)
        return f"{whole} s"

    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


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
