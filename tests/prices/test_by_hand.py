"""Calls whose price was worked out by hand, from what vendors say: not from our price lines.

`by_hand.jsonl` has one a row: amounts that were computed apart from the library, by the rates and
rules of vendors' pages, with what each of them rounds, counts, adds and leaves free.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    Quote,
    VideoGenerationConfig,
    VideoGenerationRequest,
    quote_image,
    quote_video,
)
from tarash.tarash_gateway.media import data_uri, samples

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end
CASES: list[dict[str, Any]] = [
    json.loads(row) for row in Path(__file__).with_name("by_hand.jsonl").read_text().splitlines()
]
PIXEL = data_uri({"content": samples.make_png(64, 64, 1), "content_type": "image/png"})
FRAMES = {"first": "first_frame", "reference": "reference"}


def quoted(case: dict[str, Any]) -> Quote:
    """Return what a case costs by our price lines."""
    wishes = {**case["request"], "prompt": "A tram in the rain"}
    region = wishes.pop("region", None)
    images: Any = [{"image": PIXEL, "type": FRAMES[one]} for one in wishes.pop("image_list", ())]
    made: dict[str, Any] = {"provider": case["provider"], "model": case["model"]}
    if region is not None:
        made["provider_config"] = {"region": region}

    if case["kind"] == "video":
        request = VideoGenerationRequest(**wishes, image_list=images)
        return quote_video(VideoGenerationConfig(**made), request)

    return quote_image(
        ImageGenerationConfig(**made), ImageGenerationRequest(**wishes, image_list=images)
    )


@pytest.mark.parametrize("provider", sorted({one["provider"] for one in CASES}))
def test_what_was_worked_out_by_hand_is_quoted(provider: str) -> None:
    wrong = []
    for case in CASES:
        if case["provider"] != provider:
            continue

        quote = quoted(case)
        if (quote.low, quote.high) != (Decimal(case["low"]), Decimal(case["high"])):
            wrong.append((case, str(quote), quote.unknown))

    assert wrong == []


def test_there_are_cases_of_nearly_every_provider_that_has_prices() -> None:
    counted = Counter(one["provider"] for one in CASES)

    assert sum(counted.values()) > 250
    assert len(counted) >= 16
