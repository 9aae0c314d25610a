"""Prices that depend on what a request brings: how long its video is, how large its images are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    Quote,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    quote_image,
    quote_video,
    register_prices,
)
from tarash.tarash_gateway.catalog.prices import PriceInputs, prices
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.media import data_uri, samples
from tarash.tarash_gateway.testing import Simulator
from tests.contract.case import PICTURE, URLS, Case
from tests.contract.cases import CASES, everyone
from tests.jobs.matrix import KEY
from tests.prices.quoting import quote_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end
CLIP = samples.pick_video()
SECONDS = Decimal(str(CLIP.duration))


@pytest.fixture(autouse=True)
def _own_prices() -> Iterator[None]:
    yield
    prices.reset()


class Handler:
    """A provider of an application's own."""

    def generate_video(self, _config: Any, _request: Any, _progress: Any = None) -> Any:
        raise AssertionError


def edited(video: Any, **changes: Any) -> Quote:
    """Return what it costs to make five seconds of a video, at a dime for each second of both."""
    register_prices(
        [
            {"provider": "acme", "model": "cut", "unit": "second", "rate": "0.1", "billable": one}
            for one in ("output", "input_video")
        ]
    )
    registry = Registry()
    registry.register_provider("acme", Handler())
    request = VideoGenerationRequest(
        prompt="A cut", duration_seconds=5, video=video, extra_params={"seconds": 5}
    )
    made = VideoGenerationConfig(provider="acme", model="cut", **changes)
    return Gateway(registry=registry, ledger=MemoryLedger()).quote_video(made, request)


@pytest.mark.parametrize("form", ["bytes", "data URI", "path", "text that is a path"])
def test_a_source_video_is_priced_by_its_length(form: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(CLIP.read())
    content: Any = {"content": CLIP.read(), "content_type": "video/mp4"}
    given = {"bytes": content, "data URI": data_uri(content), "path": path}
    quote = edited(given.get(form, str(path)))

    due = (5 + SECONDS) * Decimal("0.1")
    assert (quote.low, quote.high, quote.unknown) == (due, due, ())
    assert [one.quantity_high for one in quote.lines] == [5, SECONDS]


@pytest.mark.parametrize("given", ["https://example.com/a.mp4", "truncated", "garbage"])
def test_a_source_video_whose_length_nobody_knows_is_unknown_and_not_free(given: str) -> None:
    known: dict[str, Any] = {
        "truncated": {"content": CLIP.read()[:64], "content_type": "video/mp4"},
        "garbage": {"content": CLIP.read()[:12] + b"\0" * 99, "content_type": "video/mp4"},
    }
    quote = edited(known.get(given, given))

    assert quote.high is None
    assert quote.unknown == ("input video: the length of the source video is not known",)


def test_seconds_of_the_source_count_like_those_of_the_result_where_the_vendor_says_so() -> None:
    line = {"provider": "acme", "model": "cut", "unit": "second", "rate": "0.1"}
    register_prices([{**line, "formula": "input_plus_output_seconds"}])
    known = PriceInputs(
        seconds=(Decimal(5), Decimal(5)), has_video=True, video_seconds=Decimal("2.5")
    )
    lines = prices.lines("acme", "cut")

    assert quote_of(lines, known, "cut").high == Decimal("0.75")
    assert quote_of(lines, replace(known, video_seconds=None), "cut").high is None
    alone = replace(known, has_video=False, video_seconds=None)
    assert quote_of(lines, alone, "cut").high == Decimal("0.5")


@pytest.mark.parametrize(("source", "low", "high"), [(2, 7, 10), (5, 10, 10), (8, 13, 13)])
def test_a_source_that_is_shorter_than_the_result_of_seedance_may_count_as_longer(
    source: int, low: int, high: int
) -> None:
    """A minimum without a published figure: nine seconds were billed for two and five."""
    line = {"provider": "acme", "model": "dance", "unit": "token", "rate": 1024, "per": 1280 * 720}
    register_prices([{**line, "formula": "ark_tokens_in_out"}])
    facts = PriceInputs(
        values={"resolution": frozenset({"720p"}), "ratio": frozenset({"16:9"})},
        seconds=(Decimal(5), Decimal(5)),
        has_video=True,
        video_seconds=Decimal(source),
    )
    quote = quote_of(prices.lines("acme", "dance"), facts, "dance")

    assert [quote.low, quote.high] == [24 * low, 24 * high]


def test_alibabas_edit_is_not_priced_by_its_result_alone() -> None:
    config = VideoGenerationConfig(provider="alibaba", model="wan3.0-video")
    request = VideoGenerationRequest(prompt="x", duration_seconds=5, resolution="720p")
    plain = quote_video(config, request)
    edit = request.model_copy(update={"video": "https://example.com/a.mp4"})

    assert plain.high == Decimal("0.50")
    assert quote_video(config, edit).high is None


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [((1000, 1000), "0.045", "0.045"), ((1024, 1024), "0.045", "0.060")],
)
def test_an_input_image_counts_by_its_megapixels(
    size: tuple[int, int], low: str, high: str
) -> None:
    picture: Any = {"content": samples.make_png(*size, 1), "content_type": "image/png"}
    request = ImageGenerationRequest(
        prompt="x", size="1024x960", image_list=[{"image": picture, "type": "reference"}]
    )
    config = ImageGenerationConfig(provider="bfl", model="flux-2-pro")
    quote = quote_image(config, request)

    # 3 cents for the first megapixel, 1.5 for one of the input, which may count as two
    assert (quote.low, quote.high) == (Decimal(low), Decimal(high))
    away = request.model_copy(
        update={"image_list": ({"image": "https://example.com/a.png", "type": "reference"},)}
    )
    assert quote_image(config, away).high is None


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with everyone() as running:
        for name in running.providers:
            running.keys[name] = {KEY}

        yield running


