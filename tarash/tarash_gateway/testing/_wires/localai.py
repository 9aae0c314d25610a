"""LocalAI (August 2026): `POST /video` and images, each answered when it is made; no jobs."""

import ipaddress
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route
from tarash.tarash_gateway.testing._wires import _video_server as server
from tarash.tarash_gateway.testing._wires._checks import Fields
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

_INPUTS = ("start_image", "end_image", "audio", "input_reference")


class LocalAIWire(BaseWire):
    """One server."""

    nowhere = "Resource not found"
    keyless = True

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("POST", "/video", self._video, step="submit"),
            Route("POST", "/v1/images/generations", self._image, step="submit"),
            Route(
                "GET",
                "/v1/models",
                always({"object": "list", "data": [{"id": "wan-2.2", "object": "model"}]}),
            ),
        ]

    def credential(self, headers: Mapping[str, str]) -> str:
        """Read `Bearer <key>`, or `x-api-key`."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        return key.strip() if scheme == "Bearer" else headers.get("x-api-key", "")

    def error(self, status: int, message: str) -> Reply:
        """Answer with OpenAI's envelope."""
        body = {"code": status, "message": message, "param": None, "type": ""}
        return Reply.json({"error": body}, status)

    def _body(self, request: RecordedRequest, known: Fields) -> dict[str, Any] | Reply:
        try:
            body = request.json()
        except ValueError:
            return self.error(400, "failed reading parameters from request")

        if not isinstance(body, dict) or not body.get("model"):
            return self.error(400, "no model specified")

        fault = server.wrong(body, known)
        return self.error(400, fault) if fault else body

    async def _video(self, request: RecordedRequest) -> Reply:
        body = self._body(request, server.LOCALAI_VIDEO)
        if isinstance(body, Reply):
            return body

        if any(_is_private(str(body[name])) for name in _INPUTS if name in body):
            return self.error(400, "URL points to a private or loopback address")

        return await self._make(request, "video", body, _video_result)

    async def _image(self, request: RecordedRequest) -> Reply:
        body = self._body(request, server.LOCALAI_IMAGE)
        return (
            body
            if isinstance(body, Reply)
            else await self._make(request, "images/generations", body, server.image_result)
        )

    async def _make(
        self, request: RecordedRequest, endpoint: str, body: dict[str, Any], result: Any
    ) -> Reply:
        job = self._context.state.accept(
            uuid.uuid4().hex, endpoint, body, request, lambda script: result(script, body)
        )
        await self._context.until_ended(job)
        if job.result_status == 200:  # noqa: PLR2004
            return Reply.json(job.result_body)

        return self.error(job.result_status, str(job.result_body["detail"]))


def _is_private(value: str) -> bool:
    host = urlsplit(value).hostname if value.startswith(("http://", "https://")) else None
    try:
        return host is not None and not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost"


def _video_result(script: Script, body: Mapping[str, Any]) -> tuple[int, Any]:
    if script.outcome in ("failed", "moderated"):
        message = script.error_message or "rpc error: code = Unknown desc = out of memory"
        return script.error_status or 500, {"detail": message}

    content = _media.base64_of(_media.video_for(body))
    data = [] if script.outcome == "no_media" else [{"b64_json": content}]
    return 200, dict(script.result or {"created": 1_790_000_000, "id": "1", "data": data})


wire = LocalAIWire
