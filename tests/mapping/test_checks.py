"""Field mappers that could only fail later are refused when they are made or registered."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    register_provider_field_mapping,
)
from tarash.tarash_gateway.mapping import choice_field_mapper, count_field_mapper
from tarash.tarash_gateway.providers.field_mappers import (
    FieldMapper,
    duration_field_mapper,
    image_list_field_mapper,
    passthrough_field_mapper,
    single_image_field_mapper,
)

PROMPT = passthrough_field_mapper("prompt")


def untyped(make: Callable[..., Any], *arguments: Any, **named: Any) -> Callable[[], Any]:
    return lambda: make(*arguments, **named)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (untyped(passthrough_field_mapper, "promt"), "no field 'promt'; did you mean 'prompt'?"),
        (untyped(passthrough_field_mapper, "zzz"), "no field 'zzz'; possible: aspect_ratio, "),
        (untyped(FieldMapper, "prompt", str, also=("sise",)), "did you mean 'size'?"),
        (untyped(FieldMapper, "prompt", "upper"), "this is a str"),
        (
            untyped(single_image_field_mapper, image_type="refernce"),
            "image_type='refernce' is not possible; did you mean 'reference'?",
        ),
        (untyped(image_list_field_mapper, "styl"), "did you mean 'style'?"),
        (untyped(duration_field_mapper, "float"), "field_type='float' is not possible; possible: "),
        (untyped(duration_field_mapper, "int", ["5 seconds"]), "no number of seconds; write 8"),
        (untyped(choice_field_mapper, "style", "vivid"), "give a list"),
        (untyped(count_field_mapper, "n", 4, 1), "min_value=4 is above max_value=1"),
    ],
)
def test_a_mapper_that_can_only_fail_is_refused_when_it_is_made(
    make: Callable[[], Any], said: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        make()

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"acme/": {"prompt": "prompt"}}, "has a str for 'prompt', and a FieldMapper is needed"),
        ({"prompt": PROMPT}, "has mappers where models are expected: write {model_or_prefix"),
        ({"prompt": "prompt"}, "the mapping for 'prompt' is a str; write {model_or_prefix"),
        ({"acme/": [PROMPT]}, "the mapping for 'acme/' is a list"),
        ([("acme/", {"prompt": PROMPT})], "the mapping for 'fal' is a list"),
        ({3: {"prompt": PROMPT}}, "has the key 3, which is no text"),
    ],
)
def test_a_mapping_of_another_shape_is_refused_when_it_is_registered(
    mapping: Any, said: str
) -> None:
    registry = Registry()
    with pytest.raises(ValidationError) as caught:
        registry.register_provider_field_mapping("fal", mapping)

    assert said in str(caught.value)
    assert registry.registered_mapping("fal") == {}


def test_a_mapping_for_what_looks_like_a_mistyped_provider_is_warned_of_and_kept() -> None:
    registry = Registry()
    with pytest.warns(UserWarning, match="No provider 'replicat' is known; did you mean") as caught:
        registry.register_provider_field_mapping("replicat", {"acme/": {"prompt": PROMPT}})

    assert caught[0].filename == __file__
    assert "acme/" in registry.registered_mapping("replicat")


@pytest.mark.parametrize("provider", ["acme", "fal-eu", "mine"])
def test_a_provider_may_be_registered_after_its_mappers(provider: str) -> None:
    registry = Registry()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        registry.register_provider_field_mapping(provider, {"acme/": {"prompt": PROMPT}})

    assert caught == []
    assert registry.get_provider_field_mapping(provider) == {"acme/": {"prompt": PROMPT}}


@pytest.mark.parametrize("provider", ["", " ", None])
def test_a_mapping_needs_a_provider(provider: Any) -> None:
    with pytest.raises(ValidationError, match="name is empty"):
        register_provider_field_mapping(provider, {})


def test_an_empty_prefix_stands_for_all_models() -> None:
    registry = Registry()
    registry.register_provider_field_mapping("replicate", {"": {"text": PROMPT}})
    config = VideoGenerationConfig(provider="replicate", model="acme/new")
    plan = Gateway(registry=registry).plan_video(config, VideoGenerationRequest(prompt="A cat"))
    assert plan.payload["input"] == {"text": "A cat"}
