"""Puts a result on the disk: under a temporary name first, and never over a file unasked.

Media of a URL are fetched without credentials. What can't be saved is not lost: the error tells
where it is, and bytes that no URL serves are saved elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import os
import re
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .._types import MediaType
from ..media import sniff
from ..models import ImageGenerationResponse, VideoGenerationResponse
from ._errors import CommandError, Exit

if TYPE_CHECKING:
    import aiohttp

Response = VideoGenerationResponse | ImageGenerationResponse

CONNECT_SECONDS = 10
SILENCE_SECONDS = 60
"""How long a download may stand still."""
CHUNK_BYTES = 256 * 1024
OK = 200
EXTENSIONS = {
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
}
DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?:;[^,]*)?;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Saved:
    """One file that was written."""

    path: Path
    size: int
    content_type: str | None


def media_of(response: Response) -> tuple[MediaType, ...]:
    """Return all videos or images of a response."""
    return response.videos if isinstance(response, VideoGenerationResponse) else response.images


def url_of(media: MediaType) -> str | None:
    """Return the media's URL, or None where they are bytes."""
    return media if isinstance(media, str) and re.match(r"https?://", media) else None


def numbered(path: Path, count: int) -> list[Path]:
    """Return the names of several outputs: `cat-1.png`, `cat-2.png`; one keeps its name."""
    if count <= 1:
        return [path]

    return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, count + 1)]


def check(path: Path, count: int, *, force: bool) -> None:
    """Check, before anything is paid for, that outputs can be written.

    Raises:
        CommandError: They can't; the message says what to do.
    """
    folder = path.parent
    if path.is_dir() or not path.name:
        raise CommandError(f"--output: {str(path)!r} is a folder; name a file in it")

    if not folder.is_dir():
        raise CommandError(
            f"--output: there is no folder {str(folder)!r}; make it first: mkdir -p {folder}"
        )

    if not os.access(folder, os.W_OK | os.X_OK):
        raise CommandError(f"--output: the folder {str(folder)!r} can't be written to")

    for target in numbered(path, count):
        if os.path.lexists(target) and not force:
            raise CommandError(
                f"--output: {str(target)!r} exists; choose another name, or overwrite it with "
                "--force"
            )

        if target.exists() and not target.is_file():
            raise CommandError(f"--output: {str(target)!r} is no regular file; name another")


async def save(
    response: Response, path: Path | None, asked: int, *, force: bool, done: list[Saved]
) -> None:
    """Save a response's media.

    Args:
        response: What was made.
        path: Where to; None saves what no URL serves, under the request's id.
        asked: How many were asked for, whose names were checked.
        force: Whether to overwrite.
        done: Takes in each file as it is saved, so that a later failure hides none.

    Raises:
        OSError: A file could not be written.
        CommandError: A download failed.
    """
    found = media_of(response)
    if path is None:
        found = tuple(media for media in found if url_of(media) is None)
        path, asked, force = _own_name(response, found), 1, False

    targets = numbered(path, max(asked, len(found)))
    for media, target in zip(found, targets, strict=False):
        done.append(await _save_one(media, target, response, force=force))


def rescue(response: Response) -> list[Path]:
    """Save what no URL serves wherever it can be; return where, and nothing where it can't be."""
    found = tuple(media for media in media_of(response) if url_of(media) is None)
    for folder in (Path(), Path(tempfile.gettempdir())):
        paths = numbered(folder / _own_name(response, found).name, len(found))[: len(found)]
        try:
            for media, path in zip(found, paths, strict=True):
                with _writing(path, force=False) as file:
                    file.write(_inline(media, response)[0])
        except OSError:
            continue  # the next folder; the caller tells that all failed where none is left

        return paths

    return []


async def _save_one(media: MediaType, target: Path, response: Response, *, force: bool) -> Saved:
    url = url_of(media)
    content_type = response.content_type
    with _writing(target, force=force) as file:
        if url is not None:
            content_type = await _download(url, file) or content_type
        else:
            content, content_type = _inline(media, response)
            file.write(content)

        size = file.tell()

    return Saved(target, size, content_type)


def _inline(media: MediaType, response: Response) -> tuple[bytes, str | None]:
    """Return the bytes that a response holds, and their type."""
    if not isinstance(media, str):
        return media["content"], media["content_type"]

    head = DATA_URI.match(media)
    try:
        content = base64.b64decode(media[head.end() if head else 0 :])
    except binascii.Error as error:
        raise CommandError(
            f"the result is neither a URL nor base64: {media[:60]!r}",
            code=Exit.SAVING,
            kind="SavingError",
        ) from error

    declared = head["type"] if head else None
    return content, declared or sniff(content) or response.content_type


def _own_name(response: Response, found: tuple[MediaType, ...]) -> Path:
    """Return a name in the current folder, from the request's id and the media's type."""
    content_type = _inline(found[0], response)[1] if found else None
    extension = EXTENSIONS.get(content_type or "") or mimetypes.guess_extension(content_type or "")
    return Path(re.sub(r"[^\w.-]", "_", response.request_id) + (extension or ".bin"))


@contextmanager
def _writing(target: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open a file under a temporary name, which becomes the target's when all is written."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

        if not force and os.path.lexists(target):
            raise FileExistsError(f"{str(target)!r} has come into being meanwhile")

        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


async def _download(url: str, file: BinaryIO) -> str | None:
    """Fetch a URL into a file; return the type that its server states.

    Raises:
        CommandError: It can't be had whole.
    """
    import aiohttp

    try:
        async with _get(url) as response:
            if response.status != OK:
                raise _failed(f"HTTP {response.status}")

            if response.content_type.startswith(("text/", "application/json")):
                raise _failed(f"a page came instead ({response.content_type})")

            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                file.write(chunk)

            announced = response.content_length
            if not file.tell() or (announced is not None and announced != file.tell()):
                raise _failed(f"{file.tell()} bytes came of {announced}")

            return response.content_type
    except TimeoutError as error:
        raise _failed("the server fell silent") from error
    except aiohttp.ClientError as error:
        raise _failed(str(error) or type(error).__name__) from error


@asynccontextmanager
async def _get(url: str) -> AsyncIterator[aiohttp.ClientResponse]:
    import aiohttp

    from .._http import proxy_for

    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
    )
    headers = {"Accept-Encoding": "identity"}
    async with (
        aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
        session.get(url, proxy=proxy_for(url)) as response,
    ):
        yield response


def _failed(why: str) -> CommandError:
    return CommandError(f"the download failed: {why}", code=Exit.SAVING, kind="SavingError")
