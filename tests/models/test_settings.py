"""Values as settings files and secret stores hold them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from tarash.tarash_gateway import ImageGenerationConfig, VideoGenerationConfig
from tarash.tarash_gateway._support._secrets import Keys

KEY = "canary-41c7"


@pytest.mark.parametrize("kind_of", [VideoGenerationConfig, ImageGenerationConfig])
@pytest.mark.parametrize("settings", [{"token": SecretStr(KEY)}, {"deep": [{"t": SecretStr(KEY)}]}])
def test_a_secret_is_plain_for_whoever_sends_it_and_masked_for_whoever_reads(
    kind_of: Any, settings: Any
) -> None:
    config = kind_of(provider="google", model="x", api_key=SecretStr(KEY), provider_config=settings)
    assert config.api_key == KEY
    assert KEY in str(config.provider_config)
    assert "SecretStr" not in str(config.provider_config)
    assert KEY not in repr(config) + config.model_dump_json()


def test_keys_by_provider_may_be_secrets_too() -> None:
    keys = Keys.taken({"fal": SecretStr(KEY), ("fal", "http://127.0.0.1"): "plain"})
    assert keys.get("fal") == KEY
    assert keys.get(("fal", "http://127.0.0.1")) == "plain"
    assert KEY not in repr(keys)


@pytest.mark.parametrize("off", [False, "off", "Off", "OFF", "no", "No", "false", "False"])
def test_every_spelling_that_yaml_has_for_off_is_off(off: Any) -> None:
    assert VideoGenerationConfig(provider="fal", model="x", verify=off).verify == "off"


@pytest.mark.parametrize("wrong", [True, "yes", "on", "", None])
def test_what_says_nothing_of_how_to_verify_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="verify"):
        VideoGenerationConfig(provider="fal", model="x", verify=wrong)
