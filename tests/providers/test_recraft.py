"""Recraft: images at once, what each model takes, two shapes of answers, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
    generate_image,
    list_models,
    plan_image,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Simulator

PICTURE = {"content": samples.make_png(256, 256, 1), "content_type": "image/png"}
REFERENCE = {"image": PICTURE}
STYLE = {"image": PICTURE, "type": "style"}
MODELS = tuple(one.model for one in list_models("recraft"))


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator(["recraft"]) as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    _running.reset()
    return _running


def config(simulator: Simulator, model: str = "recraftv4_1", **changes: Any) -> Any:
    settings = {
        "provider": "recraft",
        "model": model,
        "api_key": "a-key-of-ours",
        "base_url": simulator.base_url("recraft"),
        "max_retries": 0,
        **changes,
    }
    return ImageGenerationConfig.model_validate(settings)


def request(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest.model_validate({"prompt": "A tram depot", **fields})


def planned(model: str, **fields: Any) -> Any:
    return plan_image(ImageGenerationConfig(provider="recraft", model=model), request(**fields))


ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"n": 20, "size": "4096x4096", "seed": 2**40},
    {"aspect_ratio": "16:9", "n": 2, "seed": 7, "negative_prompt": "rust", "style": "icon"},
    {"image_list": [REFERENCE]},
    {"image_list": [REFERENCE], "n": 6, "seed": 1, "style": "icon", "aspect_ratio": "3:4"},
    {"image_list": [REFERENCE], "mask_image": PICTURE, "negative_prompt": "rust"},
    {"image_list": [STYLE] * 3},
    {"image_list": [STYLE] * 11},
    {"extra_params": {"style_id": "an-own-style"}},
)


@pytest.mark.parametrize("model", MODELS)
async def test_whatever_is_asked_of_a_model_is_taken(simulator: Simulator, model: str) -> None:
    """It is refused here, with a reason, or the vendor takes it: nothing unknown is sent."""
    own = "style_id" if "styles" in model or "v3" in model or "v2" in model else None
    made = 0
    async with Gateway() as gateway:
        for asked in ASKED:
            if "extra_params" in asked and (own is None or "/" in model):
                continue

            try:
                await gateway.generate_image_async(config(simulator, model), request(**asked))
            except ValidationError as error:
                assert error.submission is None, (asked, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("recraft").accepted == made > 0


def test_what_costs_or_changes_the_result_is_always_said() -> None:
    plan = planned("recraftv4_1_pro")
    assert plan.endpoint == "https://external.api.recraft.ai/v1/images/generations"
    assert plan.payload == {
        "model": "recraftv4_1_pro",
        "prompt": "A tram depot",
        "size": "2048x2048",
        "n": 1,
        "response_format": "url",
    }
    assert planned("recraftv4_1_vector", aspect_ratio="16:9").payload["size"] == "16:9"
    edited = planned("imageToImage/recraftv3", image_list=[REFERENCE])
    assert edited.endpoint.endswith("/images/imageToImage")
    assert (edited.payload["model"], edited.payload["strength"]) == ("recraftv3", 0.5)


def test_what_it_has_cost_is_what_the_answer_says(simulator: Simulator) -> None:
    response = generate_image(config(simulator), request(n=2))
    assert len(response.images) == 2
    assert response.cost is not None
    assert float(response.cost.amount or 0) == 0.07
    assert response.provider_metadata["expires_at"]


def test_tools_answer_in_another_shape(simulator: Simulator) -> None:
    response = generate_image(
        config(simulator, "removeBackground"), request(image_list=[REFERENCE])
    )
    assert len(response.images) == 1
    text = {"response_format": "b64_json"}
    response = generate_image(config(simulator), request(extra_params=text))
    assert not response.images[0].startswith("http")


REFUSALS: tuple[tuple[int, Any, type[TarashException], str], ...] = (
    (400, {"code": "bad_request", "message": "size is odd"}, ValidationError, "rejected"),
    (400, {"code": "not_enough_credits", "message": "no"}, QuotaExceededError, "rejected"),
    (400, {"code": "x", "message": "violates our policy"}, ContentModerationError, "rejected"),
    (401, "request unauthorized", AuthenticationError, "rejected"),
    (402, "", QuotaExceededError, "rejected"),
    (429, {"code": "rate", "message": "slow down"}, RateLimitError, "rejected"),
    (500, {"code": "internal", "message": "oops"}, HTTPError, "unknown"),
)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_read_whatever_its_form(
    simulator: Simulator, refusal: tuple[int, Any, type[TarashException], str]
) -> None:
    status, body, kind, how = refusal
    simulator.fail("recraft", "submit", Fault.status(status, body))
    with pytest.raises(kind) as caught:
        generate_image(config(simulator), request())

    assert caught.value.submission == how
    assert simulator.counters("recraft").submits == 1


@pytest.mark.parametrize(
    ("model", "dollars"), [("recraftv4_1", "0.035"), ("recraftv4_styles_pro", "0.1")]
)
def test_a_plan_says_what_it_costs(model: str, dollars: str) -> None:
    images = [STYLE] if "styles" in model else []
    quote = planned(model, image_list=images).quote
    assert quote is not None
    assert quote.high is not None
    assert str(quote.high.normalize()) == dollars
