"""What people reported of wrong spend elsewhere: counted twice, at nothing, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Budget,
    BudgetExceededError,
    CostLimitError,
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    list_prices,
    quote_image,
    quote_video,
    spend_async,
)
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.engine.conftest import dead_url
from tests.media.raw import Asked, answer, serving

KEY = "canary-key-of-the-field"
REQUEST = VideoGenerationRequest(prompt="A tram", duration_seconds=5)
FIVE_SECONDS = Decimal("0.60")
"""Of Runway's gen4.5."""
PNG = samples.make_png(64, 64, 1)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["runway", "luma", "stability"]) as running:
        running.script("runway", Script(billable_units=60))
        yield running


def config(
    simulator: Simulator, provider: str = "runway", model: str = "gen4.5", **more: Any
) -> Any:
    return VideoGenerationConfig(
        provider=provider,
        model=model,
        api_key=KEY,
        base_url=simulator.base_url(provider),
        poll_interval=0.02,
        max_retries=0,
        provider_config={"min_poll_interval": 0.01},
        **more,
    )


async def test_polls_and_waits_add_nothing(simulator: Simulator) -> None:
    """Elsewhere every look at a job was charged like its submit."""
    simulator.script("runway", Script(billable_units=60, queue_polls=3, run_polls=3))
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    job = await gateway.submit_video_async(config(simulator), REQUEST)
    for _ in range(3):
        await job.status_async()

    await job.wait_async()
    again = await gateway.resume_async(job.id, api_keys={"runway": KEY})
    await again.wait_async()

    (row,) = await spend_async(ledger)
    assert [row.amount, row.possible, row.submits] == [FIVE_SECONDS, 0, 1]
    await gateway.aclose()


def images(usage: Any) -> Any:
    """Answer a request for images with this usage."""
    body = {"created": 1, "data": [{"b64_json": "iVBORw0KGgo="}], "usage": usage}
    content = json.dumps(body).encode()

    def answers(_asked: Asked, _number: int) -> list[bytes]:
        return [answer(content, "200 OK", Content_Type="application/json")]

    return answers


@pytest.mark.parametrize("details", [{}, {"output_tokens_details": None}])
async def test_images_cost_the_rate_of_images_without_a_word_on_their_kind(
    details: dict[str, Any],
) -> None:
    """Elsewhere the tokens of an image cost what text costs, a third of it."""
    usage = {
        "input_tokens": 23,
        "output_tokens": 1056,
        "total_tokens": 1079,
        "input_tokens_details": {"text_tokens": 23, "image_tokens": 0},
        **details,
    }
    with serving(images(usage)) as server:
        made = ImageGenerationConfig(
            provider="openai", model="gpt-image-2", api_key=KEY, base_url=f"{server.url}/v1"
        )
        gateway = Gateway(ledger=MemoryLedger())
        response = await gateway.generate_image_async(made, ImageGenerationRequest(prompt="A cat"))
        await gateway.aclose()

    # 5 dollars for a million tokens of text, 30 for a million of the image
    due = (Decimal(23) * 5 + Decimal(1056) * 30) / 1_000_000
    assert response.cost is not None
    assert response.cost.amount == due == Decimal("0.031795")


@pytest.mark.parametrize("size", [None, "1024x1024"])
@pytest.mark.parametrize("quality", [None, "auto", "high"])
def test_what_is_left_to_the_provider_is_priced_over_all_that_it_may_be(
    size: str | None, quality: str | None
) -> None:
    """Elsewhere an image of automatic quality cost nothing."""
    made = ImageGenerationConfig(provider="openai", model="gpt-image-1")
    quote = quote_image(made, ImageGenerationRequest(prompt="A cat", size=size, quality=quality))

    assert quote.low is not None
    assert quote.low > Decimal("0.01")
    assert quote.high is None or quote.high >= Decimal("0.167")  # high, in a square


async def test_a_model_that_says_nothing_of_its_cost_costs_its_price(
    simulator: Simulator,
) -> None:
    """Elsewhere images of Imagen cost nothing, always."""
    made = ImageGenerationConfig(
        provider="stability",
        model="sd3.5-large",
        api_key=KEY,
        base_url=simulator.base_url("stability"),
    )
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    response = await gateway.generate_image_async(made, ImageGenerationRequest(prompt="A cat"))
    await gateway.aclose()

    assert response.cost is not None
    assert (response.cost.amount, response.cost.state) == (Decimal("0.065"), "estimated")
    (row,) = await spend_async(ledger)
    assert row.amount == Decimal("0.065")


