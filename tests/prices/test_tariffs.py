"""What is kept from one quote to the next changes none of them, and is the prices' own business."""

from __future__ import annotations

import cProfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    PriceLine,
    Quote,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
    register_prices,
)
from tarash.tarash_gateway._data._exchange import Call
from tarash.tarash_gateway._data._media_info import Measures
from tarash.tarash_gateway._engine import fitted_call, quoted
from tarash.tarash_gateway._engine._fitting import checked_payload
from tarash.tarash_gateway._jobs._adapters import adapter_of
from tarash.tarash_gateway._jobs._resources import default
from tarash.tarash_gateway.catalog import ModelSpec
from tarash.tarash_gateway.catalog.prices import Tariff, price_inputs_of, prices
from tarash.tarash_gateway.catalog.prices import _tariffs as tariffs
from tarash.tarash_gateway.catalog.prices._price_inputs import SOURCES
from tests.prices.test_by_hand import CASES
from tests.prices.test_odd_requests import priced, rows_of, sources_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end
MOST_CALLS = 260
"""In a quote of a model that was priced before; of one that was not, it takes 1,800."""
OWN: list[dict[str, Any]] = [{"fps": 24, "seed": 7}, {"generate_audio": True}, {"audio": 1}]
WORDS = ("A cat", "A tram in the rain", "Ein Zug 🚂")


@pytest.fixture(autouse=True)
def _no_lines_of_others() -> Iterator[None]:
    yield
    prices.reset()


def both(kind: Any, config: Any, request: Any) -> tuple[Quote, Quote] | None:
    """Return a quote, and the same from all that would be sent, with nothing kept."""
    call = Call(kind, config, request, "job")
    adapter = adapter_of(call, default.registry)
    try:
        call, spec = fitted_call(call, default.registry, adapter)
        payload = checked_payload(adapter, call, spec)
    except TarashException:
        return None  # which it can't make

    body: Any = payload.body if payload.inside is None else payload.body[payload.inside]
    lines = prices.lines(spec.provider, spec.model, kind=kind)
    facts = price_inputs_of(spec, call.request, body, Measures(), call.region)
    anew = Tariff(lines, facts, f"{spec.provider} {spec.model}").quote(facts.prompt)
    return quoted(call, spec, payload, Measures()), anew


def compared(provider: str, model: str, kind: Any, each: int) -> int:
    """Compare the quotes of one in so many requests of a model; return how many it can make."""
    is_video = kind == "video"
    config_type: Any = VideoGenerationConfig if is_video else ImageGenerationConfig
    request_type: Any = VideoGenerationRequest if is_video else ImageGenerationRequest
    config = config_type(provider=provider, model=model)
    wishes = [
        {**source, **one} for source in sources_of(kind) for row in rows_of(kind) for one in row
    ]
    wishes = [*wishes[::each], *({"extra_params": one} for one in OWN)]
    made = 0
    for number, one in enumerate(wishes):
        quotes = both(kind, config, request_type(prompt=WORDS[number % len(WORDS)], **one))
        if quotes is not None:
            made += 1
            assert quotes[0] == quotes[1], (provider, model, one)

    return made


@pytest.mark.parametrize("provider", sorted({one["provider"] for one in CASES}))
def test_a_quote_depends_on_all_that_is_sent_and_on_nothing_that_was_asked_before(
    provider: str,
) -> None:
    case = max((one for one in CASES if one["provider"] == provider), key=lambda one: one["model"])
    assert compared(provider, case["model"], case["kind"], 5)


@pytest.mark.soak
def test_the_same_of_every_model_that_has_prices() -> None:
    made = [compared(one.provider, one.model, one.outputs[0], 1) for one in priced(3)]
    assert sum(made) > 3_000


def line(**changes: Any) -> PriceLine:
    given = {"provider": "openai", "model": "sora-2", "unit": "second", "rate": "1", **changes}
    return PriceLine.model_validate(given)


def price(**wishes: Any) -> str:
    config = VideoGenerationConfig(provider="openai", model="sora-2")
    return str(plan_video(config, VideoGenerationRequest(**{"prompt": "A cat", **wishes})).quote)


