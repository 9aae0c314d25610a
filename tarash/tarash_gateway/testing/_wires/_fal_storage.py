"""fal's storage: uploads as rest.fal.ai and v3.fal.media take them.

Three ways in, as fal_client 1.0.3 uses them: one request, parts (from 100 MB), and a signed URL as
the fallback. All on the wire's own origin; uploaded files can be fetched without a key.
"""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from tarash.tarash_gateway.testing._public import serve_bytes
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import Reply, Route
from tarash.tarash_gateway.testing._wires._context import WireContext
from tarash.tarash_gateway.testing._wires._fal_bodies import request_error

_TOKEN_LIFETIME = timedelta(hours=1)
_FILE = "/files/b/{file_id}/{name+}"
_PARTS = f"{_FILE}/multipart/{{upload_id}}"
_SIGNED = "/storage/signed/{file_id}/{name+}"


class FalStorage:
    """Takes uploads and gives them back."""

    def __init__(self, context: WireContext) -> None:
        self._context = context
        self._files: dict[str, tuple[bytes, str]] = {}
        self._parts: dict[str, dict[int, bytes]] = {}
        self.routes = [
            Route("POST", "/storage/auth/token", self._token, step="upload_init"),
            Route("POST", "/storage/upload/initiate", self._initiate, step="upload_init"),
            Route("PUT", _SIGNED, self._upload_signed, step="upload", public=True),
            Route("POST", "/files/upload", self._upload, step="upload"),
            Route("POST", "/files/upload/multipart", self._start_parts, step="upload_init"),
            Route("PUT", f"{_PARTS}/{{number}}", self._upload_part, step="upload"),
            Route("POST", f"{_PARTS}/complete", self._join_parts, step="upload_init"),
            Route("GET", _FILE, self._download, public=True),
        ]

    async def _token(self, _request: RecordedRequest) -> Reply:
        token = f"cdn-{uuid.uuid4().hex}"
        self._context.state.issue_token(token)
        return Reply.json(
            {
                "token": token,
                "token_type": "Bearer",
                "base_url": self._context.origin,
                "expires_at": (datetime.now(UTC) + _TOKEN_LIFETIME).isoformat(),
            }
        )

    async def _initiate(self, request: RecordedRequest) -> Reply:
        try:
            name = str(request.json()["file_name"])
        except (ValueError, LookupError, TypeError):
            return request_error(400, "file_name and content_type are required")

        place = f"{uuid.uuid4().hex}/{quote(name, safe='')}"
        return Reply.json(
            {
                "upload_url": f"{self._context.origin}/storage/signed/{place}",
                "file_url": f"{self._context.origin}/files/b/{place}",
            }
        )

    async def _upload_signed(self, request: RecordedRequest) -> Reply:
        self._keep(request.path_values["file_id"], request, request.body)
        return Reply()

    async def _upload(self, request: RecordedRequest) -> Reply:
        file_id = uuid.uuid4().hex
        self._keep(file_id, request, request.body)
        return Reply.json({"access_url": self._access_url(file_id, request)})

    async def _start_parts(self, request: RecordedRequest) -> Reply:
        file_id, upload_id = uuid.uuid4().hex, uuid.uuid4().hex
        self._keep(file_id, request, b"")
        self._parts[upload_id] = {}
        access_url = self._access_url(file_id, request)
        return Reply.json({"access_url": access_url, "uploadId": upload_id})

    async def _upload_part(self, request: RecordedRequest) -> Reply:
        parts = self._parts.get(request.path_values["upload_id"])
        number = request.path_values["number"]
        if parts is None or not number.isdecimal():
            return request_error(404, "Upload not found")

        parts[int(number)] = request.body
        digest = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
        return Reply(headers={"ETag": f'"{digest}"'})

    async def _join_parts(self, request: RecordedRequest) -> Reply:
        parts = self._parts.pop(request.path_values["upload_id"], None)
        file_id = request.path_values["file_id"]
        if parts is None or file_id not in self._files:
            return request_error(404, "Upload not found")

        content_type = self._files[file_id][1]
        self._files[file_id] = (b"".join(parts[number] for number in sorted(parts)), content_type)
        return Reply.json({})

    async def _download(self, request: RecordedRequest) -> Reply:
        stored = self._files.get(request.path_values["file_id"])
        if stored is None:
            return request_error(404, "File not found")

        content, content_type = stored
        return serve_bytes(content, content_type, request.headers.get("range"))

    def _keep(self, file_id: str, request: RecordedRequest, content: bytes) -> None:
        content_type = request.headers.get("content-type", "application/octet-stream")
        self._files[file_id] = (content, content_type)

    def _access_url(self, file_id: str, request: RecordedRequest) -> str:
        name = quote(request.headers.get("x-fal-file-name", "upload.bin"), safe="")
        return f"{self._context.origin}/files/b/{file_id}/{name}"
