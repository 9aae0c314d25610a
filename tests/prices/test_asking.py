"""`ask_provider`: what a provider itself quotes, and our own estimate where it quotes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    quote_image,
    quote_video,
    quote_video_async,
)
from tarash.tarash_gateway.cli._app import run
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.providers import declared_provider
from tarash.tarash_gateway.testing import Fault, Simulator

KEY = "canary-key-of-prices"
KLING = "fal-ai/kling-video/v2.1/master/text-to-video"
SEEDANCE = "bytedance/seedance-2.0/text-to-video"
REQUEST = VideoGenerationRequest(prompt="A tram", duration_seconds=5, resolution="480p")
FLUX = "fal-ai/flux/dev"
PRICES = (
    {"endpoint_id": KLING, "unit_price": 0.14, "unit": "units", "average": 0.84},
    {"endpoint_id": SEEDANCE, "unit_price": 1.0, "unit": "units", "average": 0.7},
    {"endpoint_id": FLUX, "unit_price": 0.025, "unit": "megapixels", "average": 0},
)
TARIFF = """
name = "tariff"
title = "Tariff"

[account]
base_url = "https://api.tariff.example/v1"
variables = ["TARIFF_KEY"]

[submit]
path = "{model}"
model_at = ""
id = "id"

[poll]
path = "jobs/{id}"
statuses = { done = "completed", broken = "failed", queued = "queued" }

[result]
media = { video = ["url"] }

