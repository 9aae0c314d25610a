"""Hands over media that were made on this machine: as a loopback URL, as bytes, or as a file.

What is handed over is described as JSON, the way a provider would answer. Decides nothing about
what is made.
"""

from __future__ import annotations

import base64
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

from .._data._types import JsonObject
from . import _loopback

OutputType = Literal["url", "content", "file"]

FOLDER_NAME = "tarash-gateway-mock"
SUFFIXES = {"video/mp4": ".mp4", "image/png": ".png"}


async def deliver(
    media: bytes | Path, content_type: str, stem: str, output_type: OutputType
) -> JsonObject:
    """Return where media can be had: `url`, `b64_json` or `path`, and their `content_type`.

    Args:
        media: The bytes, or a file that stays where it is.
        content_type: MIME type.
        stem: What the URL's or the file's name begins with, such as `video`.
        output_type: `url` can be fetched while the process lives, `content` is base64, and `file`
            is a copy in the temporary folder, which outlives the process.
    """
    if output_type == "url":
        name = stem + SUFFIXES.get(content_type, "")
        return {
            "url": await _loopback.publish(media, content_type, name),
            "content_type": content_type,
        }

    from anyio import to_thread

    if output_type == "content":
        encoded = await to_thread.run_sync(_base64, media)
        return {"b64_json": encoded, "content_type": content_type}

    path = await to_thread.run_sync(_write, media, content_type, stem)
    return {"path": path, "content_type": content_type}


def _read(media: bytes | Path) -> bytes:
    return media if isinstance(media, bytes) else media.read_bytes()


def _base64(media: bytes | Path) -> str:
    return base64.b64encode(_read(media)).decode()


def _write(media: bytes | Path, content_type: str, stem: str) -> str:
    content = _read(media)
    handle, path = tempfile.mkstemp(SUFFIXES.get(content_type, ""), f"{stem}-", _folder())
    with os.fdopen(handle, "wb") as file:
        file.write(content)

    return path


def _folder() -> str:
    """Return a folder that only this user can read, whoever else uses the machine."""
    folder = Path(tempfile.gettempdir(), FOLDER_NAME)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)

    if _is_ours(folder):
        return str(folder)

    # Somebody else was here first, with this name; theirs is not to be trusted.
    return tempfile.mkdtemp(prefix=f"{FOLDER_NAME}-")


def _is_ours(folder: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True  # Windows: the temporary folder is the user's own

    status = folder.lstat()
    private = not stat.S_IMODE(status.st_mode) & 0o077
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and private
