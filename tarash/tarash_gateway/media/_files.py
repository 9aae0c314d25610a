"""Reads the files that requests name, within a limit. Blocks: for worker threads."""

from __future__ import annotations

import errno
import os
import select
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .._data._hints import give_media, raise_limit
from .._http._sniff import HEADER_BYTES
from ..exceptions import ValidationError

LONGEST_PATH = 4096
PIPE_SECONDS = 30.0
"""How long a pipe may be silent."""
PIPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a medium, and how large all of it is."""

    content: bytes
    size: int


def read_file(path: Path, where: str, most_bytes: int) -> bytes:
    """Return what a file holds; its size is looked at before it is read.

    Raises:
        ValidationError: There is no such file, it can't be read, is empty, or is too large.
    """
    try:
        with _open(path) as file:
            status = os.fstat(file.fileno())
            check_size(status.st_size, where, most_bytes, shown_path(path))
            # It may grow, and a device or a pipe has no size.
            is_pipe = stat.S_ISFIFO(status.st_mode)
            content = _of_pipe(file, most_bytes + 1) if is_pipe else file.read(most_bytes + 1)
    except OSError as error:
        raise _unreadable(path, where, error) from error

    check_size(len(content), where, most_bytes, shown_path(path))
    if not content:
        raise ValidationError(f"{where}: the file {shown_path(path)} is empty; give another one")

    return content


def read_head(path: Path, where: str) -> Head:
    """Return the beginning of a file.

    Raises:
        ValidationError: There is no such file, it can't be read, is empty, or is a pipe or a
            device: what is read of it now would be missing when the call runs.
    """
    try:
        with _open(path) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValidationError(
                    f"{where}: {shown_path(path)} is a pipe or a device, which gives its bytes "
                    "once, so that a plan, a quote or the mock can't look at it; save it to a "
                    "file, or give its bytes"
                )

            head = file.read(HEADER_BYTES)
    except OSError as error:
        raise _unreadable(path, where, error) from error

    if not head:
        raise ValidationError(f"{where}: the file {shown_path(path)} is empty; give another one")

    return Head(head, status.st_size)


def _of_pipe(pipe: BinaryIO, most_bytes: int) -> bytes:
    """Return what somebody writes into a pipe: for ever, where nobody does, is not waited."""
    content = bytearray()
    events = select.poll()
    events.register(pipe, select.POLLIN)
    while len(content) < most_bytes:
        if not events.poll(PIPE_SECONDS * 1000):
            raise OSError(errno.ETIMEDOUT, f"no bytes came for {PIPE_SECONDS:g} s")

        part = os.read(pipe.fileno(), min(PIPE_BYTES, most_bytes - len(content)))
        if not part:
            break

        content += part

    return bytes(content)


def _at_once(path: str, flags: int) -> int:
    """Open a file; a pipe, too, without waiting for somebody who writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _open(path: Path) -> BinaryIO:
    try:
        return open(path.expanduser(), "rb", opener=_at_once)
    except (RuntimeError, ValueError) as error:  # no home, or a NUL in it
        raise OSError(None, str(error)) from error


def _unreadable(path: Path, where: str, error: OSError) -> ValidationError:
    if isinstance(error, FileNotFoundError):
        here = "" if path.is_absolute() else f" in {Path.cwd()}"
        return ValidationError(
            f"{where}: there is no file {shown_path(path)}{here}; check the path (other text has "
            "to be a URL that begins with http:// or https://, a data URI, or base64)"
        )

    reason = error.strerror or str(error)
    return ValidationError(f"{where}: the file {shown_path(path)} can't be read: {reason}")


def check_size(size: int, where: str, most_bytes: int, what: str = "it") -> None:
    """Refuse what is larger than the limit.

    Raises:
        ValidationError: It is.
    """
    if size > most_bytes:
        raise ValidationError(
            f"{where}: {what} has more than {most_bytes} bytes",
            code="too_large_media",
            field=where,
            hints=[give_media("give a smaller one"), raise_limit("max_media_bytes")],
        )


def is_path(text: str) -> bool:
    """Tell whether there is a file or a folder of this name."""
    if len(text) > LONGEST_PATH:
        return False

    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # too long a name, no home, or a NUL in it
        return False


def looks_like_a_path(text: str) -> bool:
    """Tell whether text that is nothing else may be meant as a path."""
    return 0 < len(text) <= LONGEST_PATH and text.isprintable()


def shown_path(path: Path) -> str:
    """Return a path as an error shows it."""
    return repr(str(path))
