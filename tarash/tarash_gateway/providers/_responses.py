"""Makes the response of either kind from media and the facts beside them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..models import ImageGenerationResponse, VideoGenerationResponse
from ._facts import response_facts
from ._outputs import as_text

if TYPE_CHECKING:
    from .._data._exchange import Call, Response
    from .._data._types import MediaType


def response_of(
    call: Call, media: Sequence[MediaType], raw: Any, metadata: Mapping[str, Any], **given: Any
) -> Response:
    """Return the response with these media.

    Args:
        call: What was asked for.
        media: Addresses, bytes with their type, or, of images, base64; at least one.
        raw: The body that settled it.
        metadata: What stands beside them.
        **given: Fields of the response, as the provider said them; None and "" for unsaid.
    """
    fields = response_facts(call, metadata, **given)
    if call.kind == "image":
        images = tuple(map(as_text, media))
        return ImageGenerationResponse(images=images, raw_response=raw, **fields)

    return VideoGenerationResponse(video=media[0], videos=tuple(media), raw_response=raw, **fields)
