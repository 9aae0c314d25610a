"""Every model that makes videos or images from a prompt takes what it says it takes."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    TarashException,
    VideoGenerationConfig,
    describe_model,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.models import GenerationPlan
from tests.catalog import reading, wishing
from tests.catalog.generators import Generator, generators

SHARE_VALID = 0.99
SHARE_WITH_EVERY_WISH = 0.97


def planned(generator: Generator, size: str, seed: int) -> tuple[dict[str, object], GenerationPlan]:
    model, kind, record = generator
    described = describe_model("fal", model, "video" if kind == "video" else "image")
    rng = Random(f"{seed} {model} {size}")
    request, wishes = wishing.request_of(described, record["input"], size, rng)
    if kind == "video":
        return wishes, plan_video(VideoGenerationConfig(provider="fal", model=model), request)

    return wishes, plan_image(ImageGenerationConfig(provider="fal", model=model), request)


def judged(generator: Generator, size: str, seed: int) -> str:
    """Return `kept`, or what went wrong."""
    _model, kind, record = generator
    try:
        wishes, plan = planned(generator, size, seed)
    except TarashException as error:
        return f"refused: {error}"

    faults = reading.faults(plan.payload, record["input"])
    if faults:
        return f"invalid: {faults}"

    lost = reading.lost(wishes, plan.payload, record["input"], kind)
    bent = [one.field for one in plan.adjustments]
    return f"lost: {lost} {bent}" if lost or bent else "kept"


@pytest.mark.parametrize("seed", [1, 2])
def test_payloads_are_valid_and_hold_every_wish(seed: int) -> None:
    outcomes = {
        (generator[0], size): judged(generator, size, seed)
        for generator in generators()
        for size in ("smallest", "largest", "fullest")
    }
    kinds = Counter(outcome.partition(":")[0] for outcome in outcomes.values())
    total = len(outcomes)
    failures = {place: outcome for place, outcome in outcomes.items() if outcome != "kept"}
    assert total > 2400
    assert 1 - (kinds["refused"] + kinds["invalid"]) / total >= SHARE_VALID, failures
    assert kinds["kept"] / total >= SHARE_WITH_EVERY_WISH, failures


def test_every_record_can_be_described() -> None:
    for model, kind, _record in generators():
        described = describe_model("fal", model, "video" if kind == "video" else "image")
        assert any(parameter.source == "prompt" for parameter in described.parameters), model
