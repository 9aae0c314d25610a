"""Makes the media of a mocked call and describes them as a provider would. Draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from anyio import to_thread

from ..._data._exchange import Finished
from ...media import _deliver, samples
from ._draws import Draw, outcome_of, settings
from ._visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..._data._exchange import Call
    from ..._data._types import JsonObject, MediaType
    from ...models import ImageGenerationRequest, MockResponse, VideoGenerationRequest

SAMPLE_FACTS = (
    *("aspect_ratio", "resolution", "width", "height"),
    *("duration", "fps", "frames", "has_audio"),
)
# Where media are to be had: in the response's own fields, so not in `provider_metadata`.
PLACES = frozenset({"url", "b64_json", "path", "content_type"})


async def finish(call: Call, draw: Draw, job_id: str) -> Finished:
    """Return what settles the call: media that were given, or made for it."""
    outcome = outcome_of(settings(call), draw.outcome)
    body: JsonObject = {"id": job_id, "status": "completed", "outcome": draw.outcome}
    if outcome.mock_response is not None:
        return Finished(body)

    given = _given(outcome, call)
    if given:
        return Finished({**body, f"{call.kind}s": [visible(media) for media in given]})

    files = await (_videos(call, outcome) if call.kind == "video" else _images(call, outcome, draw))
    facts = {name: value for name, value in files[0].items() if name not in PLACES}
    return Finished({**body, "seed": draw.seed, f"{call.kind}s": files}, facts)


def _given(outcome: MockResponse, call: Call) -> Sequence[MediaType]:
    if call.kind == "image":
        return outcome.output_images or ()

    return () if outcome.output_video is None else (outcome.output_video,)


async def _videos(call: Call, outcome: MockResponse) -> list[JsonObject]:
    request = cast("VideoGenerationRequest", call.request)
    sample = samples.pick_video(request.aspect_ratio, request.resolution, request.duration_seconds)
    facts = {name: getattr(sample, name) for name in SAMPLE_FACTS}
    return [
        await _deliver.deliver(sample.path, sample.content_type, "video", outcome.output_type)
        | facts
        for _ in range(request.number_of_videos)
    ]


async def _images(call: Call, outcome: MockResponse, draw: Draw) -> list[JsonObject]:
    request = cast("ImageGenerationRequest", call.request)
    width, height = samples.image_size(request.size, request.aspect_ratio)
    files = []
    for index in range(request.n):
        content = await to_thread.run_sync(samples.make_png, width, height, draw.seed + index)
        kind = samples.IMAGE_TYPE
        file = await _deliver.deliver(content, kind, "image", outcome.output_type)
        files.append({**file, "width": width, "height": height})

    return files
