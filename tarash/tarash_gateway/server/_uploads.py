"""Media that clients bring before they order: kept for a time, for the key that brought them only.

The file lies in the server's folder for results, and what is known of it in the ledger, under the
key's own name: nobody else's request can lead to it.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from .._http._sniff import sniff
from ._refusals import final, invalid

if TYPE_CHECKING:
    from typing import BinaryIO

    from fastapi import Request

    from ..ledger._contract import StateLedger, StateRecord
    from ._app_state import AppState
    from ._settings import ServerSettings

SPACE = "server.uploads"
FOLDER = "uploads"
NAME = re.compile(r"media_[0-9a-f]{32}", re.ASCII)
TAKEN = ("image/", "video/", "audio/")
HEAD_BYTES = 4096
PAGE = 1000
DEEPEST = 4
"""How many lists and objects a medium may stand in."""
SCRATCH = "part_"
ABANDONED_SECONDS = 24 * 3600
"""After which a file is dropped that somebody has begun to write."""
CLEAN_SECONDS = 600
"""How often files are looked for that have expired."""
FIELDS = (
    "image", "images", "input_reference", "input_references", "frame_images", "mask", "video",
)  # fmt: skip
"""Where requests have media."""
PLANS_AT_ONCE = 2
"""Plans and quotes that have files in memory at once."""
PLACES = frozenset({"file_id", "id"})
"""What clients call the id of a file, within an object."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that a client has brought."""

    id: str
    content_type: str
    bytes: int
    created_at: str
    expires_at: str

    def shown(self) -> dict[str, Any]:
        """Return it as clients read it."""
        return {
            "id": self.id,
            "object": "media",
            "content_type": self.content_type,
            "bytes": self.bytes,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
        }


class Uploads:
    """What all clients have brought."""

    def __init__(self, folder: Path, states: StateLedger, settings: ServerSettings) -> None:
        self._folder = folder / FOLDER
        self._states = states
        self._most = settings.uploads_bytes
        self.most_at_once = settings.multipart_bytes
        """Bytes that a request may name together: they are in memory then."""
        self.planning = asyncio.Semaphore(PLANS_AT_ONCE)
        """For what needs files for a moment only, and is asked often."""
        self._clean_at = 0.0

    async def keep(self, owner: str, file: BinaryIO, size: int, seconds: int) -> Upload:
        """Keep a file.

        Args:
            owner: The id of the key that brings it.
            file: What it holds, from its beginning.
            size: How many bytes that are.
            seconds: How long it is kept.

        Raises:
            Refusal: It holds no media, or the key has brought too much.
        """
        await self._clean()
        kind = sniff(await to_thread.run_sync(file.read, HEAD_BYTES))
        if kind is None or not kind.startswith(TAKEN):
            raise invalid("file: it is no image, no video and no sound that is known here", "file")

        there = 0
        async for record in self._of(owner):
            there += record.value["bytes"]

        if there + size > self._most:
            raise final(
                413,
                "too_much_media",
                f"This key has {there} bytes of media here, and may have {self._most}: delete "
                "some, or wait until they expire",
                param="file",
            )

        now = datetime.now(UTC)
        until = now + timedelta(seconds=seconds)
        made = Upload(
            f"media_{secrets.token_hex(16)}", kind, size, now.isoformat(), until.isoformat()
        )
        await to_thread.run_sync(self._write, made.id, file, until.timestamp())
        await self._states.write_state(
            SPACE, f"{owner}/{made.id}", made.shown(), expected=0, until=until
        )
        return made

    async def find(self, owner: str, media_id: str) -> Upload | None:
        """Return what is known of a file; None where it is nobody's, another's, or expired."""
        if NAME.fullmatch(media_id) is None:
            return None

        record = await self._states.read_state(SPACE, f"{owner}/{media_id}")
        return None if record is None else _upload(record)

    async def read(self, owner: str, media_id: str) -> dict[str, Any] | None:
        """Return a file as the library takes it; None as of `find`."""
        upload = await self.find(owner, media_id)
        if upload is None:
            return None

        try:
            content = await to_thread.run_sync((self._folder / media_id).read_bytes)
        except FileNotFoundError:  # on another machine, or somebody has tidied up
            return None

        return {"content": content, "content_type": upload.content_type}

    async def drop(self, owner: str, media_id: str) -> bool:
        """Delete a file; return whether there was one."""
        if await self.find(owner, media_id) is None:
            return False

        await self._states.write_state(SPACE, f"{owner}/{media_id}", None)
        await to_thread.run_sync(self._unlink, media_id)
        return True

    async def _of(self, owner: str) -> AsyncIterator[StateRecord]:
        """Yield what a key has brought."""
        begin = after = f"{owner}/"
        while records := await self._states.list_states(SPACE, after=after, limit=PAGE):
            for record in records:
                if not record.name.startswith(begin):
                    return

                yield record

            after = records[-1].name

    async def _clean(self) -> None:
        if time.monotonic() >= self._clean_at:
            self._clean_at = time.monotonic() + CLEAN_SECONDS
            await to_thread.run_sync(self.delete_expired)

    def _write(self, media_id: str, file: BinaryIO, until: float) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = self._folder / f"{SCRATCH}{media_id}"
        file.seek(0)
        try:
            with scratch.open("xb") as target:
                shutil.copyfileobj(file, target)

            # When it expires, so that whoever cleans up need not ask the ledger.
            os.utime(scratch, (until, until))
            scratch.replace(self._folder / media_id)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise

    def _unlink(self, media_id: str) -> None:
        (self._folder / media_id).unlink(missing_ok=True)

    def delete_expired(self) -> None:
        """Delete the files that have expired, and those that nobody writes any more."""
        now = time.time()
        for path in (*self._folder.glob("media_*"), *self._folder.glob(f"{SCRATCH}*")):
            # Of what is being written, the time is that of its last byte.
            ends = now - ABANDONED_SECONDS if path.name.startswith(SCRATCH) else now
            try:
                if path.stat().st_mtime < ends:
                    path.unlink()
            except FileNotFoundError:  # another server was quicker
                continue


