"""What OpenAI's image models take for the images of an edit: by its guide, and by users' bills."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tarash.tarash_gateway import (
    CostLimitError,
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    Quote,
    quote_image,
)
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.media import data_uri, samples
from tarash.tarash_gateway.testing import Simulator
from tests.jobs.matrix import KEY

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end
UNSEEN = "https://example.com/picture.png"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


def picture(width: int, height: int) -> str:
    return data_uri({"content": samples.make_png(width, height, 1), "content_type": "image/png"})


def edit(*images: str, **more: Any) -> ImageGenerationRequest:
    wanted: dict[str, Any] = {"quality": "low", "size": "1024x1024", **more}
    listed: Any = [{"image": one, "type": "reference"} for one in images]
    return ImageGenerationRequest(prompt="make a cat instead", image_list=listed, **wanted)


def quoted(model: str, *images: str, **more: Any) -> Quote:
    made = ImageGenerationConfig(provider="openai", model=model)
    return quote_image(made, edit(*images, **more))


def tokens(quote: Quote, billable: str = "input_image") -> tuple[int, int]:
    (line,) = (one for one in quote.lines if one.billable == billable)
    return int(line.quantity_low), int(line.quantity_high)


# 65 and 129 for each tile, once the shorter side has 512 pixels; 1024x1025 was billed as one tile,
# and is two in OpenAI's own calculator.
TILES = {
    (64, 64): (194, 194),
    (512, 512): (194, 194),
    (512, 513): (323, 323),
    (1024, 1024): (194, 194),
    (1024, 1025): (194, 323),
    (1920, 1080): (323, 323),
    (1080, 1920): (323, 323),
    (3000, 3000): (194, 194),
    (2048, 400): (581, 581),
    (3000, 300): (581, 581),
}


@pytest.mark.parametrize("model", ["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5"])
def test_an_image_is_counted_in_tiles(model: str) -> None:
    found = {size: tokens(quoted(model, picture(*size))) for size in TILES}
    assert found == TILES


@pytest.mark.parametrize(
    ("size", "due"),
    [
        ((1024, 1024), (194 + 4160, 194 + 4160)),
        ((1920, 1080), (323 + 6240, 323 + 6240)),
        ((1024, 1100), (323 + 4160, 323 + 6240)),  # who knows which of them it is closer to
    ],
)
def test_high_fidelity_adds_what_the_guide_says(size: Any, due: tuple[int, int]) -> None:
    high = {"input_fidelity": "high"}
    assert tokens(quoted("gpt-image-1", picture(*size), extra_params=high)) == due


# As they were billed: 32 by 11 patches of a flat one, 1,024 of a square, 1,536 at most.
PATCHES = {(1024, 341): 352, (1024, 1024): 1024, (512, 512): 1024, (1536, 1024): 1536}


@pytest.mark.parametrize("model", ["gpt-image-2", "gpt-image-2-2026-04-21", "gpt-image-2.5-flare"])
@pytest.mark.parametrize("size", PATCHES)
def test_an_image_is_counted_in_patches(model: str, size: Any) -> None:
    low, high = tokens(quoted(model, picture(*size)))
    assert low <= PATCHES[size] <= high <= 1536
    assert high - low <= 300


@pytest.mark.parametrize(("model", "most"), [("gpt-image-1", 581), ("gpt-image-2", 1536)])
def test_images_that_nobody_has_seen_have_their_bounds(model: str, most: int) -> None:
    quote = quoted(model, UNSEEN, picture(64, 64), UNSEEN)
    alone = tokens(quoted(model, picture(64, 64)))
    assert quote.unknown == ()
    assert tokens(quote)[1] == 2 * most + alone[1]
    assert tokens(quote)[0] < tokens(quote)[1]


def test_several_images_of_one_call_may_be_billed_as_so_many_calls() -> None:
    one, three = (quoted("gpt-image-1", picture(64, 64), n=count) for count in (1, 3))
    assert tokens(three) == (tokens(one)[0], 3 * tokens(one)[1])
    assert tokens(three, "prompt")[1] == 3 * tokens(one, "prompt")[1]


# Of GPT Image 1.5: tokens of the prompt, images, tokens of text that were billed.
BILLED = [(13, [(1024, 1024)], 35), (13, [(1024, 1024)] * 2, 50), (13, [(480, 1408)] * 2, 94)]


@pytest.mark.parametrize(("own", "images", "billed"), BILLED)
def test_text_that_no_prompt_has_is_within_the_quote(own: int, images: Any, billed: int) -> None:
    made = ImageGenerationConfig(provider="openai", model="gpt-image-1.5")
    request = edit(*(picture(*size) for size in images)).model_copy(update={"prompt": "tea " * own})
    low, high = tokens(quote_image(made, request), "prompt")
    assert low <= billed <= high


@pytest.mark.parametrize("model", ["gpt-image-2.6-flare", "chatgpt-image-latest"])
def test_what_nobody_has_told_stays_unknown(model: str) -> None:
    quote = quoted(model, picture(64, 64))
    assert quote.high is None
    assert quote.unknown[-1] == "input image: the tokens of its input image are not known before"


# What fal's page of edits says for an input image of the same size: an output and its patches.
HOSTED = {"1024x768": "0.011", "1024x1024": "0.015", "3840x2160": "0.024"}


@pytest.mark.parametrize("size", HOSTED)
def test_a_host_of_the_model_bills_each_image_that_it_is_given(size: str) -> None:
    """Its table of edits holds for one image; three of them cost as much as one by it."""
    width, height = map(int, size.split("x"))
    made = ImageGenerationConfig(provider="fal", model="openai/gpt-image-2/edit")
    same = picture(width, height)
    one, three = (quote_image(made, edit(*[same] * count, size=size)) for count in (1, 3))
    assert one.low is not None
    assert one.high is not None
    assert three.low is not None
    # The table is rounded to a tenth of a cent.
    assert one.low - Decimal("0.0015") <= Decimal(HOSTED[size]) <= one.high + Decimal("0.0005")
    assert three.low - one.low == 2 * next(
        part.low for part in one.lines if part.billable == "input_image"
    )


def test_an_edit_fits_under_a_limit_of_what_it_costs_at_most(simulator: Simulator) -> None:
    worst = quoted("gpt-image-1", picture(64, 64)).high
    assert worst is not None
    gateway = Gateway(ledger=MemoryLedger())
    made = ImageGenerationConfig(
        provider="openai",
        model="gpt-image-1",
        api_key=KEY,
        base_url=simulator.base_url("openai"),
        max_cost=worst,
    )
    gateway.generate_image(made, edit(picture(64, 64)))
    poorer = made.model_copy(update={"max_cost": worst - Decimal("0.000001")})
    with pytest.raises(CostLimitError):
        gateway.generate_image(poorer, edit(picture(64, 64)))

    assert simulator.counters("openai").submits == 1
