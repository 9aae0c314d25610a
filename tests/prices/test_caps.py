"""`max_cost`: what could cost more is never sent, and a chain's worst case stays under it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from tarash.tarash_gateway import (
    AttemptMetadata,
    ContentModerationError,
    Cost,
    CostLimitError,
    Gateway,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_video,
    register_prices,
)
from tarash.tarash_gateway._data._exchange import Call
from tarash.tarash_gateway._data._money import Reported, exact
from tarash.tarash_gateway._engine._attempt import Attempt
from tarash.tarash_gateway._engine._costing import take_cost
from tarash.tarash_gateway._engine._quoting import quoted
from tarash.tarash_gateway._jobs._restore_attempts import attempts_of as attempts_stored
from tarash.tarash_gateway.catalog import ModelSpec
from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator

KEY = "canary-key-of-the-tests"
REQUEST = VideoGenerationRequest(prompt="A tram", duration_seconds=5)
RUNWAY = Decimal("0.60")
"""Five seconds of gen4.5 at 0.12."""
SEEDANCE = Decimal("0.673")
"""Five seconds of Seedance 2.0 at fal, in 480p, at 0.1346."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["runway", "fal", "xai", "luma", "openai"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_prices() -> Iterator[None]:
    yield
    prices.reset()


def config(simulator: Simulator, provider: str, model: str, **changes: Any) -> Any:
    return VideoGenerationConfig(
        provider=provider,
        model=model,
        api_key=KEY,
        base_url=simulator.base_url(provider),
        poll_interval=0.02,
        max_retries=0,
        provider_config={"min_poll_interval": 0.01},
        **changes,
    )


def chain(simulator: Simulator, **changes: Any) -> Any:
    """Return a config of Runway, which Seedance at fal follows."""
    fallback = config(simulator, "fal", "bytedance/seedance-2.0/text-to-video")
    return config(simulator, "runway", "gen4.5", fallback_configs=[fallback], **changes)


CHEAP = REQUEST.model_copy(update={"resolution": "480p"})


async def failure(made: Any, request: Any = REQUEST, ledger: Any = None) -> Any:
    gateway = Gateway(ledger=ledger or MemoryLedger())
    with pytest.raises(TarashException) as caught:
        await gateway.generate_video_async(made, request)

    return caught.value


def attempts_of(error: TarashException) -> tuple[AttemptMetadata, ...]:
    assert error.execution_metadata is not None
    return tuple(error.execution_metadata.attempts)


def submits(simulator: Simulator) -> dict[str, int]:
    return {name: simulator.counters(name).submits for name in ("runway", "fal")}


async def test_what_would_cost_more_is_not_sent(simulator: Simulator) -> None:
    ledger = MemoryLedger()
    error = await failure(config(simulator, "runway", "gen4.5", max_cost="0.50"), ledger=ledger)

    assert isinstance(error, CostLimitError)
    assert isinstance(error, ValidationError)
    assert error.submission == "not_sent"
    assert error.quote is not None
    assert (error.quote.high, error.limit) == (RUNWAY, Decimal("0.50"))
    assert "would cost $0.60, and max_cost leaves $0.50" in error.message
    assert "duration_seconds=" in error.message  # the nearest that fits
    assert ledger.entries() == []
    assert submits(simulator) == {"runway": 0, "fal": 0}


@pytest.mark.parametrize("limit", ["0.60", Decimal("0.6"), 1, 0.6])
async def test_what_costs_just_as_much_is_sent(simulator: Simulator, limit: Any) -> None:
    made = config(simulator, "runway", "gen4.5", max_cost=limit)
    response = await Gateway(ledger=MemoryLedger()).generate_video_async(made, REQUEST)

    assert response.video


async def test_the_nearest_that_fits_does_fit(simulator: Simulator) -> None:
    error = await failure(config(simulator, "runway", "gen4.5", max_cost="0.50"))
    seconds = int(error.message.partition("duration_seconds=")[2].partition(" ")[0])

    again = REQUEST.model_copy(update={"duration_seconds": seconds})
    quote = plan_video(config(simulator, "runway", "gen4.5"), again).quote
    assert quote.high is not None
    assert quote.high <= Decimal("0.50")


async def test_a_price_that_nobody_knows_is_refused_under_a_cap(simulator: Simulator) -> None:
    error = await failure(config(simulator, "luma", "ray-1-6", max_cost=100))

    assert isinstance(error, CostLimitError)
    assert "Nobody knows what luma ray-1-6 would cost" in error.message
    assert "allow_unpriced" in error.message
    assert simulator.counters("luma").submits == 0


