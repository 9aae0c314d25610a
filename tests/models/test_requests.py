"""Requests: what they refuse, what they collect, what they leave alone."""

from __future__ import annotations

import io
import math
import pickle
import warnings
from typing import Any

import pydantic
import pytest

from tarash.tarash_gateway import ImageGenerationRequest, VideoGenerationRequest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", "  \n"),
        ("duration_seconds", 0),
        ("duration_seconds", -4),
        ("duration_seconds", math.inf),
        ("duration_seconds", math.nan),
        ("resolution", "5k"),
        ("aspect_ratio", "wide"),
        ("aspect_ratio", "16/9"),
        ("aspect_ratio", "0:9"),
        ("number_of_videos", 0),
        ("image_list", [{"image": "https://example.com/a.png", "type": "hero"}]),
        ("image_list", [42]),
        ("image_list", [{"type": "style"}]),
        ("video", ["https://example.com/a.mp4"]),
        ("extra_params", ["a"]),
    ],
)
def test_an_impossible_wish_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        VideoGenerationRequest.model_validate({"prompt": "A cat", field: value})

    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("size", ["1024", "1024:1024", "0x10", "1024x", "x1024"])
def test_a_size_is_width_and_height(size: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="1024x1024"):
        ImageGenerationRequest(prompt="A cat", size=size)


def test_unknown_keywords_become_extra_params_and_the_callers_dict_stays_as_it_was() -> None:
    mine = {"auto_fix": False}
    request = VideoGenerationRequest.model_validate(
        {"prompt": "A cat", "extra_params": mine, "safety_tolerance": "6"}
    )
    assert request.extra_params == {"auto_fix": False, "safety_tolerance": "6"}
    assert mine == {"auto_fix": False}


def test_what_stands_in_extra_params_wins_over_an_unknown_keyword() -> None:
    request = VideoGenerationRequest.model_validate(
        {"prompt": "A cat", "extra_params": {"style": "anime"}, "style": "clay"}
    )
    assert request.extra_params == {"style": "anime"}


def test_a_typo_of_a_field_is_warned_about_and_kept() -> None:
    with pytest.warns(UserWarning, match="did you mean 'duration_seconds'"):
        request = VideoGenerationRequest.model_validate({"prompt": "A cat", "duraton_seconds": 4})

    assert request.extra_params == {"duraton_seconds": 4}


def test_a_parameter_of_a_provider_is_no_typo() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VideoGenerationRequest.model_validate({"prompt": "A cat", "cfg_scale": 0.5})


def test_the_warning_about_a_typo_names_the_callers_line() -> None:
    with pytest.warns(UserWarning, match="duration_seconds") as caught:
        VideoGenerationRequest(prompt="A cat", duraton_seconds=4)

    assert caught[0].filename == __file__


@pytest.mark.parametrize("given", ["a.png", b"\x89PNG", io.BytesIO(b"\x89PNG"), {"image": "a"}, 3])
def test_one_image_in_place_of_a_list_is_told_in_one_sentence(given: Any) -> None:
    with pytest.raises(
        pydantic.ValidationError, match="needs a list of ImageInput, even"
    ) as caught:
        VideoGenerationRequest(prompt="A cat", image_list=given)

    assert [one["loc"] for one in caught.value.errors()] == [("image_list",)]


def test_an_image_without_a_role_is_a_reference() -> None:
    request = VideoGenerationRequest(
        prompt="A cat", image_list=({"image": "https://example.com/a.png"},)
    )
    assert request.image_list[0]["type"] == "reference"


def test_requests_are_frozen_pickle_and_survive_json() -> None:
    request = VideoGenerationRequest(
        prompt="A cat",
        duration_seconds=8,
        image_list=({"image": {"content": b"\xff\x00", "content_type": "image/png"}},),
    )
    with pytest.raises(pydantic.ValidationError):
        setattr(request, "prompt", "A dog")  # noqa: B010  (a type checker would refuse it too)

    assert pickle.loads(pickle.dumps(request)) == request
    dumped = request.model_dump_json()
    assert '"/wA="' in dumped  # the alphabet of base64 that everybody expects
