"""A text file that may break, and nobody who writes to it suffers: a closed pipe, a full disk.

What is said of a generation must never end it. Whoever has to know asks `failure` afterwards.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast


class Steady:
    """Writes to a file for as long as that works; otherwise as the file itself."""

    def __init__(self, find: Callable[[], TextIO | None]) -> None:
        """Begin.

        Args:
            find: Returns the file as it is now; None where the process was started without it.
        """
        self._find = find
        self.failure: OSError | None = None
        """What went wrong first, if anything did."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    @property
    def target(self) -> TextIO | None:
        """The file itself, below everything that stands in for it."""
        return target_of(self._find())

    def write(self, text: str) -> int:
        """Write, or note why that failed."""
        self._try(lambda file: file.write(text))
        return len(text)

    def pour(self, path: Path) -> None:
        """Write the bytes of a file, or note why that failed."""
        self.flush()
        self._try(lambda file: _copy(path, file))

    def flush(self) -> None:
        """Flush, or note why that failed."""
        target = self.target
        if target is not None and not _is_closed(target):  # else there is nothing in it
            self._try(lambda file: file.flush())

    def isatty(self) -> bool:
        """Tell whether a person sees it."""
        target = self.target
        return target is not None and not _is_closed(target) and target.isatty()

    def _try(self, act: Callable[[TextIO], object]) -> None:
        target = self.target
        if target is None or _is_closed(target):
            self.failure = self.failure or OSError(errno.EBADF, os.strerror(errno.EBADF))
            return

        try:
            act(target)
        except OSError as error:
            self.failure = self.failure or error


def _copy(path: Path, file: TextIO) -> None:
    buffer = getattr(file, "buffer", None)
    if buffer is None:  # a stand-in that takes text only
        raise OSError(errno.ENOTSUP, "it takes text only")

    with path.open("rb") as source:
        shutil.copyfileobj(source, buffer)

    buffer.flush()


def _is_closed(file: TextIO) -> bool:
    return getattr(file, "closed", False)  # a stand-in need not tell


def steady(find: Callable[[], TextIO | None]) -> TextIO:
    """Return a file that never fails; see `Steady`."""
    return cast("TextIO", Steady(find))


def target_of(file: TextIO | None) -> TextIO | None:
    """Return the file below what stands in for it: here, or while rich draws."""
    if isinstance(file, Steady):
        return file.target

    below = getattr(file, "rich_proxied_file", None)
    return file if below is None else target_of(below)
