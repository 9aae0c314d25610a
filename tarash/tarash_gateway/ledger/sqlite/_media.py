"""The bytes that requests refer to: files beside the database, each named by its SHA-256.

A file appears before the job that needs it is committed, and goes only while the database is locked
and no row refers to it, so that a job is never without its bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .._contract import IS_NAME

if TYPE_CHECKING:
    import sqlite3

IS_SCRATCH = re.compile(r"\.[0-9a-f]{64}\.\w+").fullmatch
STALE_SECONDS = 3600
"""Age at which a file that was never finished is nobody's any more."""


def sync_folder(folder: Path) -> None:
    """Let a file's new name survive a power cut, too."""
    if os.name != "posix":
        return  # elsewhere a folder can't be opened

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Prepared:
    """Bytes on disk, under names of their own, until their job is about to be committed."""

    def __init__(self, folder: Path, media: Mapping[str, bytes]) -> None:
        self._folder = folder
        self._media = media
        self._scratch: dict[str, Path] = {}

    def write(self) -> None:
        """Write what is not there yet; the slow part, done before the database is locked."""
        if self._media:
            self._folder.mkdir(mode=0o700, exist_ok=True)

        for name in self._media:
            if not self._is_there(name):
                self._write(name)

    def put(self) -> None:
        """Give the files their names; while the database is locked."""
        for name in self._media:
            if self._is_there(name):
                continue

            if name not in self._scratch:
                self._write(name)  # it was there, and another process has dropped it since

            self._scratch.pop(name).replace(self._folder / name)

        if self._media:
            sync_folder(self._folder)

    def discard(self) -> None:
        """Remove what was not put."""
        for path in self._scratch.values():
            with suppress(OSError):
                path.unlink()

    def _is_there(self, name: str) -> bool:
        try:
            return (self._folder / name).stat().st_size == len(self._media[name])
        except FileNotFoundError:
            return False

    def _write(self, name: str) -> None:
        path = self._folder / f".{name}.{uuid.uuid4().hex}"
        self._scratch[name] = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._media[name])
            file.flush()
            os.fsync(file.fileno())


class MediaFolder:
    """The files beside one database."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(f"{database.name}-media")

    def read(self, name: str) -> bytes | None:
        """Return bytes by their hash; None where they are gone or damaged."""
        try:
            content = (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

        return content if hashlib.sha256(content).hexdigest() == name else None

    def is_lost(self, name: str) -> bool:
        """Tell whether bytes are not where they were put."""
        return not (self.path / name).is_file()

    def drop(self, connection: sqlite3.Connection, names: Iterable[str]) -> None:
        """Remove the files that no row refers to; while the database is locked."""
        for name in names:
            user = connection.execute("SELECT 1 FROM media WHERE sha256 = ?", (name,)).fetchone()
            if user is None:
                (self.path / name).unlink(missing_ok=True)

    def orphans(self, connection: sqlite3.Connection) -> list[str]:
        """Return the names of files that no row refers to, as it seems at the moment."""
        if not self.path.is_dir():
            return []

        known = {row["sha256"] for row in connection.execute("SELECT sha256 FROM media")}
        return [
            path.name
            for path in self.path.iterdir()
            if path.name not in known and (IS_NAME(path.name) or _is_stale(path))
        ]


def _is_stale(path: Path) -> bool:
    if not IS_SCRATCH(path.name):
        return False  # not ours

    with suppress(OSError):
        return time.time() - path.stat().st_mtime > STALE_SECONDS

    return False
