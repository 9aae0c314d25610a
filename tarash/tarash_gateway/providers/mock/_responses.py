"""The response of a mocked call, from the body that settled it. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

from ..._support._mime import type_by_name
from ...models import ImageGenerationResponse, MockResponse, VideoGenerationResponse
from ._draws import outcome_of, settings

if TYPE_CHECKING:
    from ..._data._exchange import Call, RawResult, Response
    from ..._data._types import JsonObject, MediaType


def response_of(call: Call, finished: RawResult) -> Response:
    """Return the response that was drawn, or one with the media that were given or made."""
    body = finished.raw
    outcome = outcome_of(settings(call), body["outcome"])
    if outcome.mock_response is not None:
        fields = {"request_id": body["id"], "is_mock": True}
        return outcome.mock_response.model_copy(update=fields)

    fields = {
        "request_id": body["id"],
        "status": "completed",
        "is_mock": True,
        "raw_response": body,
        "provider_metadata": dict(finished.metadata),
    }
    if call.kind == "video":
        return _video_response(outcome, body, fields)

    return _image_response(outcome, body, fields)


def _video_response(outcome: MockResponse, body: JsonObject, fields: JsonObject) -> Response:
    if outcome.output_video is not None:
        media = outcome.output_video
        return VideoGenerationResponse(video=media, content_type=_content_type(media), **fields)

    first = body["videos"][0]
    videos = tuple(_media(file) for file in body["videos"])
    return VideoGenerationResponse(
        video=videos[0],
        videos=videos,
        content_type=first["content_type"],
        duration=first["duration"],
        resolution=first["resolution"],
        aspect_ratio=first["aspect_ratio"],
        **fields,
    )


def _image_response(outcome: MockResponse, body: JsonObject, fields: JsonObject) -> Response:
    if outcome.output_images:
        return ImageGenerationResponse(
            images=tuple(_text(media) for media in outcome.output_images),
            content_type=_content_type(outcome.output_images[0]),
            **fields,
        )

    files = body["images"]
    return ImageGenerationResponse(
        images=tuple(file.get("url") or file.get("path") or file["b64_json"] for file in files),
        content_type=files[0]["content_type"],
        **fields,
    )


def _media(file: JsonObject) -> MediaType:
    if "b64_json" in file:
        content = base64.b64decode(file["b64_json"])
        return {"content": content, "content_type": file["content_type"]}

    return cast("str", file.get("url") or file["path"])


def _text(media: MediaType) -> str:
    return media if isinstance(media, str) else base64.b64encode(media["content"]).decode()


def _content_type(media: MediaType) -> str | None:
    if not isinstance(media, str):
        return media["content_type"]

    return type_by_name(media)
