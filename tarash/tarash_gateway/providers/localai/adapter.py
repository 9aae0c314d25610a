"""LocalAI (August 2026): `POST /video` and `/v1/images/generations`, which answer with the media.

Checked against the project's source. It has no jobs: nobody can stop one, or ask for it again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._data._exchange import MediaConstraints, MediaSupport, RawResult
from ..._http._client import shorten
from ...exceptions import GenerationFailedError
from .._openai_results import image_response
from .._openai_wire import IMAGE_INPUTS
from .._outputs import response_of
from .._own_server import OwnServer
from .._result_facts import objects, text
from .._server_wire import server_errors

if TYPE_CHECKING:
    from ..._data._exchange import Call, Operation, Response
    from ..._data._types import MediaContent
    from ..._http._client import HttpResponse
    from ...catalog import ModelSpec
    from .._contract import Ability

LARGEST_INLINE = 128 * 1024 * 1024
VIDEO = "video/mp4"


class LocalAIAdapter(OwnServer):
    """LocalAI's own route for videos, and OpenAI's for images."""

    abilities: frozenset[Ability] = OwnServer.abilities | {"answers_at_once"}
    name = "localai"
    base_url = "http://127.0.0.1:8080"
    versions = ("/v1",)
    key_variables = ("LOCALAI_API_KEY",)
    # It refuses addresses of a private network, so what has an address is fetched by us.
    accepts = MediaSupport(
        url=False, largest_inline=LARGEST_INLINE, images=MediaConstraints(IMAGE_INPUTS)
    )
    errors = server_errors("LocalAI")
    check_path = "v1/models"

    def body(self, call: Call, spec: ModelSpec) -> dict[str, Any]:
        """Return the parameters, and that the media are to be in the answer. Pure."""
        return {"model": spec.model, "response_format": "b64_json", **self.mapped(call, spec)}

    def endpoint(self, call: Call, spec: ModelSpec, body: Mapping[str, Any]) -> str:
        """Return the path. Pure."""
        del spec, body
        return "video" if call.kind == "video" else "v1/images/generations"

    def answers_at_once(self, call: Call) -> bool:
        """Tell that there are no jobs."""
        del call
        return True

    def accepted(self, client: Any, answer: HttpResponse, call: Call) -> Operation | RawResult:
        """Return what was made."""
        del client, call
        return RawResult(answer.object())

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response; of videos as bytes, else as the server's address. Pure."""
        if call.kind == "image":
            return image_response(call, finished.raw)

        items = objects(finished.raw.get("data"))
        media = [medium for item in items if (medium := _medium(item)) is not None]
        if not media:
            raise GenerationFailedError(
                f"LocalAI answered without a video: {shorten(finished.raw)}",
                raw_response=finished.raw,
            )

        beside = {name: value for name, value in finished.raw.items() if name != "data"}
        return response_of(call, media, finished.raw, beside, content_type=VIDEO)


def _medium(item: Mapping[str, Any]) -> str | MediaContent | None:
    packed = text(item.get("b64_json"))
    if packed is None:
        return text(item.get("url"))

    try:
        content = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None

    return {"content": content, "content_type": VIDEO} if content else None


adapter = LocalAIAdapter()