def priced(case: Case) -> None:
    """Price what a case makes, and each megapixel of what it is given."""
    line = {"provider": case.provider, "model": case.model}
    register_prices(
        [
            {**line, "billable": "output", "unit": "run", "rate": "0.50"},
            {**line, "billable": "prompt", "unit": "run", "rate": "0"},
            {
                **line,
                "billable": "input_image",
                "unit": "megapixel",
                "rate": "0.25",
                "formula": "input_megapixels",
            },
        ]
    )


async def planned(gateway: Gateway, case: Case, config: Any) -> tuple[Any, Any]:
    """Return a request with an image, by its bytes where the provider takes them, and its plan."""
    role = case.images[0].roles[0]
    plan = getattr(gateway, f"plan_{case.kind}_async")
    try:
        request = case.request(image_list=[{"image": PICTURE, "type": role}])
        return request, await plan(config, request)
    except ValidationError:
        request = case.request(image_list=[{"image": URLS[0], "type": role}])
        return request, await plan(config, request)


async def test_the_quote_of_a_plan_is_the_one_that_is_kept_with_the_attempt(
    simulator: Simulator,
) -> None:
    counted: Counter[Decimal | None] = Counter()
    taking = [one for one in CASES if one.images and one.images[0].model is None]
    for case in {one.provider: one for one in taking}.values():
        priced(case)
        config = case.config(KEY, simulator.base_url(case.provider))
        ledger = MemoryLedger()
        async with Gateway(ledger=ledger) as gateway:
            request, plan = await planned(gateway, case, config)
            await getattr(gateway, f"submit_{case.kind}_async")(config, request)

        (entry,) = ledger.entries()
        kept = entry.intent.quote
        assert kept is not None, str(case)
        assert Decimal(kept["low"]) == plan.quote.low
        high = kept.get("high")
        assert (high and Decimal(high)) == plan.quote.high
        counted[plan.quote.high] += 1

    assert counted[Decimal("0.75")] > 15  # also where it is uploaded, and a reference is sent
    assert counted[None] == counted.total() - counted[Decimal("0.75")]  # by its URL
