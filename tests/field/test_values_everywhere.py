"""What people reported of one provider, asked of all: numbers arrive as they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    list_models,
    list_providers,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.catalog import lookup
from tarash.tarash_gateway.models import GenerationPlan

# fal's 767 are read by tests/catalog, all of them.
PROVIDERS = [one.name for one in list_providers() if one.name != "fal"]
OWN = {"azure-openai", "comfyui", "localai", "openai-compatible", "sglang", "vllm"}
SERVERS = sorted({"localai", "openai-compatible", "sglang", "vllm"})
MOST = 2
"""Models of each kind; a provider's models share their mappers."""
SEEDS = [0, -1, 2**53 + 1, 2**64 - 1]


def planned(provider: str, model: str, kind: str, **wishes: Any) -> GenerationPlan:
    address = "http://127.0.0.1:9" if provider in OWN else None
    if kind == "video":
        return plan_video(
            VideoGenerationConfig(provider=provider, model=model, base_url=address),
            VideoGenerationRequest.model_validate({"prompt": "A cat", **wishes}),
        )

    return plan_image(
        ImageGenerationConfig(provider=provider, model=model, base_url=address),
        ImageGenerationRequest.model_validate({"prompt": "A cat", **wishes}),
    )


def planned_somehow(provider: str, model: str, kind: str, seed: int) -> GenerationPlan | None:
    """Plan without and with an image; None for a model that needs something else."""
    for roles in ((), ("first_frame",), ("reference",)):
        images = [{"image": "https://example.com/a.png", "type": role} for role in roles]
        try:
            return planned(provider, model, kind, seed=seed, image_list=images)
        except ValidationError:
            continue

    return None


def seeded(provider: str) -> Iterator[tuple[str, str]]:
    """Yield models that take a seed; of servers of one's own, one of any name."""
    for kind in ("video", "image"):
        known = [one.model for one in list_models(provider) if kind in one.outputs]
        takers = (
            model
            for model in known or ["a-model"]
            if any("seed" in one.sources for one in lookup(provider, model, kind).mappers.values())
        )
        for model in islice(takers, MOST):
            yield model, kind


def seeds_in(value: Any, name: str = "") -> Iterator[Any]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from seeds_in(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from seeds_in(one, name)
    elif "seed" in name.lower():
        yield value


# ComfyUI's seed stands where the workflow has one; the others have none for any model.
@pytest.mark.parametrize(
    "provider",
    [name for name in PROVIDERS if name in SERVERS or any(True for _ in seeded(name))],
)
def test_a_seed_arrives_digit_by_digit_or_its_change_is_said(provider: str) -> None:
    tried = 0
    for model, kind in seeded(provider):
        for seed in SEEDS:
            plan = planned_somehow(provider, model, kind, seed)
            if plan is None:
                break

            sent = [*seeds_in(json.loads(json.dumps(plan.payload)))]
            is_said = any(one.field == "seed" for one in plan.adjustments)
            assert is_said or [str(one) for one in sent] == [str(seed)], (model, seed, sent)
            tried += 1

    assert tried
