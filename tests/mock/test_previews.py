"""Images on the way of the mock: real, ever finer, and only where a real call had them, too."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    MockPollingConfig,
    MockResponse,
    generate_image,
)
from tarash.tarash_gateway.media import samples

AT_ONCE = MockConfig(enabled=True, responses=[MockResponse(output_type="content")])
SEQUENCES: dict[str, list[Any]] = {
    "usual": ["queued", "processing", "completed"],
    "only the end": ["queued", "completed"],
    "long": ["queued", *["processing"] * 5, "completed"],
}


def heard(mock: MockConfig, **fields: Any) -> list[Any]:
    """Return all updates of one mocked image."""
    asked = {"provider": "openai", "model": "gpt-image-2", "partial_images": 2, **fields}
    config = ImageGenerationConfig(
        provider=asked.pop("provider"), model=asked.pop("model"), mock=mock
    )
    updates: list[Any] = []
    request = ImageGenerationRequest(prompt="A cat", **{"size": "320x200", **asked})
    generate_image(config, request, on_progress=updates.append)
    return updates


def opened(content: bytes) -> Image.Image:
    """Return a picture; it has to be whole."""
    Image.open(io.BytesIO(content)).verify()
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_is_a_picture_and_nearer_to_the_last(count: int) -> None:
    *partial, last = heard(AT_ONCE, provider="mock", model="any", partial_images=count, seed=7)
    assert [one.partial_image_index for one in partial] == [*range(count)]
    assert {one.status for one in partial} == {"processing"}
    whole = opened(samples.make_png(320, 200, 7, ("MOCK mock any", "A cat")))
    assert last.status == "completed"
    distances = []
    for one in partial:
        assert one.partial_image["content_type"] == "image/png"
        picture = opened(one.partial_image["content"])
        assert picture.size == whole.size
        distances.append(sum(ImageStat.Stat(ImageChops.difference(picture, whole)).sum))

    assert distances == sorted(distances, reverse=True)
    assert len({*distances}) == count
    assert distances[-1] > 0


@pytest.mark.parametrize("name", SEQUENCES)
def test_those_of_a_job_come_with_its_looks(name: str) -> None:
    polling = MockPollingConfig(delay_between_updates=0, status_sequence=SEQUENCES[name])
    updates = heard(AT_ONCE.model_copy(update={"polling": polling}), partial_images=3)
    told = [(one.status, one.partial_image_index) for one in updates]
    assert [index for _, index in told if index is not None] == [0, 1, 2]
    assert told[-1] == ("completed", None)
    assert told[0] == ("queued", None)
    if name == "long":  # they are spread
        places = [place for place, (_, index) in enumerate(told) if index is not None]
        assert places != [*range(places[0], places[0] + 3)]


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": "fal", "model": "fal-ai/flux/dev"},
        {"model": "dall-e-3", "size": "1024x1024"},
        {"n": 2},
        {"partial_images": 0},
        {"partial_images": None},
    ],
    ids=str,
)
def test_there_are_none_where_a_real_call_has_none(fields: dict[str, Any]) -> None:
    assert [one.partial_image for one in heard(AT_ONCE, **fields)] == [None]


def test_a_given_image_has_none() -> None:
    given = MockConfig(enabled=True, responses=[MockResponse(output_images=["https://a/b.png"])])
    assert [one.status for one in heard(given)] == ["completed"]


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 300)])
@pytest.mark.parametrize("grain", [2, 8, 500])
def test_a_coarse_picture_has_squares_of_one_color(size: tuple[int, int], grain: int) -> None:
    picture = opened(samples.make_png(*size, seed=3, grain=grain))
    assert picture.size == size
    for x in range(0, size[0], grain):
        for y in range(0, size[1], grain):
            box = (x, y, min(x + grain, size[0]), min(y + grain, size[1]))
            assert len(picture.crop(box).getcolors() or ()) == 1
