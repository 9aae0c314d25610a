"""Moving lines at the bottom of a terminal, one a generation; needs rich.

All bars of a terminal share one board, since a terminal has one last line.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Sequence
from typing import TextIO, cast

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ._row import Piece, Row
from ._steady import target_of

FRAMES_A_SECOND = 10
BAR_CELLS, LEAST_BAR = 20, 5
LEAST_LABEL = 12
SPINNER, BAR = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "━"
ASCII_SPINNER, ASCII_BAR = "|/-\\", "="
KEPT_FREE = 2
"""Lines of the terminal that rows leave to others."""


class Board:
    """The moving lines of one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[Row] = []
        self._live: Live | None = None
        self._lock = threading.Lock()
        unicode = console.encoding.startswith("utf")
        self._frames, self._cell = (SPINNER, BAR) if unicode else (ASCII_SPINNER, ASCII_BAR)

    def show(self, row: Row) -> None:
        """Show a row from now on; drawing follows its changes by itself."""
        with self._lock:
            if row not in self._rows:
                self._rows.append(row)

            if self._live is None:
                self._live = self._started()

    def end(self, row: Row, last_words: Sequence[Piece] | None = None) -> None:
        """Show a row no longer; what is to be kept of it stays above."""
        line = None if last_words is None else styled(last_words)
        with self._lock:
            if row in self._rows:
                self._rows.remove(row)

            if not self._rows:
                self._stop()

            if line is not None:
                line.overflow, line.no_wrap = "ellipsis", True
                self._console.print(line)

    def print_line(self, line: Sequence[Piece]) -> None:
        """Show a line above those that move."""
        with self._lock:
            self._console.print(styled(line))

    def close(self) -> None:
        """Leave the terminal as it was."""
        with self._lock:
            self._rows.clear()
            self._stop()

    def _started(self) -> Live:
        live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=FRAMES_A_SECOND,
            transient=True,
            # Printed above the lines then; what goes into a file or a pipe stays what it is.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            redirect_stderr=_is_errors(self._console),
        )
        live.start()
        atexit.register(self.close)  # whatever happens, the cursor comes back
        return live

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            atexit.unregister(self.close)

    def _draw(self) -> Group:
        rows = tuple(self._rows)
        room = max(1, self._console.height - KEPT_FREE)
        lines = [self._line(row) for row in rows[:room]]
        if len(rows) > room:
            lines.append(Text(f"  and {len(rows) - room} more", style="dim"))

        return Group(*lines)

    def _line(self, row: Row) -> Text:
        frame = self._frames[int(time.monotonic() * FRAMES_A_SECOND) % len(self._frames)]
        share = row.share()
        room = self._console.width - len(f"{frame} ")
        pieces, bar, times = fitted(row, room, bar=share is not None)
        # Never longer than the terminal is wide: a line that wraps can't be drawn over.
        line = Text(f"{frame} ", no_wrap=True, overflow="ellipsis")
        line.append_text(styled(pieces))
        if bar:
            full = round(bar * (share or 0))
            line.append("  ").append(self._cell * full, style="green")
            line.append(self._cell * (bar - full), style="dim")

        line.append(f"  {times}", style="dim")
        return line.append(f"  {row.note}" if row.note else "", style="yellow")


def fitted(row: Row, width: int, *, bar: bool) -> tuple[list[Piece], int, str]:
    """Return what there is room for: what is said, how long the bar is, and the times.

    The name gives way first, then the bar, then the time that is left, then all that is more than
    the status.

    Args:
        row: What is drawn.
        width: The cells that there are.
        bar: Whether there is a share to draw.
    """
    note = f"  {row.note}" if row.note else ""
    short = shortened(row.label, LEAST_LABEL)
    for label, times, details in (
        (short, row.times(), True),
        (short, row.elapsed(), True),
        (short, row.elapsed(), False),
    ):
        pieces = row.pieces(label, details=details)
        free = width - styled(pieces).cell_len - cell_len(f"  {times}{note}")
        if free < 0:
            continue

        cells = min(BAR_CELLS, free - 2) if bar and free - 2 >= LEAST_BAR else 0
        room = cell_len(label) + free - (cells + 2 if cells else 0)
        return row.pieces(shortened(row.label, room), details=details), cells, times

    return row.pieces("", details=False), 0, row.elapsed()


def shortened(text: str, cells: int) -> str:
    """Return text that takes no more than so many cells."""
    whole = cell_len(text) <= cells
    return text if whole else f"{set_cell_size(text, max(0, cells - 1)).rstrip()}…"


def _is_errors(console: Console) -> bool:
    target = target_of(cast("TextIO", console.file))
    return target is not None and target is target_of(sys.stderr)


def styled(pieces: Sequence[Piece]) -> Text:
    """Return pieces as rich's text."""
    return Text.assemble(*pieces)


_boards: dict[int, tuple[TextIO | None, Board]] = {}
_lock = threading.Lock()


def board_of(console: Console) -> Board:
    """Return the board of a console's file: one for all who draw there."""
    target = target_of(cast("TextIO", console.file))
    with _lock:
        # With the file itself, so that no other gets its number.
        return _boards.setdefault(id(target), (target, Board(console)))[1]
