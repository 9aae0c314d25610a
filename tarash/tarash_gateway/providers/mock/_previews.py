"""Images on the way of a mocked call: the image that will come, in coarser grains."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING, cast

from anyio import to_thread

from ..._data._exchange import PartialImage
from ...catalog import lookup
from ...media import samples
from ...models import ImageGenerationRequest
from .._previews import image_in, said_by
from ._draws import Draw, outcome_of, settings
from ._media import drawn

if TYPE_CHECKING:
    from ..._data._exchange import Call

MOST = 3
FINEST = 8
"""Pixels a side of the squares of the last image on the way; each one before has twice as many."""
EVENT = "mock.partial_image"


async def previews(call: Call, draw: Draw) -> tuple[PartialImage, ...]:
    """Return the images on the way that were asked for, where a real call had them, too."""
    count = _count(call, draw)
    if not count:
        return ()

    width, height, seed, label = drawn(call, draw)
    grains = [FINEST * 2**left for left in reversed(range(count))]
    make = partial(samples.make_png, width, height, seed, label)
    made = [await to_thread.run_sync(make, grain) for grain in grains]
    return tuple(
        PartialImage(index, {"content": content, "content_type": samples.IMAGE_TYPE})
        for index, content in enumerate(made)
    )


def _count(call: Call, draw: Draw) -> int:
    outcome = outcome_of(settings(call), draw.outcome)
    if call.kind != "image" or outcome.mock_response is not None or outcome.output_images:
        return 0

    request = cast("ImageGenerationRequest", call.request)
    if not request.partial_images or request.n != 1 or not _has_any(call):
        return 0

    return min(request.partial_images, MOST)


def _has_any(call: Call) -> bool:
    """Tell whether the model that is mocked shows images on the way; the plain mock does."""
    provider = call.config.provider
    if provider == "mock":
        return True

    mappers = lookup(provider, call.config.model, call.kind).mappers.values()
    return any(mapper.source_field == "partial_images" for mapper in mappers)


def event_of(image: PartialImage) -> bytes:
    """Return the event that an image on the way would come in."""
    content = base64.b64encode(image.media["content"]).decode()
    return json.dumps({"type": EVENT, "index": image.index, "b64_json": content}).encode()


def image_of(event: bytes) -> PartialImage | None:
    """Return the image on the way of such an event."""
    fields = said_by(event, (EVENT,))
    return image_in(fields.get("b64_json"), fields.get("index"))