async def test_a_price_that_nobody_knows_is_allowed_where_the_user_says_so(
    simulator: Simulator,
) -> None:
    made = config(simulator, "luma", "ray-1-6", max_cost=100, allow_unpriced=True)
    response = await Gateway(ledger=MemoryLedger()).generate_video_async(made, REQUEST)

    assert response.cost is None


async def test_a_price_in_another_currency_is_none_in_dollars(simulator: Simulator) -> None:
    line = {"provider": "luma", "model": "ray-1-6", "unit": "video", "rate": 2, "currency": "CNY"}
    register_prices([line])
    error = await failure(config(simulator, "luma", "ray-1-6", max_cost=100))

    assert "its price is in CNY" in error.message


async def test_a_fallback_that_no_longer_fits_is_skipped_and_recorded(
    simulator: Simulator,
) -> None:
    simulator.script("runway", Script(outcome="never"))
    made = chain(simulator, max_cost="1.00", timeout=1)  # waited for
    error = await failure(made, CHEAP)

    # The first may still be billed, so that 0.40 is left, and Seedance costs 0.673.
    assert type(error).__name__ == "TimeoutError"
    assert "no other config was tried" in error.message
    assert "max_cost leaves $0.40" in error.message
    first, second = error.execution_metadata.attempts
    assert (first.billing, second.error_type) == ("possible", "CostLimitError")
    assert (second.submission, second.billing) == ("not_sent", "none")
    assert submits(simulator) == {"runway": 1, "fal": 0}


async def test_an_attempt_that_certainly_cost_nothing_leaves_the_whole_cap(
    simulator: Simulator,
) -> None:
    simulator.fail("runway", "submit", Fault.status(503))
    made = chain(simulator, max_cost="0.70")
    response = await Gateway(ledger=MemoryLedger()).generate_video_async(made, CHEAP)

    first, second = response.execution_metadata.attempts if response.execution_metadata else ()
    assert first.cost == Cost(amount=Decimal(0), state="settled")
    assert second.cost is not None
    assert second.cost.amount == SEEDANCE
    assert response.cost == second.cost
    assert submits(simulator) == {"runway": 1, "fal": 1}


async def test_a_chain_goes_on_past_a_config_that_does_not_fit(simulator: Simulator) -> None:
    cheap = config(simulator, "runway", "gen4_turbo")  # five seconds at 0.05
    dear = config(simulator, "fal", "bytedance/seedance-2.0/text-to-video", max_cost="0.01")
    simulator.fail("runway", "submit", Fault.status(503))
    made = config(simulator, "runway", "gen4.5", max_cost=1, fallback_configs=[dear, cheap])
    image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="  # noqa: E501
    request = VideoGenerationRequest(
        prompt="A tram",
        duration_seconds=5,
        resolution="480p",
        image_list=[{"image": image, "type": "first_frame"}],
    )
    dear = dear.model_copy(update={"auto_variant": True})
    made = made.model_copy(update={"fallback_configs": (dear, cheap)})
    response = await Gateway(ledger=MemoryLedger()).generate_video_async(made, request)

    assert response.execution_metadata is not None
    kinds = [one.error_type for one in response.execution_metadata.attempts]
    assert kinds == ["HTTPError", "CostLimitError", None]
    assert submits(simulator) == {"runway": 2, "fal": 0}


