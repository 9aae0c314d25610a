"""Values arrive as they were given, or are refused by name: numbers, text, names, ids."""

from __future__ import annotations

import copy
import json
import math
import pickle
import warnings
from collections.abc import Sequence
from typing import Any

import pydantic
import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    describe_model,
    enqueue_image,
    enqueue_video,
    generate_image,
    generate_video,
    plan_image,
    plan_video,
    quote_image,
    quote_video,
    submit_image,
    submit_video,
)

HALF = "\ud83d"


class Scalar:
    """Stands for a number of NumPy or a tensor without dimensions."""

    dtype = "int64"
    shape = ()

    def __init__(self, value: object) -> None:
        self._value = value

    def item(self) -> object:
        return self._value


# ---------------------------------------------------------------------------------------- numbers
def test_numbers_of_numpy_are_numbers() -> None:
    given = {
        "duration_seconds": Scalar(8),
        "seed": Scalar(2**63 + 1),
        "generate_audio": Scalar(True),  # noqa: FBT003  (what NumPy calls a bool)
        "extra_params": {"strength": Scalar(0.5), "points": [{"x": Scalar(3)}]},
        "fps": Scalar(24),
    }
    request = VideoGenerationRequest.model_validate({"prompt": "A cat", **given})
    assert (request.duration_seconds, request.seed, request.generate_audio) == (8, 2**63 + 1, True)
    assert json.loads(json.dumps(request.extra_params)) == {
        "strength": 0.5,
        "points": [{"x": 3}],
        "fps": 24,
    }


def test_extra_params_that_need_no_change_stay_the_callers_values() -> None:
    inner = [1, {"a": 2}]
    request = VideoGenerationRequest(prompt="A cat", extra_params={"deep": inner})
    assert request.extra_params["deep"] is inner


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", 10**5000),
        ("seed", -(10**5000)),
        ("n", 10**5000),
        ("extra_params", {"deep": [{"number": 10**5000}]}),
        ("extra_params", {"number": math.nan}),
        ("extra_params", {"deep": [math.inf]}),
    ],
    ids=["seed", "negative seed", "count", "deep", "not a number", "infinity"],
)
def test_a_number_that_nobody_can_send_is_refused(field: str, value: Any) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        ImageGenerationRequest.model_validate({"prompt": "A cat", field: value})

    (error,) = caught.value.errors()
    assert error["loc"] == (field,)


def test_parameters_that_hold_themselves_are_looked_at_once() -> None:
    loop: dict[str, Any] = {"a": 1}
    loop["itself"] = [loop]
    with pytest.raises((pydantic.ValidationError, RecursionError)):
        VideoGenerationRequest(prompt="A cat", extra_params={"loop": loop, "bad": math.nan})


# ------------------------------------------------------------------------------------------- text
@pytest.mark.parametrize("model", [VideoGenerationRequest, ImageGenerationRequest])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", f"a cat {HALF}"),
        ("negative_prompt", f"{HALF}dogs"),
        ("extra_params", {"lyrics": f"la {HALF}"}),
        ("extra_params", {"scenes": [{"text": HALF}]}),
        ("extra_params", {HALF: 1}),
        ("extra_params", {"scenes": [{HALF: 1}]}),
    ],
    ids=["prompt", "negative prompt", "value", "deep value", "name", "deep name"],
)
def test_half_a_character_is_refused_where_it_enters(model: Any, field: str, value: Any) -> None:
    with pytest.raises(pydantic.ValidationError, match="half of a character") as caught:
        model.model_validate({"prompt": "a cat", field: value})

    (error,) = caught.value.errors()
    assert error["loc"] == (field,)
    error["msg"].encode()  # it can be printed


@pytest.mark.parametrize("field", ["quality", "style"])
def test_half_a_character_in_a_word_is_refused_too(field: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="half of a character"):
        ImageGenerationRequest.model_validate({"prompt": "a cat", field: HALF})


def test_two_halves_are_the_character_that_they_stand_for() -> None:
    request = VideoGenerationRequest(prompt="a \ud83d\ude3a cat")
    assert request.prompt == "a \N{SMILING CAT FACE WITH OPEN MOUTH} cat"
    assert request.model_dump_json()


def test_emojis_and_their_joiners_are_left_alone() -> None:
    text = "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16} \N{HEBREW LETTER ALEF}\x00"
    assert VideoGenerationRequest(prompt=text).prompt == text


# ---------------------------------------------------------------------------------- unknown names
OF_VIDEOS = {
    "duration_seconds": ("duration", "length", "seconds", "durationSeconds", "video_length"),
    "aspect_ratio": ("ratio", "size", "width", "height", "aspectRatio", "image_size"),
    "resolution": ("video_resolution", "res"),
    "number_of_videos": ("n", "num_videos", "sampleCount", "batch_size"),
    "image_list": ("image", "image_url", "first_frame", "start_image", "promptImage"),
    "video": ("video_url", "input_video"),
    "generate_audio": ("audio", "sound", "generateAudio"),
    "negative_prompt": ("negativePrompt",),
    "enhance_prompt": ("prompt_optimizer", "enhancePrompt"),
    "prompt": ("promptText", "text"),
    "extra_params": ("extra_body", "params"),
}
OF_IMAGES = {
    "size": ("image_size", "width", "height", "resolution", "dimensions"),
    "aspect_ratio": ("ratio", "aspectRatio"),
    "n": ("num_images", "num_outputs", "batch_size"),
    "image_list": ("image", "image_urls", "init_image"),
    "mask_image": ("mask", "mask_url", "maskImage"),
}


