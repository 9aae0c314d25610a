"""The two origins that belong to no provider: public media, and a stranger.

Neither may ever see a key of ours; the simulator reports it as a leak when one does.
"""

import re
import threading
import zlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from tarash.tarash_gateway._support._mime import type_by_name
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import Reply, Route

_CREDENTIAL_HEADERS = frozenset(
    {"api-key", "authorization", "x-api-key", "x-goog-api-key", "x-key", "xi-api-key"}
)
_CREDENTIAL_PARAMETERS = frozenset({"access_token", "api_key", "key"})


def carries_credential(request: RecordedRequest) -> bool:
    """Tell whether a request carries what resembles somebody's key."""
    return bool(_CREDENTIAL_HEADERS & request.headers.keys()) or bool(
        _CREDENTIAL_PARAMETERS & request.query.keys()
    )


class MediaStore:
    """The files that simulated jobs made, by path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, tuple[bytes, str]] = {}

    def put(self, provider: str, job_id: str, name: str, content: bytes) -> str:
        """Keep a file and return its path on the media origin."""
        path = f"/{provider}/{job_id}/{name}"
        content_type = type_by_name(name) or "application/octet-stream"
        with self._lock:
            self._files[path] = (content, content_type)

        return path

    def get(self, path: str) -> tuple[bytes, str] | None:
        """Return content and content type."""
        with self._lock:
            return self._files.get(path)

    def reset(self) -> None:
        """Forget all files."""
        with self._lock:
            self._files.clear()


class _PublicWire:
    credential_header = "Authorization"

    def credential(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "")

    def error(self, status: int, message: str) -> Reply:
        return Reply(status=status, body=message.encode(), headers={"Content-Type": "text/plain"})

    def not_found(self, request: RecordedRequest) -> Reply:
        return self.error(404, f"There is no {request.path} here.")


class MediaWire(_PublicWire):
    """Serves produced files without credentials, ranges included."""

    def __init__(self, store: MediaStore) -> None:
        self._store = store
        self.routes: Sequence[Route] = [
            Route("GET", "/{path+}", self._download, step="download", public=True),
            Route("HEAD", "/{path+}", self._download, step="download", public=True),
        ]

    async def _download(self, request: RecordedRequest) -> Reply:
        stored = self._store.get(request.path)
        if stored is None:
            return self.not_found(request)

        content, content_type = stored
        return serve_bytes(
            content, content_type, request.headers.get("range"), request.headers.get("if-range")
        )


class ForeignWire(_PublicWire):
    """Answers anything, as a host that has nothing to do with any provider."""

    def __init__(self) -> None:
        self.routes: Sequence[Route] = []

    def not_found(self, request: RecordedRequest) -> Reply:
        return Reply.json({"origin": "foreign", "path": request.path})


def serve_bytes(
    content: bytes, content_type: str, range_header: str | None, if_range: str | None = None
) -> Reply:
    """Answer with a file, or the part of it that was asked for.

    Args:
        content: The whole file.
        content_type: Its media type.
        range_header: One range of bytes; what isn't that gets the whole file.
        if_range: The ETag of the file that a part is asked of; another gets the whole file.
    """
    tag = f'"{zlib.crc32(content):08x}"'
    headers = {"Content-Type": content_type, "Accept-Ranges": "bytes", "ETag": tag}
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", range_header or "")
    if not match or match.groups() == ("", "") or if_range not in (None, tag):
        return Reply(body=content, headers=headers)

    size = len(content)
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        headers["Content-Range"] = f"bytes */{size}"
        return Reply(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)

    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Reply(status=HTTPStatus.PARTIAL_CONTENT, body=content[start : end + 1], headers=headers)
