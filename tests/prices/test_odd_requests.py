"""Every model that has prices, at odd requests: more never costs less, and unknown is never 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    GenerationPlan,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelInfo,
    Quote,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.catalog.prices import prices

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end
PICTURE = "https://example.com/a.png"
LINES = ("360p", "480p", "540p", "720p", "1080p", "1440p", "4k")
SIZES = ("512x512", "1024x1024", "1536x1536", "2048x2048", "4096x4096")
EACH = 97
"""Of all models, one in so many that has prices is played at once; the soak plays all."""
Wishes = dict[str, Any]


def priced(each: int = 1) -> list[ModelInfo]:
    return [
        one
        for one in list_models()[::each]
        if one.outputs and one.outputs[0] in ("video", "image")
        if prices.lines(one.provider, one.model)
    ]


def sources_of(kind: str) -> list[Wishes]:
    """Return what a request may begin with."""
    if kind == "video":
        framed = {"image_list": [{"image": PICTURE, "type": "first_frame"}]}
        return [{}, framed, {"video": "https://example.com/a.mp4"}]

    pictured = {"image_list": [{"image": PICTURE, "type": "reference"}]}
    return [{}, pictured, {**pictured, "mask_image": PICTURE}]


def rows_of(kind: str) -> Iterator[list[Wishes]]:
    """Yield requests of which each has more than the one before."""
    five = {"duration_seconds": 5}
    if kind == "video":
        yield [{}]
        yield [{"duration_seconds": one} for one in range(1, 21, 3)]
        yield [{"resolution": one} for one in LINES]
        yield [{"resolution": one, **five} for one in LINES]
        yield [{"generate_audio": one, **five} for one in (False, True)]
        yield [{"number_of_videos": one, **five} for one in (1, 3)]
    else:
        yield [{}]
        yield [{"n": one} for one in (1, 2, 4)]
        yield [{"quality": one} for one in ("low", "medium", "high")]
        yield [{"size": one} for one in SIZES]


def planned(model: ModelInfo, wishes: Wishes) -> GenerationPlan | None:
    about: Wishes = {"provider": model.provider, "model": model.model}
    asked: Wishes = {"prompt": "A tram in the rain", **wishes}
    try:
        if model.outputs[0] == "video":
            return plan_video(VideoGenerationConfig(**about), VideoGenerationRequest(**asked))

        return plan_image(ImageGenerationConfig(**about), ImageGenerationRequest(**asked))
    except TarashException:
        return None  # which it can't make


def faults_of(quote: Quote) -> Iterator[str]:
    doubts = [one for one in quote.unknown if "may be wrong" not in one]
    if quote.low is not None and quote.low <= 0:
        yield "the least is nothing"

    if quote.high is not None and (quote.low is None or quote.low > quote.high):
        yield "the least is more than the most"

    if doubts and quote.high is not None:
        yield "something is unknown, and the most is said"

    if not doubts and quote.high is None:
        yield "nothing says why the most is not known"


def wrong_of(model: ModelInfo) -> Iterator[tuple[str, ...]]:
    kind = model.outputs[0]
    for source in sources_of(kind):
        for row in rows_of(kind):
            before: Quote | None = None
            for wishes in row:
                plan = planned(model, {**source, **wishes})
                if plan is None:
                    continue

                quote = plan.quote
                said = (model.provider, model.model, str(wishes), str(quote))
                yield from ((*said, fault) for fault in faults_of(quote))
                if is_less(quote, before):
                    yield (*said, f"less than {before}")

                before = quote


def is_less(quote: Quote, before: Quote | None) -> bool:
    if before is None or before.high is None or quote.high is None:
        return False

    return quote.high < before.high or (quote.low or 0) < (before.low or 0)


def test_more_never_costs_less_and_unknown_is_never_nothing() -> None:
    assert [one for model in priced(EACH) for one in wrong_of(model)] == []


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_more_never_costs_less_at_each_model() -> None:
    assert [one for model in priced() for one in wrong_of(model)] == []
