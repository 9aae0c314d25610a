"""What the error of a limit advises: whoever does it finds that it fits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tarash.tarash_gateway import (
    CostLimitError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelInfo,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway._data._exchange import Call
from tarash.tarash_gateway._engine import fitted_call, quoted
from tarash.tarash_gateway._engine._attempt import Attempt
from tarash.tarash_gateway._engine._fitting import checked_payload
from tarash.tarash_gateway._engine._spending import check_affordable
from tarash.tarash_gateway._jobs._adapters import adapter_of
from tarash.tarash_gateway._jobs._resources import default
from tarash.tarash_gateway.catalog.prices import prices

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that end
PROMPT = "A tram in the rain"
VIDEO: list[dict[str, Any]] = [
    {},
    {"duration_seconds": 8},
    {"duration_seconds": 10, "resolution": "1080p"},
    {"resolution": "4k", "number_of_videos": 3, "generate_audio": True},
]
IMAGE: list[dict[str, Any]] = [{}, {"n": 4}, {"quality": "high", "n": 2}, {"size": "2048x2048"}]
SHARES = (Decimal("0.99"), Decimal("0.3"))
ADVICE = re.compile(r"(\w+)=('[^']*'|\S+) costs (\$[\d.]+(?: to \$[\d.]+)?)")
EACH = 173
"""Of all models, one in so many that has prices is played at once; the soak plays all."""


def priced(each: int = 1) -> list[ModelInfo]:
    return [
        one
        for one in list_models()[::each]
        if one.outputs and one.outputs[0] in ("video", "image")
        if prices.lines(one.provider, one.model)
    ]


def kinds_of(model: ModelInfo) -> tuple[bool, Any, Any]:
    is_video = model.outputs[0] == "video"
    config_type = VideoGenerationConfig if is_video else ImageGenerationConfig
    request_type = VideoGenerationRequest if is_video else ImageGenerationRequest
    return is_video, config_type(provider=model.provider, model=model.model), request_type


def refusal(model: ModelInfo, wishes: dict[str, Any], share: Decimal) -> tuple[str, Decimal] | None:
    """Return what is said where the limit is a share of the price, and that; None without one."""
    is_video, config, request_type = kinds_of(model)
    request = request_type(prompt=PROMPT, **wishes)
    call = Call("video" if is_video else "image", config, request, "a call")
    registry = default.resources().registry
    adapter = adapter_of(call, registry, need_extra=False)
    try:
        fitted, spec = fitted_call(call, registry, adapter)
        quote = quoted(fitted, spec, checked_payload(adapter, fitted, spec))
    except TarashException:
        return None  # it needs a picture, say

    if not quote.high or quote.currency != "USD":
        return None

    attempt = Attempt(call)
    attempt.money.limit = limit = quote.high * share
    with pytest.raises(CostLimitError) as caught:
        check_affordable(attempt, fitted, quote, adapter, spec)

    return caught.value.message, limit


def advised(model: ModelInfo, wishes: dict[str, Any], share: Decimal) -> Iterator[tuple[str, ...]]:
    """Yield what is wrong with the advice for a limit that is a share of the price."""
    refused = refusal(model, wishes, share)
    if refused is None:
        return

    said, limit = refused
    is_video, config, request_type = kinds_of(model)
    planned: Any = plan_video if is_video else plan_image
    assert "costs" in said or "a larger max_cost" in said
    for field, value, price in ADVICE.findall(said):
        again = request_type(prompt=PROMPT, **{**wishes, field: ast.literal_eval(value)})
        found = planned(config, again).quote
        if found.high is None or found.high > limit or str(found) != price:
            yield model.provider, model.model, str(wishes), said, str(found)


def wrong_of(models: list[ModelInfo]) -> list[tuple[str, ...]]:
    wrong: list[tuple[str, ...]] = []
    for model in models:
        for wishes in VIDEO if model.outputs[0] == "video" else IMAGE:
            for share in SHARES:
                wrong.extend(advised(model, wishes, share))

    return wrong


def test_whoever_takes_the_advice_of_a_limit_stays_within_it() -> None:
    assert wrong_of(priced(EACH)) == []


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_whoever_takes_the_advice_of_a_limit_stays_within_it_at_each_model() -> None:
    models = priced()

    assert len(models) > 350
    assert wrong_of(models) == []


@pytest.mark.parametrize(
    ("provider", "model", "wishes", "share", "advice"),
    [
        # The length that the model makes at 1080p is another than at 720p.
        ("fal", "fal-ai/pixverse/v5/text-to-video", VIDEO[2], "0.99", ""),
        ("alibaba", "happyhorse-1.0-t2v", {"duration_seconds": 9}, "0.99", "duration_seconds=8"),
        ("openai", "gpt-image-1", {"quality": "high"}, "0.99", "quality='medium'"),
        ("kling", "kling-v3", {"generate_audio": True}, "0.99", "generate_audio=False"),
    ],
)
def test_the_advice_names_what_is_nearest(
    provider: str, model: str, wishes: dict[str, Any], share: str, advice: str
) -> None:
    (found,) = [one for one in list_models(provider) if one.model == model]

    assert list(advised(found, wishes, Decimal(share))) == []
    refused = refusal(found, wishes, Decimal(share))
    assert refused is not None
    assert advice in refused[0]
