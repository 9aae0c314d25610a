"""Examines media wherever they are: files, bytes and URLs, of which only the headers are fetched.

Bounded in time and memory for any input. The readers are in `_probing`; here is what feeds them.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from anyio import to_thread

from .._data._made_by import config_of, makers_of
from .._data._media_info import MediaInfo
from .._http._backend import check_loop
from .._http._reasons import reason_of
from .._support._secrets import Secrets
from ..exceptions import ProbeError, ValidationError
from ._local_media import LocalMedia, NoMedium, locate
from ._probing import Unknown, inspect
from ._url_refresher import media_of

if TYPE_CHECKING:
    from .._data._exchange import Response
    from .._data._types import MediaType
    from ._fetch_policy import FetchPolicy, Web

OK, PARTIAL, UNSATISFIABLE = 200, 206, 416
MOST_REQUESTS = 64
"""Ranges that are fetched of one URL; what is known by then is the answer."""
LARGEST_COPY = 256 * 1024 * 1024
"""Bytes that are fetched from a server that can't send parts."""
TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")

Read = Callable[[int, int], Awaitable[bytes]]


async def probe_source(source: MediaType | bytes | os.PathLike[str]) -> MediaInfo:
    """Return what a medium is that a user names; see `probe_async` of the package.

    Raises:
        ProbeError: It can't be read, or is no video or image.
    """
    from ._fetch_policy import FetchPolicy

    if isinstance(source, bytes | bytearray | memoryview):
        return await _probe(LocalMedia(bytes(source)), FetchPolicy())

    if isinstance(source, os.PathLike):
        return await _probe(LocalMedia(Path(source)), FetchPolicy())

    return await probe_media(source, FetchPolicy(), paths=True)


async def probe_response(response: Response, index: int) -> MediaInfo:
    """Return what one result of a response is; the first is 1.

    Raises:
        ValidationError: There is no such result.
        ProbeError: It can't be read, or is no video or image.
    """
    from ._saving import names_files, reach_of

    check_loop()
    reach = reach_of(config_of(response), makers_of(response))
    return await probe_media(result_of(response, index), reach, paths=names_files(response))


def result_of(response: Response, index: int) -> MediaType:
    """Return one result of a response; the first is 1.

    Raises:
        ValidationError: There is no such result.
    """
    media = media_of(response)
    if not 1 <= index <= len(media):
        raise ValidationError(f"there is no result {index}; there are 1 to {len(media)}")

    return media[index - 1]


async def probe_media(media: MediaType, reach: FetchPolicy, *, paths: bool) -> MediaInfo:
    """Return what a medium is.

    Args:
        media: As a response holds it.
        reach: Where a download may go.
        paths: Whether text may be the path of a file.

    Raises:
        ProbeError: It can't be read, or is no video or image.
    """
    try:
        located = locate(media, paths=paths)
    except NoMedium as error:
        raise ProbeError(f"There is nothing to look at: {error}") from error

    return await _probe(located, reach)


async def _probe(located: str | LocalMedia, reach: FetchPolicy) -> MediaInfo:
    try:
        if isinstance(located, LocalMedia):
            return await to_thread.run_sync(probe_here, located)

        return await _probe_url(located, reach)
    except Unknown as error:
        raise ProbeError(f"{_shown(located)} can't be looked at: {error}") from error


def probe_here(medium: LocalMedia) -> MediaInfo:
    """Return what a medium is that needs no fetching; blocks the thread.

    Raises:
        ProbeError: It can't be read.
        Unknown: It is no video or image.
    """
    try:
        content = medium.content()
        if isinstance(content, bytes):
            return _run(lambda offset, length: content[offset : offset + length], len(content))

        with content.open("rb") as file:
            return _run_file(file)
    except (NoMedium, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProbeError(f"{_shown(medium)} can't be read: {reason}") from error


def _run_file(file: IO[bytes]) -> MediaInfo:
    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return _run(read, file.seek(0, os.SEEK_END))


def _run(read: Callable[[int, int], bytes], size: int) -> MediaInfo:
    reader = inspect(lambda: size)
    wanted = next(reader)
    while True:
        try:
            # Past any end there is nothing; a broken header may point further than a file can go.
            wanted = reader.send(read(*wanted) if wanted[0] < size else b"")
        except StopIteration as done:
            info: MediaInfo = done.value
            return info


async def _probe_url(url: str, reach: FetchPolicy) -> MediaInfo:
    import aiohttp

    from ._fetch_policy import Refused

    async with AsyncExitStack() as stack:
        source = _Url(await stack.enter_async_context(reach.open()), url)
        stack.push_async_callback(source.aclose)
        reader = inspect(lambda: source.size)
        wanted = next(reader)
        try:
            while True:
                wanted = reader.send(await source.read(*wanted))
        except StopIteration as done:
            info: MediaInfo = done.value
            return info
        except Refused as error:
            raise ProbeError(f"{_shown(url)} is not fetched: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            message = f"{_shown(url)} can't be fetched: {reason_of(error)}"
            raise ProbeError(message) from Secrets().error(error)


class _Url:
    """What is read of a URL: ranges, or a copy where its server has none."""

    def __init__(self, web: Web, url: str) -> None:
        self._web = web
        self._url = url
        self._requests = 0
        self._copy: IO[bytes] | None = None
        self.size: int | None = None

    async def aclose(self) -> None:
        """Remove the copy."""
        if self._copy is not None:
            await to_thread.run_sync(self._copy.close)

    async def read(self, offset: int, length: int) -> bytes:
        """Return bytes; fewer at the end, and none after too many requests.

        Raises:
            ProbeError: The server has no such file.
        """
        if self._copy is not None:
            return await to_thread.run_sync(self._read_copy, offset, length)

        past = self.size is not None and offset >= self.size
        if past or self._requests >= MOST_REQUESTS:
            return b""

        self._requests += 1
        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        async with self._web.get(self._url, headers) as response:
            match = TOTAL.fullmatch(response.headers.get("Content-Range", ""))
            self.size = int(match[1]) if match else self.size
            if response.status == UNSATISFIABLE:
                return b""

            if response.status == PARTIAL:
                return await _read_up_to(response, length)

            if response.status != OK:
                raise ProbeError(f"{_shown(self._url)} answers HTTP {response.status}")

            return await self._copied(response, offset, length)

    async def _copied(self, response: Any, offset: int, length: int) -> bytes:
        from .._http._reading import blocks_of

        self._copy = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `aclose`)
        size = 0
        async for block in blocks_of(response):
            size += len(block)
            if size > LARGEST_COPY:
                break

            await to_thread.run_sync(self._copy.write, block)

        packed = "Content-Encoding" in response.headers
        whole = size <= LARGEST_COPY
        self.size = size if whole else None if packed else response.content_length
        return await to_thread.run_sync(self._read_copy, offset, length)

    def _read_copy(self, offset: int, length: int) -> bytes:
        if self._copy is None or offset >= LARGEST_COPY:
            return b""

        self._copy.seek(offset)
        return self._copy.read(length)


async def _read_up_to(response: Any, length: int) -> bytes:
    """Return the body, but not more of it than was asked for."""
    body = bytearray()
    while len(body) < length and (block := await response.content.read(length - len(body))):
        body += block

    return bytes(body)


def _shown(medium: str | LocalMedia) -> str:
    """Return a name for an error message; a URL without its signature."""
    if isinstance(medium, str):
        return medium.partition("?")[0][:200]

    return repr(str(medium.media)) if isinstance(medium.media, Path) else "the medium"