def _upload(record: StateRecord) -> Upload:
    known = {name: value for name, value in record.value.items() if name != "object"}
    return Upload(**known)


async def filled(
    request: Request, app_state: AppState, owner: str, fields: dict[str, Any]
) -> dict[str, Any]:
    """Return a request's fields with what its key has brought in the place of ids.

    A file is read once, however often the request names it, and waits until there is memory for it;
    all of them together may be as large as a form.

    Args:
        request: The request.
        app_state: What the application stands on.
        owner: The id of the key.
        fields: Of the request.

    Raises:
        Refusal: There is no such file of this key, or they are too large together.
    """
    filling = _Filling(request, app_state, owner)
    filled = dict(fields)
    for name in FIELDS:
        if name in fields:
            filled[name] = await filling.filled(fields[name], name)

    return filled


class _Filling:
    """What one request needs of its key's files."""

    def __init__(self, request: Request, app_state: AppState, owner: str) -> None:
        self._request = request
        self._room = app_state.room
        self._uploads = app_state.uploads
        self._owner = owner
        self._read: dict[str, dict[str, Any]] = {}
        self._size = 0

    async def filled(self, value: Any, param: str, depth: int = 0) -> Any:
        """Return a value with files in the place of their ids."""
        if depth > DEEPEST:  # nothing that is taken has its media there
            return value

        if isinstance(value, str) and NAME.fullmatch(value):
            return await self._file(value, param)

        if isinstance(value, list):
            return [await self.filled(entry, param, depth + 1) for entry in value]

        if isinstance(value, dict) and "content" not in value:
            made: dict[str, Any] = {}
            for name, given in value.items():
                inner = await self.filled(given, param, depth + 1)
                made["url" if name in PLACES and inner is not given else name] = inner

            return made

        return value

    async def _file(self, media_id: str, param: str) -> dict[str, Any]:
        if media_id in self._read:
            return self._read[media_id]

        known = await self._uploads.find(self._owner, media_id)
        self._size += 0 if known is None else known.bytes
        if self._size > self._uploads.most_at_once:
            raise final(
                413,
                "body_too_large",
                f"{param}: the media of a request may have {self._uploads.most_at_once} bytes "
                "together, as a form may",
                param=param,
            )

        if known is not None:
            await self._room.take(self._request, known.bytes)

        file = await self._uploads.read(self._owner, media_id)
        if file is None:
            raise final(
                404,
                "media_not_found",
                f"{param}: there is no media {media_id!r} of this key, or it has expired; upload "
                "it again (POST /api/media)",
                param=param,
            )

        self._read[media_id] = file
        return file
