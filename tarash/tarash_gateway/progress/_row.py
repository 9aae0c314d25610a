"""One generation as people see it: what is said of it, how far it is, how long it may take.

Knows nothing of where it is drawn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from .._support import _durations
from ..models import Adjustment, ImageGenerationUpdate, VideoGenerationUpdate

Update = VideoGenerationUpdate | ImageGenerationUpdate
Piece = tuple[str, str]
"""Some text, and its style in rich's words; empty for none."""

STYLES = {"queued": "yellow", "processing": "cyan", "completed": "green", "failed": "red"}
ENDED = frozenset({"completed", "failed"})
MOST_ESTIMATED = 0.95
"""A guess is never drawn as done."""
PATIENCE = 1.25
"""How many times its usual duration a generation takes before it is called slow."""


class Row:
    """One generation, with all its attempts."""

    def __init__(
        self,
        chain: Sequence[str] = (),
        *,
        label: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin now.

        Args:
            chain: What each attempt is called; without it, updates are asked.
            label: What all of it is called, in place of who makes it.
            clock: In seconds.
        """
        self.update: Update | None = None
        self.note = ""
        self.updates = 0
        self._chain = tuple(chain)
        self._label = label
        self._clock = clock
        self._began = clock()
        self._attempts_began: dict[int, float] = {}
        self._told: set[tuple[int, str]] = set()

    def follow(self, update: Update) -> None:
        """Take over what an update says."""
        if update.attempt_number not in self._attempts_began:
            first = self.update is None
            self._attempts_began[update.attempt_number] = self._began if first else self._clock()

        self.update = update
        self.updates += 1

    def news(self) -> list[list[Piece]]:
        """Return what was changed to fit the model and is not said yet, each as one line."""
        update = self.update
        lines = []
        for adjustment in () if update is None else update.adjustments:
            if not changes(adjustment):
                continue  # a doubt about what is sent as it is: the log has it

            sentence = adjusted(adjustment)
            if update is not None and (update.attempt_number, sentence) not in self._told:
                self._told.add((update.attempt_number, sentence))
                lines.append([(self.label, "bold"), ("  ", ""), (one_line(sentence), "yellow")])

        return lines

    @property
    def ended(self) -> bool:
        """Whether the last update ended its attempt."""
        return self.update is not None and self.update.status in ENDED

    @property
    def label(self) -> str:
        """What it is called: who makes it, unless it has a name of its own."""
        if self._label is not None:
            return one_line(self._label)

        number = 1 if self.update is None else self.update.attempt_number
        if self._chain:
            return one_line(self._chain[number - 1])

        if self.update is None or self.update.provider is None:
            return "generation"

        return one_line(f"{self.update.provider} {self.update.model}")

    def pieces(self, label: str | None = None, *, details: bool = True) -> list[Piece]:
        """Return where it stands, as one line.

        Args:
            label: What to call it, where its own label is too long; empty for nothing.
            details: Whether to say more than its status.
        """
        label = self.label if label is None else label
        pieces: list[Piece] = [(self._attempt(), "")] if details and self._attempt() else []
        pieces += [(label, "bold"), ("  ", "")] if label else []
        update = self.update
        if update is None:
            return [*pieces, ("starting", "")]

        pieces.append((update.status, STYLES[update.status]))
        if details and update.queue_position:
            pieces.append((f", position {update.queue_position}", ""))

        # At its end, the status has said it all.
        if details and update.progress_percent is not None and update.status == "processing":
            pieces.append((f", {update.progress_percent:.0f} %", ""))

        return pieces

    def _attempt(self) -> str:
        """Return which attempt it is, where there is more than one."""
        number = 1 if self.update is None else self.update.attempt_number
        if len(self._chain) > 1:
            return f"attempt {number}/{len(self._chain)}  "

        return f"attempt {number}  " if not self._chain and number > 1 else ""

    def text(self) -> str:
        """Return the same without styles."""
        return "".join(text for text, _ in self.pieces())

    def closing_line(self, *, why: bool = True) -> list[Piece]:
        """Return how it ended, as one line, and why it failed."""
        pieces = self.pieces()
        if self.updates > 1:  # a single update tells nothing of how long it took
            pieces.append((f" after {self.elapsed()}", ""))

        error = self.update.error if why and self.update is not None else None
        return [*pieces, (f": {one_line(error)}", "")] if error else pieces

    def elapsed(self) -> str:
        """Return how long it has taken so far."""
        return duration(self._clock() - self._began)

    def times(self) -> str:
        """Return how long it has taken, and may still take where that is known."""
        left = self._left()
        return f"{self.elapsed()}, {left}" if left else self.elapsed()

    def share(self) -> float | None:
        """Return how much of it is done, from 0 to 1: as reported, else as usual, else None."""
        update = self.update
        if update is not None and update.progress_percent is not None:
            return update.progress_percent / 100

        usual = self._usual()
        if not usual or self.ended:
            return None

        return min(self._attempt_elapsed() / usual, MOST_ESTIMATED)

    def _left(self) -> str | None:
        usual = self._usual()
        if usual is None or self.ended:
            return None

        left = usual - self._attempt_elapsed()
        if left >= 1:
            return f"about {duration(left)} left"

        slow = self._attempt_elapsed() > usual * PATIENCE
        return f"longer than usual ({duration(usual)})" if slow else "any moment"

    def _usual(self) -> float | None:
        update = self.update
        return None if update is None else _durations.typical(update.provider, update.model)

    def _attempt_elapsed(self) -> float:
        number = 1 if self.update is None else self.update.attempt_number
        return self._clock() - self._attempts_began.get(number, self._began)


def adjusted(adjustment: Adjustment, name: str | None = None, reason: str | None = None) -> str:
    """Return an adjustment as a sentence, in the library's words or in those that are given."""
    becomes = "left out" if adjustment.sent is None else f"sending {shown(adjustment.sent)}"
    asked = f"{name or adjustment.field}: asked {shown(adjustment.requested)}"
    return f"{asked}, {becomes}: {reason or adjustment.reason}"


def changes(adjustment: Adjustment) -> bool:
    """Tell whether something else is sent; what only resembles a mistake is noted, too."""
    return (
        type(adjustment.sent) is not type(adjustment.requested)
        or adjustment.sent != adjustment.requested
    )


def shown(value: Any) -> str:
    """Return a value as people write it: `7` for 7.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


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

    def print_line(self, line: Sequence[Piece]) -> None:
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