def test_an_image_has_no_flat_price_where_size_and_quality_make_it() -> None:
    """Elsewhere each image of a model cost the same; the vendor bills a tenth to thrice of it."""
    found = {}
    for quality in ("xhigh", "max"):
        made = ImageGenerationConfig(
            provider="fal", model="openai/gpt-image-2.5/flare/text-to-image"
        )
        request = ImageGenerationRequest(
            prompt="A cat",
            extra_params={"quality": quality, "image_size": {"width": 1024, "height": 1024}},
        )
        found[quality] = quote_image(made, request)

    images = {quality: one.lines[0].high for quality, one in found.items()}
    assert images == {"xhigh": Decimal("0.09366"), "max": Decimal("0.21072")}
    # 5 dollars for a million tokens of text, of which six letters are one to nine
    for quality, quote in found.items():
        assert quote.low == images[quality] + Decimal("0.000005")
        assert quote.high == images[quality] + Decimal("0.000045")
        assert quote.unknown == ()

    unknown = ImageGenerationConfig(provider="fal", model="openai/gpt-image-2")
    size = {"image_size": {"width": 1600, "height": 1200}}
    quote = quote_image(unknown, ImageGenerationRequest(prompt="A cat", extra_params=size))
    assert quote.high is None


async def test_eight_at_once_spend_what_one_may(simulator: Simulator) -> None:
    """Elsewhere all that began before the first was counted were let through."""
    gateway = Gateway(ledger=MemoryLedger(), budgets=[Budget("0.60", per="day", label="user")])
    user = {"user": "never seen before"}
    ends = await asyncio.gather(
        *(gateway.generate_video_async(config(simulator), REQUEST, labels=user) for _ in range(8)),
        return_exceptions=True,
    )
    await gateway.aclose()

    assert sorted(type(one).__name__ for one in ends) == [
        *["BudgetExceededError"] * 7,
        "VideoGenerationResponse",
    ]
    assert simulator.counters("runway").submits == 1


async def test_what_can_not_be_estimated_is_refused_and_not_let_through(
    simulator: Simulator,
) -> None:
    """Elsewhere there was no reservation for what had no price, and so no limit."""
    gateway = Gateway(ledger=MemoryLedger(), budgets=["1/day"])
    request = VideoGenerationRequest(prompt="A tram")
    for unpriced in (("luma", "ray-1-6"), ("runway", "gen9_unheard_of")):
        with pytest.raises(TarashException) as caught:
            await gateway.generate_video_async(config(simulator, *unpriced), request)

        assert caught.value.submission == "not_sent"
        assert isinstance(caught.value, CostLimitError)

    assert simulator.counters("luma").submits == simulator.counters("runway").submits == 0
    await gateway.aclose()


async def test_nothing_is_sent_where_the_reservation_can_not_be_written(
    simulator: Simulator,
) -> None:
    """Elsewhere a request went out although its reservation had failed."""

    class Broken(MemoryLedger):
        async def intend(self, *_facts: Any) -> bool | None:
            raise OSError(28, "No space left on device")

    gateway = Gateway(ledger=Broken(), budgets=["1/day"])
    with pytest.raises(TarashException):
        await gateway.generate_video_async(config(simulator), REQUEST)

    assert simulator.counters("runway").submits == 0
    await gateway.aclose()


async def test_a_failed_task_gives_its_money_back_once(simulator: Simulator) -> None:
    """Elsewhere a failed task was paid for, or given back again with each look."""
    simulator.script("runway", Script(outcome="failed"))
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger, budgets=["0.60/day"])
    for _ in range(3):  # each time the whole budget is there again
        with pytest.raises(TarashException) as caught:
            await gateway.generate_video_async(config(simulator), REQUEST)

        assert not isinstance(caught.value, BudgetExceededError)

    (row,) = await spend_async(ledger)
    assert [row.amount, row.possible, row.submits] == [0, 0, 3]
    await gateway.aclose()


