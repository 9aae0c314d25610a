"""Makes the media of a mocked call and describes them as a provider would. Draws nothing."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from anyio import to_thread

from ..._data._exchange import PartialImage, RawResult
from ...catalog import lookup
from ...catalog.prices import usual_seconds
from ...mapping import apply_field_mappers
from ...media import _deliver, placeholder, samples
from ...models import ImageGenerationRequest
from .._previews import image_in, said_by
from ._draws import Draw, outcome_of, settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..._data._exchange import Call
    from ..._data._types import JsonObject, MediaType
    from ...models import MockResponse, VideoGenerationRequest

SAMPLE_FACTS = (
    *("aspect_ratio", "resolution", "width", "height"),
    *("duration", "fps", "frames", "has_audio"),
)
# The fields that a picture's shape and sound come from, and how they are written.
SHAPE = {
    "aspect_ratio": r"\d+:\d+",
    "resolution": r"\d+p|4k",
    "duration_seconds": r"\d+(?:\.\d+)?",
    "generate_audio": r"True|False",
    "size": r"\d+x\d+",
}
# Where media are to be had: in the response's own fields, so not in `provider_metadata`.
PLACES = frozenset({"url", "b64_json", "path", "content_type"})


async def finish(call: Call, draw: Draw, job_id: str) -> RawResult:
    """Return what settles the call: media that were given, or made for it."""
    outcome = outcome_of(settings(call), draw.outcome)
    body: JsonObject = {"id": job_id, "status": "completed", "outcome": draw.outcome}
    if outcome.mock_response is not None:
        return RawResult(body)

    given = _given(outcome, call)
    if given:
        return RawResult({**body, f"{call.kind}s": [visible(media) for media in given]})

    files = await (_videos(call, outcome) if call.kind == "video" else _images(call, outcome, draw))
    metadata = {name: value for name, value in files[0].items() if name not in PLACES}
    return RawResult({**body, "seed": draw.seed, f"{call.kind}s": files}, metadata)


def _given(outcome: MockResponse, call: Call) -> Sequence[MediaType]:
    if call.kind == "image":
        return outcome.output_images or ()

    return () if outcome.output_video is None else (outcome.output_video,)


def sent(call: Call) -> dict[str, Any]:
    """Return the shape that would be sent: as asked, but for what had to fit the model."""
    request = call.request
    shape = {name: getattr(request, name) for name in SHAPE if hasattr(request, name)}
    for adjustment in call.adjustments:
        if adjustment.field in shape and _is_written(adjustment.field, adjustment.sent):
            shape[adjustment.field] = adjustment.sent

    return shape


def _is_written(field: str, value: Any) -> bool:
    """Tell whether a value is written as fields are, and not as a provider's own word is."""
    return value is None or re.fullmatch(SHAPE[field], str(value)) is not None


async def _videos(call: Call, outcome: MockResponse) -> list[JsonObject]:
    request = cast("VideoGenerationRequest", call.request)
    shape = sent(call)
    seconds = shape["duration_seconds"] or _usual_seconds(call)
    sample = samples.pick_video(shape["aspect_ratio"], shape["resolution"], seconds)
    about: JsonObject = {name: getattr(sample, name) for name in SAMPLE_FACTS}
    content: bytes | Path = sample.path
    if shape["generate_audio"]:
        content = await to_thread.run_sync(partial(sample.read, sound=True))
        about["has_audio"] = True
    elif not sample.path.is_file():  # the package is in a zip archive
        content = await to_thread.run_sync(sample.read)

    return [
        await _deliver.deliver(content, sample.content_type, "video", outcome.output_type) | about
        for _ in range(request.number_of_videos)
    ]


def _usual_seconds(call: Call) -> float | None:
    """Return how long the model's video is where nobody says it; None where nobody knows."""
    spec = lookup(call.config.provider, call.config.model, call.kind)
    of_length = {
        name: mapper
        for name, mapper in spec.mappers.items()
        if mapper.source_field == "duration_seconds"
    }
    sent_so = apply_field_mappers(of_length, call.request)
    return usual_seconds(spec, sent_so)


def drawn(call: Call, draw: Draw) -> tuple[int, int, int, tuple[str, str]]:
    """Return width, height, seed and label of the first image."""
    shape = sent(call)
    width, height = samples.image_size(shape["size"], shape["aspect_ratio"])
    label = (f"MOCK {call.config.provider} {call.config.model}", call.request.prompt)
    return width, height, draw.seed, label


async def _images(call: Call, outcome: MockResponse, draw: Draw) -> list[JsonObject]:
    request = cast("ImageGenerationRequest", call.request)
    width, height, first, label = drawn(call, draw)
    files = []
    for seed in range(first, first + request.n):
        content = await to_thread.run_sync(samples.make_png, width, height, seed, label)
        kind = samples.IMAGE_TYPE
        file = await _deliver.deliver(content, kind, "image", outcome.output_type)
        files.append({**file, "width": width, "height": height})

    return files


def visible(value: Any) -> Any:
    """Return a value as JSON, with a placeholder where it holds media."""
    if isinstance(value, Mapping):
        if isinstance(value.get("content"), bytes) and "content_type" in value:
            return placeholder(cast("Any", value))

        return {str(name): visible(item) for name, item in value.items()}

    if isinstance(value, list | tuple):
        return [visible(item) for item in value]

    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"

    if isinstance(value, str):
        return _visible_text(value)

    return value if isinstance(value, int | float | None) else str(value)


def _visible_text(text: str) -> str:
    head, _, data = text.partition(",")
    if not (head[:5].lower() == "data:" and head.endswith(";base64")):
        return text

    kind = head[5:].partition(";")[0]
    return f"<{kind}, {len(data) * 3 // 4 - data[-2:].count('=')} bytes>"


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