[[models]]
ids = ["clip"]
kind = "video"
[models.takes]
prompt = { from = "prompt", required = true }
seconds = { from = "duration_seconds", form = "int" }
"""
DRY_RUN = """
[quote]
path = "{path}?dry_run=true"
amount = "usd_micros"
most = "upper_bound_usd_micros"
exact = { at = "qualifier", values = ["exact"] }
scale = "0.000001"
"""
OWN_PATH = """
[quote]
path = "model/pricing"
path_if_missing = "model/price"
body = { model_id = "{model}" }
inside = "inputs"
amount = "data.price"
"""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal", "luma"]) as running:
        running.publish_prices("fal", PRICES)
        running.keys["fal"] = {KEY}
        yield running


def config(simulator: Simulator, model: str = KLING, **changes: Any) -> Any:
    given = {"provider": "fal", "model": model, "api_key": KEY, **changes}
    origin = simulator.base_url(given["provider"])
    return VideoGenerationConfig(**{"base_url": origin, **given})


async def test_what_fal_says_of_the_average_stands_beside_what_is_unknown(
    simulator: Simulator,
) -> None:
    quote = await quote_video_async(config(simulator), REQUEST, ask_provider=True)

    assert (quote.low, quote.high) == (None, None)  # an average is no limit
    assert (quote.typical, quote.currency) == (Decimal("0.84"), "USD")
    assert str(quote) == "unknown, $0.84 on average"
    assert "costs $0.84 on average" in quote.notes[0]
    asked = [one for one in simulator.requests("fal") if one.method == "POST"]
    assert [one.path for one in asked] == ["/v1/models/pricing/estimate"]
    assert asked[0].json() == {
        "estimate_type": "historical_api_price",
        "endpoints": {KLING: {"call_quantity": 1}},
    }
    assert simulator.counters("fal").submits == 0


def test_our_own_estimate_of_this_request_stays(simulator: Simulator) -> None:
    quote = quote_video(config(simulator, SEEDANCE), REQUEST, ask_provider=True)

    assert quote.low == quote.high == Decimal("0.673")
    assert quote.typical == Decimal("0.7")


def test_no_average_is_not_free(simulator: Simulator) -> None:
    made = ImageGenerationConfig(
        provider="fal", model=FLUX, api_key=KEY, base_url=simulator.base_url("fal")
    )
    quote = quote_image(made, ImageGenerationRequest(prompt="A tram"), ask_provider=True)

    assert quote.typical is None
    assert quote.notes == (f"fal was asked, and has no price of {FLUX}",)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.status(500), "could not be asked for its price"),
        (Fault.status(401), "could not be asked for its price"),
        (Fault.status(404), "could not be asked for its price"),
        (Fault.redirect("https://elsewhere.example/"), "could not be asked for its price"),
        (Fault.reset_after(), "could not be asked for its price"),
        (Fault.truncate(), "could not be asked for its price"),
        (Fault.foreign_body("<html>", "text/html"), "could not be asked for its price"),
        (Fault.foreign_body("[]", "application/json"), "could not be asked for its price"),
        (Fault.foreign_body('{"total_cost": true}', "application/json"), "has no price of"),
        (Fault.foreign_body('{"total_cost": null}', "application/json"), "has no price of"),
        (
            Fault.foreign_body('{"total_cost": "NaN", "currency": "USD"}', "application/json"),
            "has no price of",
        ),
        (
            Fault.foreign_body('{"total_cost": "1e300", "currency": "USD"}', "application/json"),
            "has no price of",
        ),
        (
            Fault.foreign_body('{"total_cost": 1e12, "currency": "USD"}', "application/json"),
            "can't be read",
        ),
        (Fault.echo_key(), "could not be asked for its price"),
    ],
)
async def test_a_failing_question_leaves_our_own_estimate(
    simulator: Simulator, fault: Fault, said: str
) -> None:
    simulator.fail("fal", "model", fault)
    quote = await quote_video_async(config(simulator, SEEDANCE), REQUEST, ask_provider=True)

    assert quote.low == quote.high == Decimal("0.673")
    assert said in quote.notes[0]
    assert KEY not in quote.notes[0]
    assert simulator.counters("fal").accepted == 0


async def test_a_price_that_is_written_as_text_is_read(simulator: Simulator) -> None:
    answer = '{"total_cost": "0.30", "currency": "USD"}'
    simulator.fail("fal", "model", Fault.foreign_body(answer, "application/json"))
    quote = await quote_video_async(config(simulator), REQUEST, ask_provider=True)

    assert quote.typical == Decimal("0.30")


async def test_nobody_is_asked_without_a_key_by_the_mock_or_where_there_is_no_question(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)
    no_key = await quote_video_async(config(simulator, api_key=None), REQUEST, ask_provider=True)
    mocked = config(simulator, mock=MockConfig(enabled=True))
    luma = config(simulator, "ray-2", provider="luma")

    (note,) = no_key.notes
    assert note.endswith("set the environment variable FAL_KEY")
    assert (await quote_video_async(mocked, REQUEST, ask_provider=True)).high == 0
    silent = await quote_video_async(luma, VideoGenerationRequest(prompt="x"), ask_provider=True)
    assert silent.notes == ("luma has no way to ask for a price before the purchase",)
    assert simulator.requests("fal") == simulator.requests("luma") == []


async def test_a_handler_of_an_application_can_not_be_asked() -> None:
    class Handler:
        def generate_video(self, _config: Any, _request: Any, _progress: Any = None) -> Any:
            raise AssertionError

    registry = Registry()
    registry.register_provider("acme", Handler())
    made = VideoGenerationConfig(provider="acme", model="clip-1")
    gateway = Gateway(registry=registry, ledger=MemoryLedger())
    quote = await gateway.quote_video_async(made, REQUEST, ask_provider=True)

    assert "registered handler" in quote.notes[0]


async def test_what_can_not_be_sent_is_an_error_and_no_note(simulator: Simulator) -> None:
    with pytest.raises(ValidationError):
        await quote_video_async(
            config(simulator, strict=True),
            VideoGenerationRequest(prompt="x", duration_seconds=999),
            ask_provider=True,
        )


def declared(folder: Path, quote: str) -> tuple[Path, Registry]:
    path = folder / "tariff.toml"
    path.write_text(TARIFF + quote)
    registry = Registry()
    registry.register(declared_provider(path))
    return path, registry


@pytest.mark.parametrize(
    ("answer", "low", "high"),
    [
        ({"qualifier": "exact", "usd_micros": 60000}, "0.06", "0.06"),
        (
            {"qualifier": "estimate", "usd_micros": 60000, "upper_bound_usd_micros": 220000},
            "0.06",
            "0.22",
        ),
        ({"qualifier": "estimate", "usd_micros": "60000"}, "0.06", None),
    ],
)
async def test_a_dry_run_is_the_quote_and_starts_nothing(
    tmp_path: Path, answer: dict[str, Any], low: str, high: str | None
) -> None:
    path, registry = declared(tmp_path, DRY_RUN)
    with Simulator([path]) as simulator:
        simulator.publish_prices("tariff", [{"model": "clip", **answer}])
        made = VideoGenerationConfig(
            provider="tariff", model="clip", api_key=KEY, base_url=simulator.base_url("tariff")
        )
        gateway = Gateway(registry=registry, ledger=MemoryLedger())
        quote = await gateway.quote_video_async(made, REQUEST, ask_provider=True)
        (sent,) = simulator.requests("tariff")
        accepted = simulator.counters("tariff").accepted
        await gateway.aclose()

    assert (quote.low, quote.high) == (Decimal(low), None if high is None else Decimal(high))
    assert quote.currency == "USD"
    assert bool(quote.unknown) == (high is None)
    assert (sent.query, sent.json()) == ({"dry_run": "true"}, {"prompt": "A tram", "seconds": 5})
    assert accepted == 0


@pytest.mark.parametrize("is_older", [False, True])
async def test_a_price_call_of_its_own_is_asked_with_the_whole_body(
    tmp_path: Path, is_older: bool
) -> None:
    path, registry = declared(tmp_path, OWN_PATH)
    with Simulator([path]) as simulator:
        simulator.publish_prices("tariff", [{"model": "clip", "data": {"price": 1.8}}])
        if is_older:
            simulator.fail("tariff", "model", Fault.status(404))

        made = VideoGenerationConfig(
            provider="tariff", model="clip", api_key=KEY, base_url=simulator.base_url("tariff")
        )
        gateway = Gateway(registry=registry, ledger=MemoryLedger())
        quote = await gateway.quote_video_async(made, REQUEST, ask_provider=True)
        sent = simulator.requests("tariff")
        await gateway.aclose()

    assert quote.low == quote.high == Decimal("1.8")
    places = ["/model/pricing", "/model/price"] if is_older else ["/model/pricing"]
    assert [one.path.removeprefix("/v1") for one in sent] == places
    inputs = {"prompt": "A tram", "seconds": 5}
    assert sent[-1].json() == {"model_id": "clip", "inputs": inputs}


@pytest.mark.parametrize(
    ("quote", "said"),
    [
        ('[quote]\npath = "{path}"\namount = "price"\n', "it would buy"),
        ('[quote]\npath = "{model}"\namount = "price"\n', "it would buy"),
        ('[quote]\npath = "price"\npath_if_missing = "{model}"\namount = "price"\n', "would buy"),
        ('[quote]\npath = "{path}/"\namount = "price"\n', "it would buy"),
        ('[quote]\npath = "{path}?"\namount = "price"\n', "it would buy"),
        ('[quote]\npath = "/{model}/"\namount = "price"\n', "it would buy"),
        ('[quote]\npath = "price"\npath_if_missing = "{path}"\namount = "price"\n', "would buy"),
        ('[quote]\npath = "price"\namount = "price"\nscale = "1e-6"\n', "scale"),
    ],
)
def test_a_question_that_would_buy_is_refused_in_a_file(
    tmp_path: Path, quote: str, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        declared(tmp_path, quote)


@pytest.mark.parametrize(
    "question", ['path = "clip"', 'path = "/clip/"', 'path = "price"\npath_if_missing = "clip"']
)
async def test_nobody_asks_for_a_price_where_a_model_is_bought(
    tmp_path: Path, question: str
) -> None:
    path, registry = declared(tmp_path, f'[quote]\n{question}\namount = "price"\n')
    with Simulator([path]) as simulator:
        simulator.fail("tariff", "model", Fault.status(404))
        made = VideoGenerationConfig(
            provider="tariff", model="clip", api_key=KEY, base_url=simulator.base_url("tariff")
        )
        gateway = Gateway(registry=registry, ledger=MemoryLedger())
        quote = await gateway.quote_video_async(made, REQUEST, ask_provider=True)
        await gateway.aclose()

    assert "where jobs are bought" in quote.notes[0], quote.notes
    assert simulator.counters("tariff").accepted == 0


async def test_an_answer_that_names_a_job_is_said(tmp_path: Path) -> None:
    path, registry = declared(tmp_path, DRY_RUN)
    with Simulator([path]) as simulator:
        simulator.publish_prices("tariff", [{"model": "clip", "id": "job-7"}])
        made = VideoGenerationConfig(
            provider="tariff", model="clip", api_key=KEY, base_url=simulator.base_url("tariff")
        )
        gateway = Gateway(registry=registry, ledger=MemoryLedger())
        quote = await gateway.quote_video_async(made, REQUEST, ask_provider=True)
        await gateway.aclose()

    assert "answered with a job in place of a price, which may be billed: job-7" in quote.notes[0]


def test_the_command_line_asks_for_each_config_of_a_chain(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TARASH_FAL_BASE_URL", simulator.base_url("fal"))
    monkeypatch.setenv("FAL_KEY", KEY)
    asked = ["quote", "A tram", "--model", KLING, "--duration", "5", "--ask-provider"]
    assert run([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["typical"] == "0.84"

    assert run([*asked, "--fallback", "luma:ray-2"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "unknown, $0.84 on average" in out
    assert "luma has no way to ask" in out


async def test_wavespeed_is_asked_with_the_whole_input() -> None:
    with Simulator(["wavespeed"]) as simulator:
        model = "bytedance/seedance-2.0/text-to-video"
        simulator.publish_prices("wavespeed", [{"model": model, "unit_price": 1.8}])
        made = VideoGenerationConfig(
            provider="wavespeed",
            model=model,
            api_key=KEY,
            base_url=simulator.base_url("wavespeed"),
        )
        quote = await quote_video_async(made, REQUEST, ask_provider=True)
        (sent,) = simulator.requests("wavespeed")

    assert (quote.low, quote.high, quote.currency) == (Decimal("1.8"), Decimal("1.8"), "USD")
    assert sent.json()["model_id"] == model
    assert sent.json()["inputs"]["duration"] == 5
    assert simulator.counters("wavespeed").accepted == 0


@pytest.mark.parametrize("model", ["ideogram-4", "ideogram-4-5"])
async def test_ideograms_dry_run_is_the_quote_and_starts_nothing(model: str) -> None:
    with Simulator(["ideogram"]) as simulator:
        answer = {"qualifier": "estimate", "usd_micros": 60000, "upper_bound_usd_micros": 220000}
        simulator.publish_prices("ideogram", [{"model": model, **answer}])
        made = ImageGenerationConfig(
            provider="ideogram", model=model, api_key=KEY, base_url=simulator.base_url("ideogram")
        )
        request = ImageGenerationRequest(prompt="A tram")
        quote = quote_image(made, request, ask_provider=True)
        (sent,) = simulator.requests("ideogram")

    assert (quote.low, quote.high) == (Decimal("0.06"), Decimal("0.22")), quote.notes
    assert sent.query == {"dry_run": "true"}
    assert simulator.counters("ideogram").accepted == 0
