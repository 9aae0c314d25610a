"""A model that is asked for at a provider that doesn't have it: the error says who has it."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway import (
    ModelNotFoundError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    describe_model,
    generate_video,
    plan_video,
)
from tarash.tarash_gateway.catalog import elsewhere
from tarash.tarash_gateway.testing import Fault, Simulator


def test_who_has_a_model() -> None:
    assert elsewhere("luma", "sora-2") == "azure-openai has it, openai has it"
    assert "google has veo-3.1" in str(elsewhere("luma", "veo-3.1"))
    assert elsewhere("openai", "sora-2") is None
    assert elsewhere("luma", "nobody-makes-this") is None
    assert elsewhere("a-provider-of-mine", "x") is None


def test_a_description_says_who_has_it() -> None:
    with pytest.raises(
        ValidationError, match=r"no model 'sora-2' in the catalogue; .*openai has it"
    ):
        describe_model("luma", "sora-2")


@pytest.mark.parametrize("provider", ["bytedance", "kling", "luma", "together", "xai"])
def test_a_plan_says_who_has_it_before_anything_is_sent(provider: str) -> None:
    config = VideoGenerationConfig(provider=provider, model="veo-3.1", strict=True)
    (remark,) = plan_video(config, VideoGenerationRequest(prompt="x")).adjustments
    assert remark.field == "model"
    assert f"no such model of {provider}, and google has veo-3.1" in remark.reason


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("bytedance", "ep-20260101-abc"),
        ("alibaba", "something-of-tomorrow"),
        *((server, "sora-2") for server in ("vllm", "sglang", "localai", "openai-compatible")),
    ],
)
def test_a_name_of_ones_own_passes_without_a_word(provider: str, model: str) -> None:
    facts = {"provider": provider, "model": model, "base_url": "http://127.0.0.1:9"}
    config = VideoGenerationConfig.model_validate(facts)
    assert plan_video(config, VideoGenerationRequest(prompt="x")).adjustments == ()


def test_a_404_says_who_has_it() -> None:
    config = {"provider": "luma", "model": "sora-2", "api_key": "any", "max_retries": 0}
    with Simulator(["luma"]) as simulator:
        simulator.fail("luma", "submit", Fault.status(404))
        config["base_url"] = simulator.base_url("luma")
        with pytest.raises(ModelNotFoundError, match=r"\(azure-openai has it, openai has it\)"):
            generate_video(
                VideoGenerationConfig.model_validate(config), VideoGenerationRequest(prompt="x")
            )
