"""What `list_models` shows are ids that can be written in a config, and filters that exist."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from tarash.tarash_gateway import ValidationError, list_models
from tarash.tarash_gateway.catalog import lookup
from tarash.tarash_gateway.catalog._modules import named

BY_HAND = (
    *("alibaba", "azure-openai", "bytedance", "google", "kling", "luma", "minimax", "openai"),
    *(
        "bfl",
        "ideogram",
        "openrouter",
        "recraft",
        "replicate",
        "stability",
        "together",
        "wavespeed",
        "xai",
    ),
)
DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


FAMILIES = {"veo-2.0", "veo-3.1", "imagen-", "gemini-3", "photon", "uni-", "ray-3", "minimax/"}


@pytest.mark.parametrize("provider", BY_HAND)
def test_listed_ids_are_known_and_no_prefixes(provider: str) -> None:
    listed = [one.model for one in list_models(provider)]
    assert listed == sorted(named(provider))
    assert not FAMILIES & set(listed)
    for model, kind in named(provider).items():
        assert model[-1].isalnum(), model
        assert lookup(provider, model, kind).source == "package", model


def test_a_provider_with_two_names_is_listed_once() -> None:
    assert "azure_openai" not in {one.provider for one in list_models()}
    assert list_models("azure_openai") != []


def test_ids_are_those_of_the_sdks() -> None:
    from lumaai.types.generations import image_create_params, video_create_params
    from openai.types import ImageModel, VideoModel

    videos = next(one for one in get_args(VideoModel) if one is not str)
    theirs = {*get_args(ImageModel), *get_args(videos)}
    assert {DATED.sub("", one) for one in theirs} == set(named("openai"))
    for params in (image_create_params.ImageCreateParams, video_create_params.VideoCreateParams):
        listed = str(params.__annotations__["model"].__forward_arg__)
        ids = re.findall(r"'([\w.-]+)'", listed)
        assert ids, params
        assert set(ids) <= set(named("luma"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"output": "vidoe"}, r"output='vidoe'.*'video'"),
        ({"takes": "firstframe"}, r"takes='firstframe'.*'first_frame'"),
        ({"takes": ["mask", "sound"]}, r"takes='sound'.*'mask'"),
        ({"provider": "fall"}, r"Unknown provider 'fall'; did you mean 'fal'"),
    ],
)
def test_a_filter_that_does_not_exist_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        list_models(**wrong)
