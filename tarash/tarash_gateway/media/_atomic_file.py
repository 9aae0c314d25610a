"""A file on its way: under a temporary name until it is complete, then under its own at once.

A half file never has the final name, nothing is overwritten unasked, and what was begun and not
published is removed. Every method but `write` blocks, and is for a worker thread.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import anyio
from anyio import to_thread

FLUSH_BYTES = 1024 * 1024
"""Bytes that are written at once; the next are fetched meanwhile."""


class AtomicFile:
    """One such file."""

    def __init__(self, folder: Path, name: str, *, private: bool = False) -> None:
        """Open it, and make its folder.

        Args:
            folder: Where it will stay, so that it is renamed within one file system.
            name: What it will be called, or is for; a part of its temporary name.
            private: Whether nobody else may read it, whatever the umask says: for a folder that
                all users of the machine share.

        Raises:
            OSError: It can't be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            reason = "a file is in the place of its folder"
            raise NotADirectoryError(errno.ENOTDIR, reason, str(folder)) from error

        self.path = folder / f".{name[:100]}.{secrets.token_hex(8)}.part"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        handle = os.open(self.path, flags, 0o600 if private else 0o666)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._waiting: list[bytes] = []
        self._held = 0
        self._writing: asyncio.Future[Any] | None = None

    async def write(self, block: bytes) -> None:
        """Take in a block; it is written while the next ones come.

        Raises:
            OSError: An earlier one could not be written.
        """
        self._waiting.append(block)
        self._held += len(block)
        if self._held >= FLUSH_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Hand what is held to the disk, after what is under way.

        Raises:
            OSError: That could not be written.
        """
        await self._settle()
        blocks, self._waiting, self._held = self._waiting, [], 0
        self._writing = asyncio.ensure_future(to_thread.run_sync(self._file.writelines, blocks))

    async def restart(self) -> None:
        """Drop what was written."""
        self._waiting, self._held = [], 0
        await self._settle()
        await to_thread.run_sync(self._empty)

    async def write_all(self, blocks: Iterable[bytes]) -> None:
        """Write what is here already, and may have to be decoded on the way."""
        await to_thread.run_sync(self._file.writelines, blocks)

    async def complete(self) -> int:
        """Write out the rest, down to the disk; return how many bytes there are."""
        await self.flush()
        await self._settle()
        return await to_thread.run_sync(self._sync)

    async def discard(self) -> None:
        """Remove it, unless it was published; also where the task was cancelled."""
        with anyio.CancelScope(shield=True):
            if self._writing is not None:
                await asyncio.wait([self._writing])
                self._writing.exception()  # whoever discards knows already that it failed

            await to_thread.run_sync(self._remove)

    def publish(self, target: Path, *, overwrite: bool) -> None:
        """Give it its name.

        Raises:
            FileExistsError: There is another by now, and it is not to be overwritten.
            OSError: It can't be renamed.
        """
        if overwrite:
            self.path.replace(target)
        else:
            self._link(target)

        _sync_folder(target.parent)

    def _link(self, target: Path) -> None:
        try:
            # A rename would overwrite what came into being a moment ago; a link does not.
            os.link(self.path, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(target):
                raise FileExistsError(str(target)) from None

            self.path.rename(target)

    async def _settle(self) -> None:
        if self._writing is not None:
            # Shielded: the thread goes on with the file even when nobody waits for it.
            done: Awaitable[Any] = asyncio.shield(self._writing)
            await done
            self._writing = None

    def _sync(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        return size

    def _empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def _remove(self) -> None:
        with suppress(OSError):  # what could not be written can't be flushed
            self._file.close()

        self.path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Let the new name reach the disk too, where folders can be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems refuse this
                os.fsync(handle)
        finally:
            os.close(handle)
