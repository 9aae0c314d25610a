"""A known model that makes the other kind is refused by name, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, ValidationError
from tarash.tarash_gateway.catalog._modules import named
from tarash.tarash_gateway.catalog._sources import names
from tarash.tarash_gateway.models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelInfo,
    VideoGenerationConfig,
    VideoGenerationRequest,
)

GATEWAY = Gateway()
BOTH = {"kling": {"kling-v1", "kling-v1-5", "kling-v2-1", "kling-v3", "kling-v3-omni"}}
"""Ids that make both."""


PROVIDERS = [name for name in names() if named(name)]


def known(provider: str) -> list[ModelInfo]:
    return [one for one in GATEWAY.list_models(provider) if one.model in named(provider)]


def planned(model: ModelInfo, kind: str, **given: Any) -> str:
    facts: dict[str, Any] = {"provider": model.provider, "model": model.model, "api_key": "key"}
    facts["base_url"] = "https://provider.example.com"
    if kind == "video":
        request = VideoGenerationRequest(prompt="a tin toy", **given)
        return GATEWAY.plan_video(VideoGenerationConfig(**facts), request).endpoint

    images = ImageGenerationRequest(prompt="a tin toy", **given)
    return GATEWAY.plan_image(ImageGenerationConfig(**facts), images).endpoint


@pytest.mark.filterwarnings("ignore::UserWarning")  # of models that have ended
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_model_of_the_other_kind_is_refused(provider: str) -> None:
    models = known(provider)
    assert models
    for model in models:
        if model.model in BOTH.get(provider, ()):
            continue

        kind = "image" if "video" in model.outputs else "video"
        with pytest.raises(ValidationError) as caught:
            planned(model, kind)

        said = str(caught.value)
        assert model.model in said or " only" in said, said
        assert "makes" in said or "needs" in said, said


@pytest.mark.parametrize(
    ("provider", "model"),
    [("bfl", "flux-3-video-2"), ("kling", "kling-v2-9"), ("together", "acme/made")],
)
def test_an_id_that_nobody_knows_may_make_either(provider: str, model: str) -> None:
    unknown = ModelInfo(provider=provider, model=model, outputs=("video",))

    picture: dict[str, Any] = {"image": "https://example.com/image.png", "type": "first_frame"}
    assert planned(unknown, "video", image_list=[picture])
    assert planned(unknown, "image")