@pytest.mark.parametrize(
    ("provider", "model", "least", "most"),
    [
        ("xai", "grok-imagine-video", "0.05", "1.05"),  # 1 to 15 seconds at 0.05 to 0.07
        ("google", "veo-3.1-fast-generate-preview", "0.4", "2.4"),  # 4 to 8 at 0.10 to 0.30
    ],
)
def test_a_length_that_nobody_gave_is_priced_by_what_the_model_may_make(
    provider: str, model: str, least: str, most: str
) -> None:
    """Elsewhere four seconds were charged, and ten were made and billed."""
    made = VideoGenerationConfig(provider=provider, model=model)
    quote = quote_video(made, VideoGenerationRequest(prompt="A tram"))

    assert (quote.low, quote.high) == (Decimal(least), Decimal(most))


def test_a_token_costs_more_in_1080p_and_less_with_a_source_video() -> None:
    """Elsewhere one rate was taken for all resolutions, and 1080p came out a tenth too low."""
    lines = list_prices("bytedance", "dreamina-seedance-2-0-260128")
    rates = {
        (line.when["input_video"], str(line.when["resolution"])): line.rate
        for line in lines
        if "resolution" in line.when
    }
    assert rates[False, "1080p"] > rates[False, "['480p', '720p']"] > rates[True, "1080p"]


async def test_a_wait_that_was_given_up_gives_nothing_back(simulator: Simulator) -> None:
    """Elsewhere a timeout gave everything back, and the render was billed all the same."""
    simulator.script("runway", Script(outcome="never", cancel="ignored"))
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger, budgets=["0.60/day"])
    with pytest.raises(TarashException):
        await gateway.generate_video_async(config(simulator, max_poll_attempts=2), REQUEST)

    with pytest.raises(BudgetExceededError):
        await gateway.generate_video_async(config(simulator), REQUEST)

    (row,) = await spend_async(ledger)
    assert [row.amount, row.possible] == [0, FIVE_SECONDS]
    await gateway.aclose()


async def test_the_providers_figure_counts_and_not_the_dearest_row(simulator: Simulator) -> None:
    """Elsewhere a short clip was billed as the longest, though the figure was there."""
    simulator.script("runway", Script(billable_units=12))
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    response = await gateway.generate_video_async(config(simulator), REQUEST)
    await gateway.aclose()

    assert response.cost is not None
    assert response.cost.amount == Decimal("0.12")
    (row,) = await spend_async(ledger)
    assert row.amount == Decimal("0.12")


async def test_what_has_no_price_is_counted_as_unknown(simulator: Simulator) -> None:
    """Elsewhere a month's budget was gone in twelve days, at $0.00 by the books."""
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    response = await gateway.generate_video_async(
        config(simulator, "luma", "ray-1-6"), VideoGenerationRequest(prompt="A tram")
    )
    await gateway.aclose()

    assert response.cost is None
    (row,) = await spend_async(ledger)
    assert (row.submits, row.unknown) == (1, 1)


async def test_a_dead_line_before_the_answer_costs_what_it_may(simulator: Simulator) -> None:
    """Elsewhere a submit whose answer was lost was free, and sent and billed again."""
    simulator.fail("runway", "submit", Fault.reset_after())
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    with pytest.raises(TarashException) as caught:
        await gateway.generate_video_async(config(simulator), REQUEST)

    await gateway.aclose()
    assert caught.value.submission == "unknown"
    (row,) = await spend_async(ledger)
    assert (row.possible, row.submits) == (FIVE_SECONDS, 1)
    assert simulator.counters("runway").accepted == 1


@pytest.mark.parametrize("fault", [Fault.status(429), None], ids=["rejected", "never left"])
async def test_a_submit_that_never_left_is_none(simulator: Simulator, fault: Any) -> None:
    """Elsewhere a report counted calls that had failed before the provider heard of them."""
    ledger = MemoryLedger()
    gateway = Gateway(ledger=ledger)
    asked = config(simulator)
    if fault is None:
        asked = asked.model_copy(update={"base_url": dead_url()})
    else:
        simulator.fail("runway", "submit", fault)

    with pytest.raises(TarashException):
        await gateway.generate_video_async(asked, REQUEST)

    await gateway.aclose()
    assert len(ledger.entries()) == 1
    assert [one.submits for one in await spend_async(ledger)] == ([] if fault is None else [1])
