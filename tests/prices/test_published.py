"""What providers publish of their prices: read into the user's store, and never half understood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tarash.tarash_gateway import (
    HTTPError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    list_prices,
    quote_video,
    refresh_prices,
)
from tarash.tarash_gateway.catalog import schema_source
from tarash.tarash_gateway.catalog.prices import PriceBook, PriceInputs, line_of, prices
from tarash.tarash_gateway.cli._app import run
from tarash.tarash_gateway.providers.openrouter.prices import of_images, of_videos
from tarash.tarash_gateway.testing import Fault, Simulator
from tests.media.raw import Asked, answer, serving
from tests.prices.quoting import quote_of

KEY = "canary-key-of-prices"
KLING = "fal-ai/kling-video/v3/pro/text-to-video"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path))
    prices.reset()
    yield
    prices.reset()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal"]) as running:
        running.publish_prices(
            "fal",
            [
                {"endpoint_id": KLING, "unit_price": 0.14, "unit": "units", "currency": "USD"},
                {"endpoint_id": "fal-ai/flux/dev", "unit_price": "0.025", "unit": "megapixels"},
                {"endpoint_id": "fal-ai/flux/schnell", "unit_price": None, "unit": "megapixels"},
            ],
        )
        yield running


def kling(origin: str | None) -> Any:
    made = VideoGenerationConfig(provider="fal", model=KLING, base_url=origin)
    request = VideoGenerationRequest(prompt="A tram", duration_seconds=5, generate_audio=False)
    return quote_video(made, request)


def test_the_price_of_a_unit_settles_and_quotes_nothing(simulator: Simulator) -> None:
    origin = simulator.base_url("fal")
    assert refresh_prices("fal", base_url=origin, api_key=KEY) == 2

    with schema_source(origin):
        lines = {one.role: one for one in list_prices("fal", KLING)}

    unit = lines["settlement"]
    assert (unit.rate, unit.currency, unit.unit) == (Decimal("0.14"), "USD", "credit")
    assert unit.source == "fal's pricing API: one of its units"
    assert unit.date is not None
    # five seconds at 0.8 units of 0.14, by fal's page: not five units
    assert kling(origin).high == Decimal("0.560")
    assert kling(None).high == Decimal("0.560")


def test_what_another_host_says_is_not_the_providers_word(simulator: Simulator) -> None:
    refresh_prices("fal", base_url=simulator.base_url("fal"), api_key=KEY)

    assert all(one.role is None for one in list_prices("fal", KLING))


def test_a_failing_provider_leaves_what_was_there(simulator: Simulator) -> None:
    origin = simulator.base_url("fal")
    refresh_prices("fal", base_url=origin, api_key=KEY)
    simulator.fail("fal", "model", Fault.status(500), skip=3)
    with pytest.raises(HTTPError):
        refresh_prices("fal", base_url=origin, api_key=KEY)

    simulator.recover("fal")
    simulator.publish_prices("fal", [])
    with pytest.raises(TarashException, match="no price that can be read"):
        refresh_prices("fal", base_url=origin, api_key=KEY)

    with schema_source(origin):
        assert any(one.role == "settlement" for one in list_prices("fal", KLING))


@pytest.mark.parametrize("row", [{"endpoint_id": ""}, {"unit_price": 1e12}])
def test_a_row_that_is_no_price_line_leaves_what_was_there(
    simulator: Simulator, row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    origin = simulator.base_url("fal")
    refresh_prices("fal", base_url=origin, api_key=KEY)

    def answers(_asked: Asked, _number: int) -> list[bytes]:
        known = {"endpoint_id": KLING, "unit_price": 1, "unit": "units"}
        body = json.dumps({"prices": [{**known, **row}]}).encode()
        return [answer(body, Content_Type="application/json")]

    with serving(answers) as server:
        with pytest.raises(TarashException, match=r"can't be read .*what was stored before stays"):
            refresh_prices("fal", base_url=server.url, api_key=KEY)

        assert run(["models", "refresh", "fal", "--prices", "--base-url", server.url]) != 0

    assert "Traceback" not in capsys.readouterr().err


def test_an_endpoint_that_is_gone_hides_no_other() -> None:
    def answers(asked: Asked, _number: int) -> list[bytes]:
        query = parse_qs(urlsplit(asked.target).query)
        names = query["endpoint_id"][0].split(",")
        if "fal-ai/flux/dev" in names:
            return [answer(b'{"error": "not found"}', "404 Not Found")]

        rows = [{"endpoint_id": one, "unit_price": 1, "unit": "images"} for one in names]
        return [answer(json.dumps({"prices": rows}).encode(), Content_Type="application/json")]

    with serving(answers) as server:
        assert refresh_prices("fal", base_url=server.url, api_key=KEY) > 1_000


def test_a_provider_without_a_price_list_names_those_that_have_one() -> None:
    with pytest.raises(ValidationError, match="fal, openrouter"):
        refresh_prices("luma")


def quote(rows: Any, **facts: Any) -> Any:
    """Return what five seconds cost by the rows of a model."""
    lines = PriceBook(line_of({"provider": "openrouter", **one}) for one in rows)
    known = {name: frozenset({value}) for name, value in facts.pop("when", {}).items()}
    given = {"seconds": (Decimal(5), Decimal(5)), **facts}
    return quote_of(lines.lines("openrouter", "m"), PriceInputs(values=known, **given), "m")


HD = {"width": (Decimal(1280),) * 2, "height": (Decimal(720),) * 2}


@pytest.mark.parametrize(
    ("skus", "when", "facts", "due"),
    [
        ({"duration_seconds": "0.08"}, {}, {}, "0.40"),
        ({"per-video-second": "0.08"}, {}, {}, "0.40"),
        ({"cents_per_second_output": "12"}, {}, {}, "0.60"),
        ({"cents_per_video_output_second_720p": "7"}, {"resolution": "720p"}, {}, "0.35"),
        (
            {"duration_seconds_with_audio": "0.4", "duration_seconds_without_audio": "0.2"},
            {"audio": False},
            {},
            "1.0",
        ),
        (
            {"duration_seconds_with_audio": "0.4", "duration_seconds_with_audio_4k": "0.6"},
            {"audio": True, "resolution": "4k"},
            {},
            "3.0",
        ),
        (
            {"text_to_video_duration_seconds_720p": "0.08",
             "image_to_video_duration_seconds_720p": "0.10"},
            {"mode": "image", "resolution": "720p"},
            {},
            "0.50",
        ),
        (
            {"cents_per_second_output": "28", "minimum_cents_per_generation": "560"},
            {},
            {},
            "5.60",
        ),
        ({"video_tokens": "0.000007"}, {}, HD, "0.756"),
        ({"cents_per_megapixel_second": "3"}, {}, HD, "0.13824"),
    ],
)  # fmt: skip
def test_a_row_of_openrouter_is_in_dollars_or_in_cents_as_its_name_says(
    skus: dict[str, str], when: dict[str, Any], facts: dict[str, Any], due: str
) -> None:
    made = quote(of_videos({"id": "m", "pricing_skus": skus}), when=when, **facts)

    assert (made.low, made.high, made.currency) == (Decimal(due), Decimal(due), "USD")


@pytest.mark.parametrize(
    "skus",
    [
        {"duration_seconds": None},
        {"duration_seconds": "0.08", "lunar_phases": "2"},
        {"duration_seconds": "0.08", "cents_per_wish": "2"},
        {"duration_seconds": "cheap"},
        {"duration_seconds": ""},
    ],
)
def test_a_row_that_is_not_understood_is_unknown_and_not_free(skus: dict[str, Any]) -> None:
    made = quote(of_videos({"id": "m", "pricing_skus": skus}))

    assert made.high is None
    assert made.unknown


def test_images_cost_what_the_cheapest_to_the_dearest_of_their_providers_take() -> None:
    def row(cost: Any, billable: str = "output_image", unit: str = "image") -> dict[str, Any]:
        return {"billable": billable, "unit": unit, "cost_usd": cost, "variant": None}

    endpoints = [{"pricing": [row("0.04")]}, {"pricing": [row(0.06)]}]
    made = quote(of_images("m", {"data": {"endpoints": endpoints}}))
    assert (made.low, made.high) == (Decimal("0.04"), Decimal("0.06"))

    odd = [{"pricing": [row("0.04"), row(None)]}, {"pricing": [row(1, "output_smell")]}]
    assert quote(of_images("m", {"endpoints": odd})).high is None


def test_openrouters_lists_become_prices_of_its_models() -> None:
    pages = {
        "/videos/models": {
            "data": [{"id": "acme/clip", "pricing_skus": {"cents_per_second_output": "12"}}]
        },
        "/images/models": {"data": [{"id": "acme/still"}]},
        "/images/models/acme/still/endpoints": {
            "endpoints": [
                {"pricing": [{"billable": "output_image", "unit": "image", "cost_usd": "0.03"}]}
            ]
        },
    }

    def answers(asked: Asked, _number: int) -> list[bytes]:
        return [
            answer(
                json.dumps(pages[urlsplit(asked.target).path]).encode(),
                Content_Type="application/json",
            )
        ]

    with serving(answers) as server:
        assert refresh_prices("openrouter", base_url=server.url, api_key=KEY) == 2
        with schema_source(server.url):
            (line,) = list_prices("openrouter", "acme/clip")

    assert (line.rate, line.currency, line.source) == (
        Decimal(12),
        "usd_cent",
        "OpenRouter's lists of models",
    )


def test_the_command_line_says_how_many(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAL_KEY", KEY)
    origin = simulator.base_url("fal")
    assert run(["models", "refresh", "fal", "--prices", "--base-url", origin]) == 0
    assert capsys.readouterr().out.strip() == "fal: 2 prices"