@pytest.mark.parametrize(
    ("when", "dear", "cheap"),
    [
        ({"prompt": "A dog"}, {"prompt": "A dog"}, {"prompt": "A cat"}),
        ({"mood": "<=1"}, {"extra_params": {"mood": 1}}, {"extra_params": {"mood": True}}),
        ({"mood": "wild"}, {"extra_params": {"a": {"mood": "wild"}}}, {}),
    ],
    ids=["content", "a number and a boolean", "a part of another"],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_parameter_that_a_line_names_counts(
    when: dict[str, Any], dear: dict[str, Any], cheap: dict[str, Any], is_first: bool
) -> None:
    register_prices([line(when=when, rate="2"), line(when={"mood": "tame"}, rate="3"), line()])
    ways = [dear, cheap] if is_first else [cheap, dear]
    found = [price(duration_seconds=4, **one) for one in ways]
    assert [one == "$8.00" for one in found] == [is_first, not is_first]


def test_lines_that_are_registered_hold_from_then_on() -> None:
    before = price(duration_seconds=4)
    register_prices([line(rate="9")])
    assert price(duration_seconds=4) == "$36.00" != before
    prices.reset()
    assert price(duration_seconds=4) == before


def test_what_is_kept_is_bounded_and_holds_no_words_of_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tariffs, "MOST", 4)
    for number in range(9):
        price(
            prompt=f"secret words {number}",
            negative_prompt="other secret words",
            duration_seconds=4,
            extra_params={"fps": number, "tier": "secret" * 30, "webhook_secret": "hidden"},
        )
        price(prompt=f"secret words {number}", extra_params={"fps": number})

    kept = str(tariffs._tariffs)  # noqa: SLF001  (what is tested is what it keeps)
    assert 0 < len(tariffs._tariffs) <= 4  # noqa: SLF001  (the same)
    assert "secret" not in kept
    assert "hidden" not in kept


def test_a_quote_of_a_model_that_was_priced_takes_few_calls() -> None:
    config = ImageGenerationConfig(provider="openai", model="gpt-image-2")
    plan_image(config, ImageGenerationRequest(prompt="A cat"))
    call = Call("image", config, ImageGenerationRequest(prompt="A dog that runs"), "job")
    adapter = adapter_of(call, default.registry)
    call, spec = fitted_call(call, default.registry, adapter)
    payload = checked_payload(adapter, call, spec)
    with cProfile.Profile() as profile:
        quoted(call, spec, payload, Measures())

    assert sum(one.callcount for one in profile.getstats()) < MOST_CALLS


def test_all_that_a_request_says_of_its_price_is_in_what_is_kept() -> None:
    """A provider of which nothing is known is priced by the request itself."""
    assert {"resolution", "quality", "size", *SOURCES} <= {*tariffs.Asked._fields}


@pytest.mark.parametrize(("audio", "cost"), [(False, "0.50"), (True, "2.00")])
def test_a_handlers_price_goes_by_the_sound_that_is_asked_for(audio: bool, cost: str) -> None:
    lines = [
        PriceLine(
            provider="acme", model="m", billable="output", unit="second", rate=Decimal(rate),
            currency="USD", when={"audio": is_on},
        )
        for is_on, rate in ((False, "0.10"), (True, "0.40"))
    ]  # fmt: skip
    request = VideoGenerationRequest(prompt="A cat", duration_seconds=5, generate_audio=audio)
    call = Call("video", VideoGenerationConfig(provider="acme", model="m"), request, "job")
    spec = ModelSpec("acme", "m", "video", {})
    quote = tariffs.priced(lines, spec, call.request, {})
    assert quote.low == quote.high == Decimal(cost)


@pytest.mark.parametrize("words", ["auto", -1])
def test_a_choice_that_is_left_to_the_provider_hides_no_other(words: Any) -> None:
    sent: dict[str, Any] = {}
    tariffs.gather({"duration": 5, "nested": {"duration": words}}, frozenset({"duration"}), sent)
    assert sent == {"duration": 5}


def test_lines_before_the_last_that_were_registered_are_let_go_of() -> None:
    for rate in range(5):
        register_prices([line(rate=str(rate))])
        price(duration_seconds=4)

    assert len(vars(prices)["_of_models"]) == 1
