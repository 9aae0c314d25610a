"""An error over a malformed config holds nothing of what was given: keys are in it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway._support._tracebacks import chain_of

CANARY = "canary-0b7f3e55aa21"
GOOD: dict[str, Any] = {"provider": "fal", "model": "m", "api_key": CANARY}
BAD: dict[str, dict[str, Any]] = {
    "no model": {"provider": "fal", "api_key": CANARY},
    "a key in a list": {**GOOD, "api_key": [CANARY]},
    "a key by its parts": {**GOOD, "api_key": {"id": CANARY}},
    "a misspelled key": {"provider": "fal", "model": "m", "api_kye": CANARY},
    "another field is wrong": {**GOOD, "timeout": "soon"},
    "a choice that there is not": {**GOOD, "failover": CANARY},
    "settings in a list": {**GOOD, "provider_config": [CANARY]},
    "settings as text": {**GOOD, "provider_config": CANARY},
    "an address with a password": {**GOOD, "base_url": f"ftp://user:{CANARY}@example.com"},
    "a fallback without a model": {
        **GOOD,
        "fallback_configs": [{"provider": "f", "api_key": CANARY}],
    },
    "a fallback's fallback": {
        **GOOD,
        "fallback_configs": [{**GOOD, "fallback_configs": [{"api_key": CANARY}]}],
    },
    "fallbacks as text": {**GOOD, "fallback_configs": CANARY},
    "one fallback without a list": {**GOOD, "fallback_configs": GOOD},
    "a mock as text": {**GOOD, "mock": CANARY},
    "a mock without its switch": {**GOOD, "mock": {"seed": CANARY}},
}


def several(kind: Any) -> pydantic.TypeAdapter[Any]:
    many: Any = list.__class_getitem__(kind)
    return pydantic.TypeAdapter(many)


WAYS: dict[str, Callable[[Any, dict[str, Any]], object]] = {
    "by keywords": lambda kind, given: kind(**given),
    "from a dict": lambda kind, given: kind.model_validate(given),
    "from JSON": lambda kind, given: kind.model_validate_json(json.dumps(given)),
    "within another": lambda kind, given: several(kind).validate_python([given]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [VideoGenerationConfig, ImageGenerationConfig])
@pytest.mark.parametrize("bad", BAD)
def test_no_error_holds_what_was_given(bad: str, kind: Any, way: str) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        WAYS[way](kind, BAD[bad])

    found = caught.value.errors()
    assert found
    # By the address of another field's text, what was wrong is still said.
    assert all(one["msg"] and one["loc"] for one in found)
    parts = [repr(one) + str(getattr(one, "errors", list)()) for one in chain_of(caught.value)]
    told = "".join([*parts, caught.value.json(), *traceback.format_exception(caught.value)])
    assert CANARY not in told


def test_the_words_and_the_kinds_stay() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        VideoGenerationConfig.model_validate({**GOOD, "timeout": 0, "failover": "x", "strict": "?"})

    assert [(one["type"], one["loc"], one["msg"]) for one in caught.value.errors()] == [
        ("greater_than", ("timeout",), "Input should be greater than 0"),
        ("bool_parsing", ("strict",), "Input should be a valid boolean, unable to interpret input"),
        ("literal_error", ("failover",), "Input should be 'always' or 'when_safe'"),
    ]


ADDRESSES = [
    f"https://user:{CANARY}@example.com/v1",
    f"https://{CANARY}@example.com",
    f"https://example.com/v1?key={CANARY}",
    f"https://example.com/#{CANARY}",
    f"ftp://user:{CANARY}@example.com",
]


@pytest.mark.parametrize("kind", [VideoGenerationConfig, ImageGenerationConfig])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_key_in_an_address_is_refused_since_plans_and_logs_show_addresses(
    address: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BerriAI/litellm#15799 and #8075: what stands in a URL ends in tracebacks."""
    with pytest.raises(pydantic.ValidationError) as refused:
        kind(provider="openai", model="m", api_key="x", base_url=address)

    monkeypatch.setenv("TARASH_OPENAI_BASE_URL", address)
    plan: Any = plan_video if kind is VideoGenerationConfig else plan_image
    ask: Any = VideoGenerationRequest if kind is VideoGenerationConfig else ImageGenerationRequest
    with pytest.raises(ValidationError) as variable:
        plan(kind(provider="openai", model="m", api_key="x"), ask(prompt="x"))

    for error in (refused.value, variable.value):
        assert CANARY not in "".join(traceback.format_exception(error)).replace(address, "")
        assert CANARY not in repr(error) + str(error)


@pytest.mark.parametrize("place", [f"s3://me:{CANARY}@bucket/x", f"gs://{CANARY}@bucket/x.mp4"])
def test_a_key_in_a_place_to_save_to_is_refused(place: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="environment variables") as refused:
        VideoGenerationConfig.model_validate({**GOOD, "save_to": place})

    assert CANARY not in f"{refused.value} {refused.value.errors()}"


@pytest.mark.parametrize("name", ["api_key", "provider_config", "base_url", "nothing"])
@pytest.mark.parametrize("kind", [VideoGenerationConfig, ImageGenerationConfig])
def test_setting_a_key_on_a_config_fails_without_showing_it(kind: Any, name: str) -> None:
    """What sets `config.api_key = os.environ[...]` is told how it is done."""
    config = kind(**{**GOOD, "api_key": "x"})
    with pytest.raises(pydantic.ValidationError, match="model_copy") as refused:
        setattr(config, name, CANARY)

    error = refused.value
    assert CANARY not in f"{error} {error!r} {error.errors()} {error.json()}"
    assert config.api_key == "x"
