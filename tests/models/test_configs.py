"""Configs: their limits, and their silence about secrets."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    MockConfig,
    MockPollingConfig,
    MockResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
)

KEY = "a-key-of-many-letters"


def config(**facts: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig.model_validate({"provider": "fal", "model": "m", **facts})


def test_defaults_are_those_of_the_documentation() -> None:
    video, image = config(), ImageGenerationConfig(provider="fal", model="m")
    assert (video.timeout, video.poll_interval) == (600, 5)
    assert (image.timeout, image.poll_interval) == (120, 2)
    for one in (video, image):
        assert (one.max_retries, one.max_poll_attempts) == (2, None)
        assert (one.on_timeout, one.failover, one.strict) == ("cancel", "always", False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("provider", ""),
        ("model", ""),
        ("timeout", 0),
        ("poll_interval", -1),
        ("max_retries", -1),
        ("max_poll_attempts", 0),
        ("on_timeout", "wait"),
        ("failover", "never"),
        ("base_url", "ftp://example.com"),
        ("base_url", "example.com"),
    ],
)
def test_an_impossible_limit_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        config(**{field: value})

    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("value", ["example.com", "http://", "http:/x", "http://a b", " http://a"])
def test_a_base_url_that_is_none_is_told_what_it_has_to_be(value: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="begins with http:// or https://, such as"):
        config(base_url=value)


@pytest.mark.parametrize("typo", ["moc", "timout", "fallback_config", "duration_seconds"])
def test_a_mistyped_setting_is_refused_since_it_would_be_paid_for(typo: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=typo):
        config(**{typo: 1})


@pytest.mark.parametrize(
    ("typo", "meant"), [("time_out", "timeout"), ("apikey", "api_key"), ("moc", "mock")]
)
def test_a_mistyped_setting_is_told_in_one_sentence_with_the_one_that_was_meant(
    typo: str, meant: str
) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        config(**{typo: KEY})

    said = f"VideoGenerationConfig has no field '{typo}'; did you mean '{meant}'?"
    assert [(one["loc"], one["msg"]) for one in caught.value.errors()] == [((typo,), said)]
    assert "https://" not in str(caught.value)
    assert KEY not in caught.value.json()


def test_a_mistyped_setting_that_is_needed_is_not_told_twice() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        VideoGenerationConfig.model_validate({"provider": "fal", "modle": "x"})

    assert [one["loc"] for one in caught.value.errors()] == [("modle",)]


def test_a_name_that_no_setting_is_like_is_told_where_it_belongs_or_what_there_is() -> None:
    with pytest.raises(pydantic.ValidationError, match="'prompt'; it belongs to the request"):
        config(prompt="A cat")

    with pytest.raises(pydantic.ValidationError, match="'zzz'; it has provider, model, api_key"):
        config(zzz=1)


@pytest.mark.parametrize(
    ("facts", "place"),
    [
        ({"respones": []}, ("mock", "respones")),
        ({"polling": {"delay": 0}}, ("mock", "polling", "delay")),
        ({"responses": [{"erorr": None}]}, ("mock", "responses", 0, "erorr")),
    ],
)
def test_a_mistyped_setting_of_the_mock_is_refused_as_well(
    facts: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        config(mock={"enabled": True, **facts})

    assert [one["loc"] for one in caught.value.errors()] == [place]


def test_one_config_in_place_of_a_list_is_told_in_one_sentence() -> None:
    said = (
        r"needs a list of VideoGenerationConfig, even for one: fallback_configs=\[…\]; "
        "this is of type VideoGenerationConfig"
    )
    with pytest.raises(pydantic.ValidationError, match=said) as caught:
        config(fallback_configs=config())

    assert caught.value.error_count() == 1


def test_a_config_survives_json_with_the_media_of_its_mock() -> None:
    media = {"content": b"\xff\x00", "content_type": "video/mp4"}
    one = config(mock={"enabled": True, "responses": [{"output_video": media}]})
    assert VideoGenerationConfig.model_validate_json(one.model_dump_json()) == one


def test_secrets_are_masked_when_shown_and_left_out_of_json() -> None:
    inner = config(api_key=KEY, provider_config={"access_token": KEY, "min_poll_interval": 1})
    outer = config(api_key=KEY, fallback_configs=[inner])
    for shown in (repr(outer), str(outer), outer.model_dump_json(), f"{outer.model_dump_json}"):
        assert KEY not in shown

    dumped = json.loads(outer.model_dump_json())
    assert "api_key" not in dumped
    assert dumped["fallback_configs"][0]["provider_config"] == {"min_poll_interval": 1}


def test_the_key_is_there_for_who_reads_it_and_for_building_a_config_again() -> None:
    one = config(api_key=KEY)
    assert one.api_key == KEY
    assert VideoGenerationConfig(**one.model_dump()) == one


def test_lists_may_be_written_and_are_kept_as_tuples() -> None:
    """Also for type checkers: this file is among those that are checked."""
    mock = MockConfig(enabled=True, responses=[MockResponse()])
    first = VideoGenerationConfig(provider="fal", model="m", mock=mock)
    chain = VideoGenerationConfig(provider="fal", model="m", fallback_configs=[first])
    request = VideoGenerationRequest(
        prompt="A cat", image_list=[{"image": "https://example.com/a.png", "type": "first_frame"}]
    )
    for kept in (mock.responses, chain.fallback_configs, request.image_list):
        assert type(kept) is tuple
        assert len(kept) == 1

    with pytest.raises(pydantic.ValidationError):
        setattr(chain, "fallback_configs", [])  # noqa: B010  (a type checker would refuse it too)


def test_a_mock_whose_outcomes_weigh_nothing_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="weight above 0"):
        MockConfig(enabled=True, responses=(MockResponse(weight=0),))


def test_a_mock_sequence_has_to_end() -> None:
    with pytest.raises(pydantic.ValidationError, match="must end in"):
        MockPollingConfig(status_sequence=("queued", "processing"))


@pytest.mark.parametrize("field", ["progress_percentages", "custom_updates"])
def test_a_mock_sequence_needs_an_entry_for_each_status(field: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="one entry for each status"):
        MockPollingConfig.model_validate({field: []})


def test_a_key_may_come_as_settings_hold_it_and_is_a_plain_str() -> None:
    one = VideoGenerationConfig.model_validate(
        {"provider": "fal", "model": "m", "api_key": pydantic.SecretStr(KEY)}
    )
    assert type(one.api_key) is str
    assert one.api_key == KEY
    assert one == VideoGenerationConfig(provider="fal", model="m", api_key=KEY)


def test_what_yaml_makes_of_off_is_off() -> None:
    assert config(verify=False).verify == "off"
    with pytest.raises(ValueError, match="verify"):
        config(verify=True)
