"""Copies a ledger while others write to it: the whole of it, or nothing under the copy's name."""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ._errors import BUSY_SECONDS
from ._file_identity import copied
from ._media import MediaFolder, sync_folder


@dataclass(frozen=True)
class Backup:
    """What a copy holds."""

    jobs: int
    media: int


def back_up(source: Path, target: Path) -> Backup:
    """Copy a ledger's file, what is still in the log beside it, and the bytes of its requests.

    Args:
        source: The ledger's file.
        target: The copy's; its bytes go beside it, as the ledger's do.

    Returns:
        What was copied.

    Raises:
        FileExistsError: There is something of the copy's name; it was left as it is.
        OSError: A file can't be read or written.
        sqlite3.Error: The ledger can't be read, or the copy can't be written.
    """
    folder = MediaFolder(target).path
    for path in (target, folder, *(Path(f"{target}{end}") for end in ("-wal", "-shm"))):
        if path.exists() or path.is_symlink():
            raise FileExistsError(f"{path} is there already")

    scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    made = False
    try:
        jobs, names = _copy(source, scratch)
        if names:
            folder.mkdir(mode=0o700)
            made = True

        media = _copy_media(MediaFolder(source), folder, names)
        _give_name(scratch, target)
    except BaseException:
        if made:
            shutil.rmtree(folder, ignore_errors=True)

        raise
    finally:
        with suppress(OSError):
            scratch.unlink()

    sync_folder(target.parent)
    return Backup(jobs, media)


def _copy(source: Path, scratch: Path) -> tuple[int, list[str]]:
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as connection:
        copied(connection, scratch)

    with closing(sqlite3.connect(scratch)) as copy:
        (jobs,) = copy.execute("SELECT COUNT(*) FROM jobs").fetchone()
        rows = copy.execute("SELECT DISTINCT sha256 FROM media").fetchall()

    return jobs, [name for (name,) in rows]


def _copy_media(source: MediaFolder, folder: Path, names: list[str]) -> int:
    number = 0
    for name in names:
        content = source.read(name)
        if content is None:
            continue  # its job has ended since, or it was lost before

        path = folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

        number += 1

    return number


def _give_name(scratch: Path, target: Path) -> None:
    try:
        os.link(scratch, target)  # unlike a rename, it never replaces what has appeared since
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        if target.exists():
            raise FileExistsError(f"{target} is there already") from None

        scratch.rename(target)
