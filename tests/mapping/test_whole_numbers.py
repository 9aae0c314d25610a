"""Whole numbers stay the numbers that they are, however large: above 2**53 a float is another."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.catalog import ModelSpec
from tarash.tarash_gateway.exceptions import ValidationError
from tarash.tarash_gateway.mapping import (
    Span,
    apply_field_mappers,
    check_payload,
    derive,
    fit,
    nearest,
)
from tests.catalog.generators import generators

LARGE = (2**53 + 1, 987_654_321_987_654_321, 2**63 - 1, 2**64 - 1)
SEEDS: dict[str, dict[str, Any]] = {
    "an integer": {"type": "integer"},
    "a number": {"type": "number"},
    "nullable": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    "from 0": {"type": "integer", "minimum": 0},
    "with both ends": {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
    "ends as floats": {"type": "integer", "minimum": 0.0, "maximum": 1.8446744073709552e19},
    "in steps of one": {"type": "integer", "multipleOf": 1},
    "in steps of one, as a float": {"type": "integer", "multipleOf": 1.0},
    "more than": {"type": "integer", "exclusiveMinimum": -1},
    "as text": {"type": "string"},
}


@pytest.mark.parametrize("seed", LARGE)
@pytest.mark.parametrize("form", SEEDS)
def test_a_seed_goes_out_as_it_came(form: str, seed: int) -> None:
    schema = {"properties": {"prompt": {"type": "string"}, "seed": SEEDS[form]}}
    mappers = derive(schema, "video")
    spec = ModelSpec("any", "any/model", "video", mappers, schema=schema)
    request, adjustments = fit(VideoGenerationRequest(prompt="x", seed=seed), spec, strict=True)
    payload = apply_field_mappers(mappers, request)
    check_payload(payload, schema, "any/model")
    assert (payload["seed"], adjustments) == (str(seed) if form == "as text" else seed, ())


@pytest.mark.parametrize("seed", [*LARGE, -LARGE[0]])
def test_a_seed_above_the_limit_is_bent_with_a_word_and_refused_by_strict(seed: int) -> None:
    schema = {"properties": {"seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}}}
    spec = ModelSpec("any", "any/model", "video", derive(schema, "video"), schema=schema)
    wished = VideoGenerationRequest(prompt="x", seed=seed)
    request, adjustments = fit(wished, spec)
    assert request.seed == (2**31 - 1 if seed > 0 else 0)
    assert "seed" in [one.field for one in adjustments]
    with pytest.raises(ValidationError, match=str(seed)):
        fit(wished, spec, strict=True)


@pytest.mark.parametrize(
    ("span", "wish", "found"),
    [
        (Span(0, 2**64 - 1, 3), 2**64 - 1, 2**64 - 1),
        (Span(0, 2**64 - 1, 3), 2**64 - 2, 2**64 - 1),
        (Span(0, 2**64 - 2, 3), 2**64 - 1, 2**64 - 4),
        (Span(5, 100, 10), -(10**300), 10),
        (Span(5, 100, 10), 10**40, 100),
        (Span(None, None, 7), 10**40, 10**40 // 7 * 7 + 7 * (10**40 % 7 > 3)),
        (Span(0.5, 2.5, 0.5), 10**40, 2.5),
        (Span(0, 10), 2.5, 2.5),
        (Span(0, 10, 1), 2.5, 3),
        (Span(0, 10, 1), 8.0, 8),
        (Span(0, 0.3, 0.1), 0.3, 0.3),
    ],
    ids=repr,
)
def test_the_nearest_of_a_range_is_worked_out_exactly(span: Span, wish: float, found: int) -> None:
    assert span.nearest(wish) == found
    assert type(span.nearest(wish)) is type(found)


def test_the_nearest_of_a_list_is_worked_out_exactly() -> None:
    assert nearest("seed", 2**53 + 1, [2**53, 2**53 + 1, 2**53 + 2]) == 2**53 + 1


@pytest.mark.parametrize(
    ("schema", "number", "fits"),
    [
        ({"type": "integer", "multipleOf": 2}, 2**60 + 1, False),
        ({"type": "integer", "multipleOf": 2}, 2**60, True),
        ({"type": "integer", "multipleOf": 0.5}, 10**40, True),
        ({"type": "integer", "multipleOf": 0.3}, 10**40, False),
        ({"type": "integer", "maximum": 2**53}, 2**53 + 1, False),
        ({"type": "number", "enum": [1, 2]}, 10**40, False),
        ({"type": "string"}, 10**40, False),
    ],
    ids=["odd", "even", "halves", "thirds", "above", "listed", "text"],
)
def test_a_schema_is_held_against_the_exact_number(
    schema: dict[str, Any], number: int, fits: bool
) -> None:
    payload, whole = {"count": number}, {"properties": {"count": schema}}
    if fits:
        check_payload(payload, whole, "any/model")
    else:
        with pytest.raises(ValidationError, match="would refuse 'count'"):
            check_payload(payload, whole, "any/model")


def test_every_model_of_the_catalogue_sends_the_seed_or_says_what_it_sends() -> None:
    seed = LARGE[0]
    checked = 0
    for model, kind, record in generators():
        properties = record["input"]["properties"]
        if "seed" not in properties or set(record["input"].get("required") or ()) - {"prompt"}:
            continue

        if kind == "video":
            videos = VideoGenerationConfig(provider="fal", model=model)
            plan = plan_video(videos, VideoGenerationRequest(prompt="a red fox", seed=seed))
        else:
            images = ImageGenerationConfig(provider="fal", model=model)
            plan = plan_image(images, ImageGenerationRequest(prompt="a red fox", seed=seed))

        said = any(one.field == "seed" for one in plan.adjustments)
        assert plan.payload.get("seed") in (seed, str(seed)) or said, model
        checked += 1

    assert checked > 100


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        *(("replicate", "black-forest-labs/flux-dev"), ("stability", "stable-image-core")),
        *(("google", "gemini-3.1-flash-image"), ("runway", "gen4_image")),
    ],
)
def test_every_provider_sends_the_seed_or_says_what_it_sends(provider: str, model: str) -> None:
    config = ImageGenerationConfig(provider=provider, model=model)
    plan = plan_image(config, ImageGenerationRequest(prompt="x", seed=LARGE[-1]))
    said = any(one.field == "seed" for one in plan.adjustments)
    assert str(LARGE[-1]) in str(plan.payload) or said
