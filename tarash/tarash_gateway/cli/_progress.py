"""Shows where the command's job stands, as `progress_bar` does: one row, from start to end.

Only shows updates; decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..models import ImageGenerationUpdate, VideoGenerationUpdate
from ..progress._row import Lines, Row
from ..progress._terminal import board_of
from . import _terminal as terminal
from ._inputs import Config

Update = VideoGenerationUpdate | ImageGenerationUpdate

OURS = "tarash-"
"""What our own ids begin with, before a provider has named the job."""
REMIND_SECONDS = 30.0
"""How often a file or a pipe gets a line that a job goes on."""


class Progress:
    """The progress line of one run; an async context manager."""

    def __init__(
        self, chain: Sequence[str], *, known: str | None = None, reminds: bool = True
    ) -> None:
        """Begin.

        Args:
            chain: What each attempt is called.
            known: The id of the job, where whoever waits for it knows it already.
            reminds: Whether to say now and then that it goes on, where nothing can be drawn; not
                of each of several jobs.
        """
        self.last: Update | None = None
        self._named = {known}
        self._chain = chain
        self._row = Row(self._chain)
        console = terminal.errors()
        self._drawn = console.is_terminal and not console.is_dumb_terminal
        self._lines = Lines(terminal.print_line)
        self._display = board_of(console) if self._drawn else self._lines
        self._reminds = reminds and not self._drawn
        self._reminding: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._display.show(self._row)
        if self._reminds:
            self._reminding = asyncio.create_task(self._remind())

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._reminding is not None:
            self._reminding.cancel()
            with suppress(asyncio.CancelledError):
                await self._reminding

        self._display.end(self._row)

    async def _remind(self) -> None:
        while True:
            await asyncio.sleep(REMIND_SECONDS)
            self._lines.remind(self._row)

    def update(self, update: Update) -> None:
        """Show an update."""
        # Two attempts may go on side by side, and take turns here.
        if update.request_id not in self._named and not update.request_id.startswith(OURS):
            # Now, and not at the end: whatever ends us, the job is to be found.
            terminal.print_line(f"job {update.request_id}")
            self._named.add(update.request_id)

        self.last = update
        self._row.follow(update)
        # What ends the whole run is shown when it has ended, with more than a line can hold.
        is_last = update.attempt_number == len(self._chain)
        if update.status == "failed" and not is_last and not self._drawn:
            # Why is shown with what it cost, when all has ended.
            self._display.end(self._row, self._row.closing_line(why=False))
        else:
            self._display.show(self._row)

    def note(self, text: str, *, quiet: bool = False) -> None:
        """Show a remark from now on; a quiet one on the moving line only."""
        self._row.note = text
        if not self._drawn and not quiet:
            terminal.print_line(text)


def names_of(config: Config) -> list[str]:
    """Return what each attempt of a config's chain is called."""
    names = [f"{config.provider} {config.model}"]
    for fallback in config.fallback_configs:
        names += names_of(fallback)

    return names
