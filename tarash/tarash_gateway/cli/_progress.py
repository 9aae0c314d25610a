"""Draws where a job stands: one moving line on a terminal, else a line for each change of status.

Only shows updates; decides nothing.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from ..models import ImageGenerationUpdate, VideoGenerationUpdate
from . import _terminal as terminal
from ._inputs import Config

Update = VideoGenerationUpdate | ImageGenerationUpdate

FRAME_SECONDS = 0.1
BAR_CELLS = 20
SPINNER, BAR = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "━"
ASCII_SPINNER, ASCII_BAR = "|/-\\", "="
OURS = "tarash-"
"""What our own ids begin with, before a provider has named the job."""
ENDED = frozenset({"completed", "failed"})
STYLES = {"queued": "yellow", "processing": "cyan", "completed": "green", "failed": "red"}


class Progress:
    """The progress line of one run; an async context manager."""

    def __init__(self, config: Config) -> None:
        self.last: Update | None = None
        self._chain = _names(config)
        self._started = time.monotonic()
        self._shown: tuple[int, str] | None = None
        self._note = ""
        console = terminal.errors()
        unicode = console.encoding.startswith("utf")
        self._frames, self._cell = (SPINNER, BAR) if unicode else (ASCII_SPINNER, ASCII_BAR)
        drawn = console.is_terminal and not console.is_dumb_terminal
        self._live = Live(console=console, auto_refresh=False, transient=True) if drawn else None
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._ticking = asyncio.create_task(self._tick(self._live))

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking

        if self._live is not None:
            self._live.update("")
            self._live.stop()

    def update(self, update: Update) -> None:
        """Show an update."""
        new = self.last is None or self.last.request_id != update.request_id
        if new and not update.request_id.startswith(OURS):
            # Now, and not at the end: whatever ends us, the job is to be found.
            terminal.say(f"job {update.request_id}")

        self.last = update
        now = (update.attempt_number, update.status)
        # What ends the whole run is told when it has ended, with more than a line can hold.
        over = update.status == "completed" or update.attempt_number == len(self._chain)
        ended = update.status in ENDED and over
        if self._live is None and now != self._shown and not ended:
            self._shown = now
            terminal.say(f"{self.describe().plain} after {self._elapsed()}")

    def note(self, text: str, *, quiet: bool = False) -> None:
        """Show a remark from now on; a quiet one on the moving line only."""
        self._note = text
        if self._live is None and not quiet:
            terminal.say(text)

    def describe(self) -> Text:
        """Return where the job stands, as one line."""
        update = self.last
        number = 1 if update is None else update.attempt_number
        line = Text()
        if len(self._chain) > 1:
            line.append(f"attempt {number}/{len(self._chain)}  ")

        line.append(terminal.one_line(self._chain[number - 1]), style="bold")
        if update is None:
            return line.append("  starting")

        line.append("  ").append(update.status, style=STYLES[update.status])
        if update.queue_position is not None:
            line.append(f", position {update.queue_position}")

        # At its end, the status has said it all.
        if update.progress_percent is not None and update.status == "processing":
            line.append(f", {update.progress_percent:.0f} %")

        return line

    async def _tick(self, live: Live) -> None:
        while True:
            live.update(self._draw(), refresh=True)
            await asyncio.sleep(FRAME_SECONDS)

    def _draw(self) -> Text:
        """Return the moving line."""
        now = time.monotonic()
        frame = self._frames[int(now / FRAME_SECONDS) % len(self._frames)]
        # Never longer than the terminal is wide: a line that wraps can't be drawn over.
        line = Text(f"{frame} ", style="", no_wrap=True, overflow="ellipsis")
        line.append_text(self.describe())
        percent = None if self.last is None else self.last.progress_percent
        if percent is not None:
            full = round(BAR_CELLS * percent / 100)
            line.append("  ").append(self._cell * full, style="green")
            line.append(self._cell * (BAR_CELLS - full), style="dim")

        line.append(f"  {self._elapsed()}", style="dim")
        return line.append(f"  {self._note}" if self._note else "", style="yellow")

    def _elapsed(self) -> str:
        return terminal.duration(time.monotonic() - self._started)


def _names(config: Config) -> list[str]:
    names = [f"{config.provider} {config.model}"]
    for fallback in config.fallback_configs:
        names += _names(fallback)

    return names
