"""A bar for each generation under the cell of a notebook, by ipywidgets where it is installed.

IPython and ipywidgets are what the kernel has; nothing of them is imported unless it runs.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Sequence
from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .._support import _portal
from ._row import Piece, Row

TICK_SECONDS = 1
COLOURS = {
    "yellow": "#b58900",
    "cyan": "#2aa198",
    "green": "#2e8b57",
    "red": "#dc322f",
    "dim": "#888888",
}


def in_notebook() -> bool:
    """Tell whether a Jupyter kernel runs this."""
    if "IPython" not in sys.modules:
        return False

    shell = import_module("IPython").get_ipython()
    return getattr(shell, "kernel", None) is not None


class Cells:
    """The bars under a cell."""

    def __init__(self) -> None:
        self._bars: dict[Row, _Widget | _Markup] = {}
        self._ticking: asyncio.TimerHandle | None = None
        # Updates come from the calling thread, ticks from the background loop.
        self._lock = threading.Lock()

    def show(self, row: Row) -> None:
        """Show a row from now on, or what has changed of it."""
        with self._lock:
            if row in self._bars:
                self._bars[row].draw()
                return

            self._bars[row] = _bar(row)

        # Times pass between updates, too; this loop runs while a blocking call waits.
        loop = _portal.loop()
        loop.call_soon_threadsafe(self._tick, loop)

    def end(self, row: Row, last_words: Sequence[Piece] | None = None) -> None:
        """Leave a row as it ended, or take it away."""
        with self._lock:
            bar = self._bars.pop(row, None)
            if last_words is not None:
                (bar or _bar(row)).finish(last_words)
            elif bar is not None:
                bar.remove()

    def print_line(self, line: Sequence[Piece]) -> None:
        """Show a line under the cell."""
        import_module("IPython.display").display(_Line(line))

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

        with self._lock:
            for bar in self._bars.values():
                bar.draw()

            if self._bars:
                self._ticking = loop.call_later(TICK_SECONDS, self._tick, loop)


def _bar(row: Row) -> _Widget | _Markup:
    return _Widget(row) if find_spec("ipywidgets") is not None else _Markup(row)


class _Line:
    """A line that stays."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        text = "".join(text for text, _ in self._pieces)
        return {"text/plain": text, "text/html": markup(self._pieces)}


class _Widget:
    """A row as a widget."""

    def __init__(self, row: Row) -> None:
        widgets = import_module("ipywidgets")
        self._row = row
        self._bar = widgets.FloatProgress(value=0, min=0, max=1)
        self._bar.layout.width = "16em"
        self._text = widgets.HTML()
        self._box = widgets.HBox([self._bar, self._text])
        self.draw()
        import_module("IPython.display").display(self._box)

    def draw(self) -> None:
        """Bring it up to date."""
        share = self._row.share()
        # A full bar of another colour for a share that nobody knows.
        self._bar.value, self._bar.bar_style = (1, "info") if share is None else (share, "")
        self._text.value = markup(_pieces(self._row))

    def finish(self, last_words: Sequence[Piece]) -> None:
        """Leave it as it ended."""
        failed = self._row.update is not None and self._row.update.status == "failed"
        self._bar.value, self._bar.bar_style = 1, "danger" if failed else "success"
        self._text.value = markup(last_words)

    def remove(self) -> None:
        """Take it away."""
        self._box.close()


class _Markup:
    """A row as a piece of HTML that is shown anew."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._html = self._text = ""
        self._compose()
        display = import_module("IPython.display").display
        self._handle: Any = display(self, display_id=True)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self._text, "text/html": self._html}

    def draw(self) -> None:
        """Bring it up to date."""
        self._compose()
        self._handle.update(self)

    def finish(self, last_words: Sequence[Piece]) -> None:
        """Leave it as it ended."""
        self._html = markup(last_words)
        self._text = "".join(text for text, _ in last_words)
        self._handle.update(self)

    def remove(self) -> None:
        """Take it away."""
        self._html = self._text = ""
        self._handle.update(self)

    def _compose(self) -> None:
        share = self._row.share()
        value = "" if share is None else f' value="{share:.3f}"'
        pieces = _pieces(self._row)
        self._text = "".join(text for text, _ in pieces)
        self._html = f'<progress{value} max="1" style="width:16em"></progress> {markup(pieces)}'


def _pieces(row: Row) -> list[Piece]:
    return [*row.pieces(), (f"  {row.times()}", "dim")]


def markup(pieces: Sequence[Piece]) -> str:
    """Return pieces as HTML; what they say is text, whatever is in it."""
    return "".join(_tagged(escape(text), style) for text, style in pieces)


def _tagged(text: str, style: str) -> str:
    if style == "bold":
        return f"<b>{text}</b>"

    colour = COLOURS.get(style)
    return f'<span style="color:{colour}">{text}</span>' if colour else text
