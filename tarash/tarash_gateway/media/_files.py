"""Reads the files that requests name, within a limit. Blocks: for worker threads."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .._data._hints import give_media, raise_limit
from .._http._kinds import HEADER_BYTES
from ..exceptions import ValidationError

LONGEST_PATH = 4096


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
            check_size(os.fstat(file.fileno()).st_size, where, most_bytes, shown_path(path))
            # It may grow, and a device or a pipe has no size.
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise _unreadable(path, where, error) from error

    check_size(len(content), where, most_bytes, shown_path(path))
    if not content:
        raise ValidationError(f"{where}: the file {shown_path(path)} is empty; give another one")

    return content


def read_head(path: Path, where: str) -> Head:
    """Return the beginning of a file.

    Raises:
        ValidationError: There is no such file, it can't be read, or is empty.
    """
    try:
        with _open(path) as file:
            found = os.fstat(file.fileno())
            # Of a pipe, what is read now would be missing when the call runs.
            head = file.read(HEADER_BYTES) if stat.S_ISREG(found.st_mode) else b"\0"
    except OSError as error:
        raise _unreadable(path, where, error) from error

    if not head:
        raise ValidationError(f"{where}: the file {shown_path(path)} is empty; give another one")

    return Head(head, found.st_size)


def _open(path: Path) -> BinaryIO:
    try:
        return path.expanduser().open("rb")
    except (RuntimeError, ValueError) as error:  # no home, or a NUL in it
        raise OSError(None, str(error)) from error


def _unreadable(path: Path, where: str, error: OSError) -> ValidationError:
    if isinstance(error, FileNotFoundError):
        here = "" if path.is_absolute() else f" in {Path.cwd()}"
        return ValidationError(
            f"{where}: there is no file {shown_path(path)}{here}; check the path (other text has "
            "to be a URL that begins with http:// or https://, a data URI, or base64)"
        )

    said = error.strerror or str(error)
    return ValidationError(f"{where}: the file {shown_path(path)} can't be read: {said}")


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
