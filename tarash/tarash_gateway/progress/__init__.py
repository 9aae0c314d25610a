"""Progress for people: `progress_bar()` draws in a terminal or a notebook, as it finds itself.

Only shows updates; decides nothing. What draws is imported when there is something to draw.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Protocol, Self, TextIO

from ..models import ImageGenerationUpdate, VideoGenerationUpdate
from ._row import Lines, Piece, Row
from ._steady import steady

__all__ = ["ProgressBar", "progress_bar"]


class Display(Protocol):
    """Where rows are drawn."""

    def show(self, row: Row) -> None:
        """Show a row from now on, or what has changed of it."""
        ...

    def print_line(self, line: Sequence[Piece]) -> None:
        """Show a line that stays."""
        ...

    def end(self, row: Row, closing_line: Sequence[Piece] | None = None) -> None:
        """Show a row no longer; its last words stay, where there are any."""
        ...


class ProgressBar:
    """A progress callback that draws; made by `progress_bar`.

    It may serve any number of calls, at once or one after the other, from any thread. It takes
    itself away when the last call has ended. Where calls were cut off and never said how they
    ended, `close` does, and so does leaving it as a context manager.
    """

    def __init__(self, display: Display, *, label: str | None, keep: bool) -> None:
        """Begin with nothing to draw; `progress_bar` finds the display."""
        self._display = display
        self._label = label
        self._keep = keep
        self._rows: dict[str, Row] = {}
        self._lock = threading.Lock()

    def __call__(self, update: VideoGenerationUpdate | ImageGenerationUpdate) -> None:
        """Draw an update."""
        with self._lock:
            row = self._rows.setdefault(update.request_id, Row(label=self._label))
            row.follow(update)
            news = row.news()
            if row.ended:
                del self._rows[update.request_id]

        for line in news if self._keep else ():
            self._display.print_line(line)

        if row.ended:
            self._display.end(row, row.closing_line() if self._keep else None)
        else:
            self._display.show(row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take away what has not ended."""
        with self._lock:
            rows = list(self._rows.values())
            self._rows.clear()

        for row in rows:
            self._display.end(row)


def progress_bar(
    label: str | None = None, *, file: TextIO | None = None, keep: bool = True
) -> ProgressBar:
    """Return a progress callback that draws where each generation stands.

    In a notebook it draws under the cell. On a terminal it draws a moving line for each
    generation (rich, which the extra `cli` installs). Elsewhere, and without rich, it writes a line
    for each change of status. What was changed to fit the model gets a line of its own, once.
    Beside the status it tells the time, and how long it may still take as soon as this process has
    seen the same model finish. Where writing fails, as to a closed pipe or a full disk, nothing is
    drawn, and the generation goes on.

    Args:
        label: What to call the generation; by default its provider and model.
        file: Where to write; standard error by default, and then a notebook is found, too.
        keep: Whether each attempt leaves a line that says how it ended, and one for each requested
            value that was changed to fit its model.

    Example:
        response = generate_video(config, request, on_progress=progress_bar())
    """
    return ProgressBar(_display(file), label=label, keep=keep)


def _display(file: TextIO | None) -> Display:
    from ._notebook import Cells, in_notebook

    if file is None and in_notebook():
        return Cells()

    # Standard error is looked up each time: another may take its place.
    out = steady(lambda: sys.stderr if file is None else file)

    if find_spec("rich") is not None:
        from rich.console import Console

        console = Console(file=out, highlight=False)
        if console.is_terminal and not console.is_dumb_terminal:
            from ._terminal import board_of

            return board_of(console)

    return Lines(lambda line: print(line, file=out, flush=True))