@pytest.mark.parametrize(
    ("model", "field", "name"),
    [
        (model, field, name)
        for model, table in (
            (VideoGenerationRequest, OF_VIDEOS),
            (ImageGenerationRequest, OF_IMAGES),
        )
        for field, names in table.items()
        for name in names
    ],
)
def test_a_providers_word_for_a_field_is_warned_about(model: Any, field: str, name: str) -> None:
    with pytest.warns(UserWarning, match=f"did you mean .*'{field}'") as caught:
        request = model.model_validate({"prompt": "A cat", name: 5})

    assert request.extra_params == {name: 5}
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explicit = model(prompt="A cat", extra_params={name: 5})

    assert explicit.extra_params == {name: 5}


@pytest.mark.parametrize("place", ["head", "fallback"])
@pytest.mark.parametrize("kind", ["video", "image"])
def test_a_strict_call_sends_no_keyword_that_means_a_field(kind: str, place: str) -> None:
    """What was meant would be missing, and something else be bought."""
    is_video = kind == "video"
    model: Any = VideoGenerationConfig if is_video else ImageGenerationConfig
    request_type: Any = VideoGenerationRequest if is_video else ImageGenerationRequest
    calls: Sequence[Any] = (
        (plan_video, generate_video, submit_video, enqueue_video, quote_video)
        if is_video
        else (plan_image, generate_image, submit_image, enqueue_image, quote_image)
    )
    # A config that could buy: what would be sent fails at once, and with another error.
    own = {"provider": "fal", "model": "x", "api_key": "k", "base_url": "http://127.0.0.1:9"}
    strict = model(**own, strict=True)
    config = strict if place == "head" else model(**own, fallback_configs=[strict])
    for field, names in (OF_VIDEOS if is_video else OF_IMAGES).items():
        for name in names:
            with pytest.warns(UserWarning, match="did you mean"):
                request = request_type.model_validate({"prompt": "A cat", name: 5})

            for call in calls:
                with pytest.raises(ValidationError, match=f"did you mean .*'{field}'") as caught:
                    call(config, request)

                told = caught.value
                assert (told.code, told.field, told.submission) == ("strict", name, "not_sent")

    explicit = request_type(prompt="A cat", extra_params={"duration": 5})
    assert calls[0](strict, explicit).payload["duration"] == 5


def test_two_requests_are_equal_by_what_they_send() -> None:
    with pytest.warns(UserWarning, match="did you mean"):
        loose = VideoGenerationRequest.model_validate({"prompt": "A cat", "duration": 5})

    explicit = VideoGenerationRequest(prompt="A cat", extra_params={"duration": 5})
    assert loose == explicit
    assert loose.model_dump_json() == explicit.model_dump_json()
    strict = VideoGenerationConfig(provider="fal", model="x", strict=True)
    for copied in (loose.model_copy(), copy.deepcopy(loose), pickle.loads(pickle.dumps(loose))):
        with pytest.raises(ValidationError, match="did you mean"):
            plan_video(strict, copied)


@pytest.mark.parametrize("name", ["cfg_scale", "safety_tolerance", "fps", "loras", "camera_fixed"])
def test_a_parameter_that_no_field_stands_for_is_no_mistake(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VideoGenerationRequest.model_validate({"prompt": "A cat", name: 5})


# -------------------------------------------------------------------------------------------- ids
@pytest.mark.parametrize("given", [" fal-ai/veo3.1", "fal-ai/veo3.1\n", "\tfal-ai/veo3.1 "])
def test_white_space_around_an_id_is_no_part_of_it(given: str) -> None:
    config = VideoGenerationConfig(provider=" fal ", model=given)
    assert (config.provider, config.model) == ("fal", "fal-ai/veo3.1")
    assert describe_model("fal", given).model == "fal-ai/veo3.1"


@pytest.mark.parametrize(
    "given", ["", "  ", "fal-ai/\nveo3.1", "fal-ai/veo\t3", f"veo{HALF}", "\0"], ids=ascii
)
def test_an_id_that_can_be_none_is_refused(given: str) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        VideoGenerationConfig(provider="fal", model=given)

    (error,) = caught.value.errors()
    assert error["loc"] == ("model",)
    if given.strip():
        with pytest.raises(ValidationError):
            describe_model("fal", given)


PREFIXES = (
    "models/",
    "/models/",
    "publishers/google/models/",
    "projects/mine/locations/us-central1/publishers/google/models/",
)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_model_as_google_lists_it_is_the_same_model(prefix: str) -> None:
    videos, images = VideoGenerationRequest(prompt="a cat"), ImageGenerationRequest(prompt="a cat")
    for model in ("veo-3.1-generate-preview", "gemini-omni-1.2-flash"):
        bare, listed = (
            plan_video(VideoGenerationConfig(provider="google", model=name), videos)
            for name in (model, f"{prefix}{model}")
        )
        assert bare == listed

    for model in ("imagen-4.0-generate-001", "gemini-3.1-flash-image"):
        bare_image, listed_image = (
            plan_image(ImageGenerationConfig(provider="google", model=name), images)
            for name in (model, f"{prefix}{model}")
        )
        assert bare_image == listed_image


def test_elsewhere_models_is_a_part_of_an_id() -> None:
    assert VideoGenerationConfig(provider="openai", model="models/mine").model == "models/mine"


def test_the_old_name_of_a_schema_warning_is_read_and_warned_of() -> None:
    described = describe_model("fal", "fal-ai/veo3.1")
    known = described.model_copy(update={"schema_warning": "types"})
    with pytest.warns(DeprecationWarning, match="schema_warning"):
        assert known.weakness == "types"