async def test_a_job_that_is_taken_up_again_knows_what_was_spent_before(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("runway", Script(outcome="never"))
    made = chain(simulator, max_cost="1.00", timeout=1, on_timeout="detach")  # waited for
    first = Gateway(ledger=SqliteLedger(tmp_path / "jobs.db"))
    job = await first.submit_video_async(made, CHEAP)
    await first.aclose()

    second = Gateway(ledger=SqliteLedger(tmp_path / "jobs.db"))
    keys = {"runway": KEY, "fal": KEY}
    resumed = await second.resume_async(job.id, api_keys=keys)
    with pytest.raises(TarashException) as caught:
        await resumed.wait_async()

    await second.aclose()
    assert "max_cost leaves $0.40" in caught.value.message
    assert submits(simulator) == {"runway": 1, "fal": 0}


async def test_a_job_that_was_bought_is_never_refused_for_its_price(
    simulator: Simulator, tmp_path: Path
) -> None:
    gateway = Gateway(ledger=SqliteLedger(tmp_path / "jobs.db"))
    job = await gateway.submit_video_async(
        config(simulator, "runway", "gen4.5", max_cost="0.60"), REQUEST
    )
    register_prices([{"provider": "runway", "model": "gen4.5", "unit": "second", "rate": 9}])

    resumed = await gateway.resume_async(job.id, api_keys={"runway": KEY})
    response = await resumed.wait_async()
    await gateway.aclose()

    assert response.status == "completed"


async def test_the_mock_fits_under_every_cap() -> None:
    made = VideoGenerationConfig(
        provider="luma", model="ray-2", max_cost=0, mock=MockConfig(enabled=True)
    )
    response = await Gateway(ledger=MemoryLedger()).generate_video_async(made, REQUEST)

    assert response.cost == Cost(amount=Decimal(0), state="settled")


async def test_a_registered_handler_has_the_price_that_was_registered_for_it() -> None:
    class Handler:
        def generate_video(self, _config: Any, _request: Any, _progress: Any = None) -> Any:
            raise AssertionError

    from tarash.tarash_gateway import Registry

    registry = Registry()
    registry.register_provider("acme", Handler())
    made = VideoGenerationConfig(provider="acme", model="clip-1", max_cost="0.20")
    gateway = Gateway(registry=registry, ledger=MemoryLedger())
    with pytest.raises(CostLimitError, match="Nobody knows"):
        await gateway.generate_video_async(made, REQUEST)

    line = {"provider": "acme", "model": "clip-1", "unit": "second", "rate": "0.05"}
    register_prices([line])
    with pytest.raises(CostLimitError, match=r"would cost \$0\.25"):
        await gateway.generate_video_async(made, REQUEST)


@pytest.mark.parametrize("limit", ["2.50", "$2.50", " $2.5 ", 2.5, Decimal("2.5")])
def test_a_limit_is_taken_as_people_write_it(limit: Any) -> None:
    made = VideoGenerationConfig(provider="runway", model="gen4.5", max_cost=limit)
    assert made.max_cost == Decimal("2.5")


@pytest.mark.parametrize(
    "limit",
    [
        -1,
        "much",
        float("inf"),
        float("nan"),
        "NaN",
        "-$1",
        "$",
        "$$2",
        "2,50",
        "2_50",
        "1e400",
        "9" * 12,
        "2.50 EUR",
        "",
        True,
    ],
)
def test_a_limit_that_is_none_is_refused(limit: Any) -> None:
    import pydantic

    with pytest.raises(pydantic.ValidationError, match="max_cost"):
        VideoGenerationConfig(provider="runway", model="gen4.5", max_cost=limit)


# ------------------------------------------------------------------------------ what it has cost
async def test_the_providers_own_figure_is_the_cost(simulator: Simulator) -> None:
    simulator.script("runway", Script(billable_units=60))
    made = config(simulator, "runway", "gen4.5")
    response = await Gateway(ledger=MemoryLedger()).generate_video_async(made, REQUEST)

    assert response.cost is not None
    assert (response.cost.amount, response.cost.state) == (Decimal("0.60"), "reported")
    assert (response.cost.quantity, response.cost.unit) == (Decimal(60), "runway_credit")


async def test_a_refusal_that_cost_money_says_how_much(simulator: Simulator) -> None:
    simulator.script("runway", Script(outcome="moderated"))
    error = await failure(config(simulator, "runway", "gen4.5"))

    assert isinstance(error, ContentModerationError)
    (attempt,) = attempts_of(error)
    kept = simulator.jobs("runway")[0]
    assert attempt.cost is not None
    assert attempt.cost.state in ("reported", "settled")
    assert (attempt.cost.amount > 0) == (attempt.billing == "certain"), kept


async def test_a_failure_that_was_given_back_cost_nothing(simulator: Simulator) -> None:
    simulator.script("runway", Script(outcome="failed"))
    error = await failure(config(simulator, "runway", "gen4.5"))

    assert isinstance(error, GenerationFailedError)
    (attempt,) = attempts_of(error)
    assert attempt.cost is not None
    assert attempt.cost.amount == 0


async def test_tokens_of_images_become_money_by_their_lines(simulator: Simulator) -> None:
    made = ImageGenerationConfig(
        provider="openai",
        model="gpt-image-2",
        api_key=KEY,
        base_url=simulator.base_url("openai"),
    )
    request = ImageGenerationRequest(prompt="A tram", size="1024x1024")
    response = await Gateway(ledger=MemoryLedger()).generate_image_async(made, request)

    usage = response.raw_response["usage"]
    details = usage["input_tokens_details"]
    million = Decimal(1_000_000)
    due = (
        Decimal(details["text_tokens"]) * 5
        + Decimal(details["image_tokens"]) * 8
        + Decimal(usage["output_tokens"]) * 30
    ) / million
    assert response.cost is not None
    assert (response.cost.amount, response.cost.state) == (due, "settled")


async def test_what_fal_counts_is_money_where_the_price_of_a_unit_is_known(
    simulator: Simulator,
) -> None:
    simulator.script("fal", Script(billable_units=6))
    made = config(simulator, "fal", "fal-ai/kling-video/v2.1/master/text-to-video")
    gateway = Gateway(ledger=MemoryLedger())
    before = await gateway.generate_video_async(made, REQUEST)
    line = {
        "provider": "fal",
        "model": "fal-ai/kling-video/v2.1/master/text-to-video",
        "unit": "credit",
        "rate": "0.14",
        "role": "settlement",
    }
    register_prices([line])
    after = await gateway.generate_video_async(made, REQUEST)

    assert before.cost is None  # six units of unknown worth, and no price before
    assert before.provider_metadata["billable_units"] == 6
    assert after.cost is not None
    assert (after.cost.amount, after.cost.quantity) == (Decimal("0.84"), Decimal(6))


def attempt_of(model: str, unit: str, **wishes: Any) -> Attempt:
    """Return an attempt with the quote that it would have."""
    made = VideoGenerationConfig(provider="acme", model=model)
    line = {"provider": "acme", "model": model, "unit": unit, "rate": "0.1"}
    register_prices([{**line, **wishes}])
    attempt = Attempt(Call("video", made, REQUEST, "one"))
    spec = ModelSpec("acme", model, "video", {})
    attempt.money.quote = quoted(attempt.call, spec, None)
    return attempt


class Saying:
    """An adapter that says what a job cost."""

    abilities = frozenset({"reported_cost"})

    def __init__(self, reported: Reported) -> None:
        self.reported = reported

    def reported_cost(self, _body: Any, _metadata: Any) -> Reported:
        return self.reported


@pytest.mark.parametrize(
    ("line", "reported", "amount", "state"),
    [
        ({"unit": "second"}, Reported(quantity=Decimal(7), unit="seconds"), "0.7", "settled"),
        ({"unit": "second"}, Reported(quantity=Decimal(7), unit="tokens"), "0.5", "estimated"),
        (
            {"unit": "second", "currency": "acme_unit", "credit_usd": "0.14"},
            Reported(quantity=Decimal(5), unit="unit"),
            "0.70",
            "settled",
        ),
        ({"unit": "second"}, Reported(amount=Decimal("0.3"), final=False), "0.3", "reported"),
        ({"unit": "second"}, Reported(amount=Decimal(0)), "0", "settled"),
        (
            {"unit": "second"},
            Reported(quantity=Decimal(7), unit="seconds", final=False),
            "0.7",
            "reported",
        ),
    ],
)
def test_a_providers_figure_becomes_money_as_far_as_it_can(
    line: dict[str, Any], reported: Reported, amount: str, state: str
) -> None:
    attempt = attempt_of("clip-1", **line)
    take_cost(cast("Any", Saying(reported)), attempt, {}, {})

    cost = attempt.money.reported
    assert cost is not None
    assert (cost.amount, cost.state) == (Decimal(amount), state)
    assert cost.quantity == reported.quantity


@pytest.mark.parametrize("amount", ["1e30", "NaN", "Infinity", "-1"])
async def test_what_no_job_costs_is_no_cost(amount: str) -> None:
    attempt = attempt_of("clip-1", unit="second")
    take_cost(cast("Any", Saying(Reported(amount=Decimal(amount)))), attempt, {}, {})

    assert attempt.money.reported is None
    assert attempt.money.cost_of("certain") is not None


async def test_a_figure_that_is_none_costs_nothing_but_itself() -> None:
    class Broken(Saying):
        def reported_cost(self, _body: Any, _metadata: Any) -> Reported:
            raise KeyError("cost")

    attempt = attempt_of("clip-1", "second")
    take_cost(cast("Any", Broken(Reported())), attempt, {}, {})

    assert attempt.money.reported is None
    assert attempt.money.cost_of("certain") is not None


@pytest.mark.parametrize("figure", ["12", None, True, float("nan"), float("inf"), -1, [], {}])
def test_what_is_no_figure_is_none(figure: object) -> None:
    assert exact(figure) is None


async def test_what_a_failure_cost_is_known_to_whoever_takes_the_job_up(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("runway", Script(outcome="moderated"))
    ledger = SqliteLedger(tmp_path / "jobs.db")
    await failure(config(simulator, "runway", "gen4.5"), ledger=ledger)

    (record,) = await ledger.jobs()
    (entry,) = record.entries
    made = Call("video", config(simulator, "runway", "gen4.5"), REQUEST, "one")
    (attempt,) = attempts_stored(record, [made])
    cost = attempt.cost_of(success=False)
    assert cost is not None
    assert cost.state in ("reported", "settled")
    assert entry.heard["cost"]["amount"] == str(cost.amount)
    await ledger.aclose()
