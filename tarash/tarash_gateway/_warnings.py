"""Warns the user's code of what it should know; a warning never ends a generation."""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from types import FrameType

# Whose frames lie between the user's code and ours.
BETWEEN = (__package__, "anyio", "asyncio", "concurrent", "contextlib", "threading")


def warn(message: str) -> None:
    """Warn at the line of the user's code that led here, if there is one on this thread.

    Filters may make errors of warnings; where money may be at stake, that would lose a job.
    """
    with suppress(UserWarning):
        warnings.warn(message, UserWarning, stacklevel=_level())


def _level() -> int:
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  (whose line is it?)
    level = 2
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not any(name == one or name.startswith(f"{one}.") for one in BETWEEN):
            return level

        frame, level = frame.f_back, level + 1

    return 1
