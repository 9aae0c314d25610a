"""A line for each change of status, where nothing can be drawn over: a file, a pipe, no rich."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ._row import Piece, Row


class Lines:
    """Writes what has changed, line by line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        """Begin.

        Args:
            write: Writes one line.
        """
        self._write = write
        self._shown: dict[Row, tuple[int, str]] = {}

    def show(self, row: Row) -> None:
        """Say where a row stands, if its status is another than the last that was said."""
        if row.update is None:
            return

        now = (row.update.attempt_number, row.update.status)
        if self._shown.get(row) != now and not row.ended:
            self._shown[row] = now
            self._write(f"{row.text()} after {row.elapsed()}")

    def say(self, line: Sequence[Piece]) -> None:
        """Write a line."""
        self._write("".join(text for text, _ in line))

    def remind(self, row: Row) -> None:
        """Say once more where a row stands: whoever reads a file can't see that it goes on."""
        if row.update is not None and not row.ended:
            self._write(f"{row.text()} after {row.elapsed()}")

    def end(self, row: Row, last_words: Sequence[Piece] | None = None) -> None:
        """Say how a row ended, where that is to be kept."""
        self._shown.pop(row, None)
        if last_words is not None:
            self._write("".join(text for text, _ in last_words))
