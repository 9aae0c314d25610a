"""Files that users upload to the Gemini API: the resumable protocol, and the time that videos take.

A video can be used from the second look at it on, so that who does not look can't use it.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import Reply, Route
from tarash.tarash_gateway.testing._wires._context import WireContext
from tarash.tarash_gateway.testing._wires._google_bodies import classic_error

_FILE = re.compile(rb"/files/([\w-]+)")
_LIFETIME = timedelta(hours=48)


@dataclass(slots=True)
class _Upload:
    content_type: str
    size: int
    looks: int = 0
    arrived: bool = False

    @property
    def state(self) -> str:
        slow = self.content_type.startswith("video/")
        return "PROCESSING" if slow and self.looks < 2 else "ACTIVE"  # noqa: PLR2004 - see above


class GoogleUploads:
    """Takes uploads and tells how far they are."""

    def __init__(self, context: WireContext) -> None:
        self._context = context
        self._uploads: dict[str, _Upload] = {}
        self.routes: Sequence[Route] = [
            Route("POST", "/upload/{version}/files", self._start, step="upload_init"),
            Route("POST", "/resumable/{upload_id}", self._take, step="upload", public=True),
        ]

    async def _start(self, request: RecordedRequest) -> Reply:
        headers = request.headers
        size = headers.get("x-goog-upload-header-content-length", "")
        kind = headers.get("x-goog-upload-header-content-type", "")
        opening = headers.get("x-goog-upload-command") == "start"
        if (
            not opening
            or headers.get("x-goog-upload-protocol") != "resumable"
            or not size.isdigit()
        ):
            return classic_error(400, "Invalid upload request.")

        upload_id = uuid.uuid4().hex
        self._uploads[upload_id] = _Upload(kind, int(size))
        url = f"{self._context.origin}/resumable/{upload_id}"
        return Reply.json({}, headers={"X-Goog-Upload-URL": url, "X-Goog-Upload-Status": "active"})

    async def _take(self, request: RecordedRequest) -> Reply:
        upload_id = request.path_values["upload_id"]
        upload = self._uploads.get(upload_id)
        command = request.headers.get("x-goog-upload-command")
        whole = upload is not None and upload.size == len(request.body)
        if upload is None or not whole or command != "upload, finalize":
            return classic_error(400, "The upload does not fit what was announced.")

        upload.arrived = True
        body = {"file": self._body(upload_id, upload)}
        return Reply.json(body, headers={"X-Goog-Upload-Status": "final"})

    def look(self, file_id: str) -> dict[str, Any] | None:
        """Return a user's file as it stands now; None for what nobody uploaded."""
        upload = self._uploads.get(file_id)
        if upload is None or not upload.arrived:
            return None

        upload.looks += 1
        return self._body(file_id, upload)

    def unusable(self, request: RecordedRequest) -> str | None:
        """Say which of the files that a request names can't be used yet."""
        for file_id in _FILE.findall(request.body):
            upload = self._uploads.get(file_id.decode())
            if upload is not None and upload.state != "ACTIVE":
                return f"The File {file_id.decode()} is not in an ACTIVE state."

        return None

    def _body(self, file_id: str, upload: _Upload) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "name": f"files/{file_id}",
            "mimeType": upload.content_type,
            "sizeBytes": str(upload.size),
            "createTime": now.isoformat(),
            "expirationTime": (now + _LIFETIME).isoformat(),
            "uri": f"{self._context.origin}/v1beta/files/{file_id}",
            "state": upload.state,
            "source": "UPLOADED",
        }
