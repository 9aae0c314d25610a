"""Puts a complete file into an object store: S3 and what speaks like it, Google, Azure.

Through obstore, since it is a single wheel for all of them, imports in milliseconds and holds a
fifth of the memory of its alternative; it comes with the extra `storage`. Credentials come from
where each store's own tools take them, and never from a config.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio import to_thread

from .._data._template import Template

ALIASES = {"gcs": "gs"}
METADATA = ("/latest/api/token", "/latest/meta-data", "/computeMetadata/", "/metadata/identity/")
"""What a machine in a cloud is asked for its role, where credentials are looked for last."""
NO_ACCOUNT = "Account must be specified"
CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
    "s3a": "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the path of a key file",
}
AZURE = "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
PIECE_BYTES = 8 * 1024 * 1024
"""Bytes of one request; smaller files go in one."""
AT_ONCE = 2
"""Requests that are under way, each with a piece in memory."""
ABORT_SECONDS = 10
"""How long a cancelled upload may take to take back what it has sent."""


class Exists(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """There is such an object, and it is not to be overwritten."""


class Unreachable(Exception):  # noqa: N818  (as above)
    """The store refuses, or can't be reached."""


class Store:
    """One bucket."""

    def __init__(self, address: str) -> None:
        """Open the bucket of an address such as `s3://bucket/folder/name.mp4`.

        Raises:
            Unreachable: The address or the credentials can't be used.
        """
        from obstore import store

        parts = urlsplit(address)
        self.key = parts.path.lstrip("/")
        self._scheme = ALIASES.get(parts.scheme, parts.scheme)
        try:
            self._store: Any = store.from_url(f"{self._scheme}://{parts.netloc}")
        except Exception as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(_said(error, self._scheme))

    async def check_free(self) -> None:
        """Check that there is no such object yet.

        Raises:
            Exists: There is.
            Unreachable: It can't be found out.
        """
        import obstore

        try:
            await obstore.head_async(self._store, self.key)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._unreachable(error) from error

        raise Exists

    async def put(self, path: Path, size: int, *, overwrite: bool) -> None:
        """Upload a file: the object is there whole, or not at all.

        Args:
            path: The file.
            size: Its bytes.
            overwrite: Whether an object of this name may be replaced. Of several that upload at
                once, one wins where the file goes in one request; larger ones look before they
                begin.

        Raises:
            Exists: There is such an object.
            Unreachable: The store refuses, or the connection broke.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        if not overwrite:
            await self.check_free()

        mode: Any = "overwrite" if overwrite else "create"
        try:
            if size <= PIECE_BYTES:
                content = await to_thread.run_sync(path.read_bytes)
                await obstore.put_async(self._store, self.key, content, mode=mode)
            else:
                await self._put_pieces(path)
        except AlreadyExistsError as error:
            raise Exists from error
        except Exception as error:
            raise self._unreachable(error) from error

    async def _put_pieces(self, path: Path) -> None:
        """Upload in pieces; what has gone up is taken back where it ends early.

        A store keeps the pieces of an upload that nobody ends, and bills them. So a cancelled one
        is not dropped: its next piece fails, which is what makes the library take back the rest.
        """
        import obstore

        stopped = anyio.Event()
        errors: list[BaseException] = []
        over = anyio.Event()
        shield = anyio.CancelScope(shield=True)

        async def upload() -> None:
            with shield:
                try:
                    await obstore.put_async(
                        self._store,
                        self.key,
                        _pieces(path, stopped),
                        chunk_size=PIECE_BYTES,
                        max_concurrency=AT_ONCE,
                    )
                except Exception as error:  # noqa: BLE001  (raised below, without a group around)
                    errors.append(error)

            over.set()

        async with anyio.create_task_group() as group:
            group.start_soon(upload)
            try:
                await over.wait()
            finally:
                stopped.set()
                with anyio.CancelScope(shield=True), anyio.move_on_after(ABORT_SECONDS):
                    await over.wait()

                shield.cancel()

        if errors:
            raise errors[0]


async def check_usable(place: str) -> None:
    """Check what can be known of a store without asking it: nothing is bought for it by then.

    Args:
        place: Where results are to go; anything but a store's address is passed over.

    Raises:
        Unreachable: The address can't be used, or nobody says whose it is.
    """
    template = Template.parse(place)
    if not template.is_local and "{" not in urlsplit(place).netloc:
        await to_thread.run_sync(Store, place)


async def _pieces(path: Path, stopped: anyio.Event) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while piece := await file.read(PIECE_BYTES // 8):
            yield piece
            if stopped.is_set():
                raise InterruptedError("stopped")


def _said(error: Exception, scheme: str) -> str:
    """Return what is missing, else the first line of what the library says: dumps follow."""
    text = str(error).strip()
    missing = CREDENTIALS.get(scheme, AZURE)
    if NO_ACCOUNT in text:
        return f"it is not said in which storage account: {missing}"

    if any(path in text for path in METADATA):
        return f"no credentials were found: {missing}, or give this machine a role that may write"

    with suppress(IndexError):
        return text.splitlines()[0][:300]

    return type(error).__name__
