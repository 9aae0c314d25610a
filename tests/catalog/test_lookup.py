"""What a model takes is found by its exact id, by prefix, by a relative, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    FieldMapper,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    ModelNotFoundError,
    Registry,
    UnsupportedOperationError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    describe_model,
    generate_video,
    get_provider_field_mapping,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.catalog import lookup
from tarash.tarash_gateway.models import GenerationPlan
from tarash.tarash_gateway.testing import Simulator

IMAGE = "https://media.example/a.png"
FIRST = {"image": IMAGE, "type": "first_frame"}
LAST = {"image": IMAGE, "type": "last_frame"}

# What users already write, with what each can't do without.
VIDEO_IDS: dict[str, dict[str, Any]] = {
    "fal-ai/veo3": {},
    "fal-ai/veo3.1": {},
    "fal-ai/veo3.1/fast": {},
    "fal-ai/veo3.1/image-to-video": {"image_list": [FIRST]},
    "fal-ai/veo3.1/fast/image-to-video": {"image_list": [FIRST]},
    "fal-ai/veo3.1/first-last-frame-to-video": {"image_list": [FIRST, LAST]},
    "fal-ai/veo3.1/extend-video": {"video": "https://media.example/a.mp4"},
    "fal-ai/minimax/hailuo-02/standard/text-to-video": {},
    "fal-ai/minimax/video-01-live": {},
    "fal-ai/kling-video/v2.6/pro/text-to-video": {},
    "fal-ai/kling-video/v2.6/pro/image-to-video": {"image_list": [FIRST]},
    "fal-ai/kling-video/o1/image-to-video": {"image_list": [FIRST]},
    "fal-ai/sora-2/text-to-video": {},
    "fal-ai/sora-2/image-to-video": {"image_list": [FIRST]},
    "fal-ai/wan/v2.2-a14b/text-to-video": {},
    "fal-ai/wan-25-preview/text-to-video": {},
    "wan/v2.6/text-to-video": {},
    "fal-ai/bytedance/seedance/v1/pro/text-to-video": {},
    "fal-ai/pixverse/v5/text-to-video": {},
    "fal-ai/pixverse/v5.5/text-to-video": {},
}
IMAGE_IDS = (
    "fal-ai/flux/dev",
    "fal-ai/flux-pro/v1.1",
    "fal-ai/flux-2",
    "fal-ai/recraft/v3/text-to-image",
    "fal-ai/ideogram/v3",
    "fal-ai/z-image/turbo",
    "fal-ai/nano-banana",
)


def plan(model: str, **fields: Any) -> GenerationPlan:
    auto = bool(fields.pop("auto_variant", False))
    config = VideoGenerationConfig(provider="fal", model=model, auto_variant=auto)
    return plan_video(config, VideoGenerationRequest.model_validate({"prompt": "a cat", **fields}))


@pytest.mark.parametrize("model", VIDEO_IDS)
def test_video_ids_that_users_write_plan(model: str) -> None:
    assert plan(model, **VIDEO_IDS[model]).payload["prompt"] == "a cat"
    assert lookup("fal", model, "video").source == "package"


@pytest.mark.parametrize("model", IMAGE_IDS)
def test_image_ids_that_users_write_plan(model: str) -> None:
    config = ImageGenerationConfig(provider="fal", model=model)
    assert plan_image(config, ImageGenerationRequest(prompt="a cat")).payload["prompt"] == "a cat"


def test_a_wish_bends_to_the_nearest_and_a_tie_goes_up() -> None:
    planned = plan("fal-ai/veo3.1", duration_seconds=5, aspect_ratio="21:9", resolution="1440p")
    assert planned.payload["duration"] == "6s"
    assert planned.payload["aspect_ratio"] == "16:9"
    assert planned.payload["resolution"] == "1080p"
    assert [one.field for one in planned.adjustments] == [
        "duration_seconds",
        "resolution",
        "aspect_ratio",
    ]


def test_case_and_unit_are_no_adjustments() -> None:
    planned = plan("fal-ai/ltx-2/text-to-video", duration_seconds=8, resolution="4k")
    assert planned.payload["resolution"] == "2160p"
    assert planned.payload["duration"] == 8
    assert planned.adjustments == ()


def test_strict_refuses_what_would_bend() -> None:
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", strict=True)
    with pytest.raises(ValidationError, match="duration_seconds"):
        plan_video(config, VideoGenerationRequest(prompt="a cat", duration_seconds=5))


def test_a_first_frame_is_refused_with_the_endpoint_that_takes_it() -> None:
    with pytest.raises(ValidationError, match=r"use fal-ai/veo3.1/image-to-video"):
        plan("fal-ai/veo3.1", image_list=[FIRST])


def test_a_missing_first_frame_is_refused_with_the_endpoint_that_needs_none() -> None:
    with pytest.raises(ValidationError, match=r"use fal-ai/kling-video/v2.6/pro/text-to-video"):
        plan("fal-ai/kling-video/v2.6/pro/image-to-video")


def test_auto_variant_goes_there_and_says_so() -> None:
    planned = plan("fal-ai/veo3.1", image_list=[FIRST, LAST], auto_variant=True)
    assert planned.model == "fal-ai/veo3.1/first-last-frame-to-video"
    assert planned.endpoint.endswith("/fal-ai/veo3.1/first-last-frame-to-video")
    (adjustment,) = planned.adjustments
    assert (adjustment.field, adjustment.requested) == ("model", "fal-ai/veo3.1")
    assert adjustment.sent == planned.model


def test_auto_variant_stays_where_the_request_fits() -> None:
    planned = plan("fal-ai/veo3.1", auto_variant=True)
    assert (planned.model, planned.adjustments) == ("fal-ai/veo3.1", ())


def test_auto_variant_never_goes_to_another_model() -> None:
    with pytest.raises(ValidationError, match=r"use fal-ai/kling-video/v1.6/pro/image-to-video"):
        plan(
            "fal-ai/kling-video/v1.6/standard/text-to-video",
            image_list=[FIRST, LAST],
            auto_variant=True,
        )


def test_a_required_parameter_without_a_field_is_named() -> None:
    fields: dict[str, Any] = {"image_list": [FIRST]}
    with pytest.raises(ValidationError, match=r"'pikaffect'.*Cake-ify.*extra_params"):
        plan("fal-ai/pika/v1.5/pikaffects", **fields)

    planned = plan("fal-ai/pika/v1.5/pikaffects", **fields, extra_params={"pikaffect": "Melt"})
    assert planned.payload["pikaffect"] == "Melt"


def test_an_unknown_extra_is_sent_with_the_nearest_name() -> None:
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", strict=True)
    request = VideoGenerationRequest(prompt="a cat", extra_params={"autofix": True})
    planned = plan_video(config, request)
    assert planned.payload["autofix"] is True
    (adjustment,) = planned.adjustments
    assert "did you mean 'auto_fix'" in adjustment.reason


def test_a_prompt_that_is_too_long_is_refused_before_it_is_sent() -> None:
    config = VideoGenerationConfig(
        provider="fal", model="fal-ai/kling-video/v2.6/pro/text-to-video"
    )
    with pytest.raises(ValidationError, match=r"'prompt'.*at most 2500"):
        plan_video(config, VideoGenerationRequest(prompt="a" * 2501))


def test_an_unknown_id_is_mapped_like_its_nearest_relative() -> None:
    planned = plan("fal-ai/veo3.1/ultra/image-to-video", image_list=[FIRST], duration_seconds=8)
    assert planned.payload["duration"] == "8s"
    assert lookup("fal", "fal-ai/veo3.1/ultra/image-to-video", "video").source == "relative"


def test_nothing_is_guessed_without_a_relative() -> None:
    planned = plan("nobody/knows-this", duration_seconds=8, seed=1)
    assert planned.payload == {"prompt": "a cat", "seed": 1}
    assert [one.field for one in planned.adjustments] == ["model", "duration_seconds"]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("fal-ai/veo3.1x", "mapped like fal-ai/veo3.1; did you mean fal-ai/veo3.1 or "),
        ("fal-ai/veo3.1/imge-to-video", "did you mean fal-ai/veo3.1/image-to-video or "),
        ("veo3.1", "did you mean fal-ai/veo3.1 or "),
        ("brand/new-model", "`tarash models add brand/new-model` fetches its schema"),
    ],
)
def test_an_id_that_nobody_knows_is_sent_and_told(model: str, said: str) -> None:
    """Also where strict: a model that is new this morning has to work."""
    config = VideoGenerationConfig(provider="fal", model=model, strict=True)
    planned = plan_video(config, VideoGenerationRequest(prompt="a cat"))
    (adjustment,) = planned.adjustments
    assert planned.model == adjustment.requested == adjustment.sent == model
    assert said in adjustment.reason

    mocked = config.model_copy(update={"mock": MockConfig(enabled=True)})
    response = generate_video(mocked, VideoGenerationRequest(prompt="a cat"))
    assert response.adjustments == planned.adjustments


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("duration", 8, "8 must be of type string"),
        ("safety_tolerance", "9", "the nearest is '6'"),
        ("safety_tolerance", "4", None),
    ],
)
def test_an_extra_that_the_schema_would_refuse_is_sent_and_told(
    name: str, value: Any, said: str | None
) -> None:
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", strict=True)
    request = VideoGenerationRequest(prompt="a cat", extra_params={name: value})
    planned = plan_video(config, request)
    assert planned.payload[name] == value
    told = [(one.field, one.requested, one.sent) for one in planned.adjustments]
    assert told == ([] if said is None else [(f"extra_params.{name}", value, value)])
    assert said is None or said in planned.adjustments[0].reason


def test_a_model_that_is_not_found_is_told_with_the_nearest() -> None:
    with Simulator(["fal"]) as simulator:
        place = simulator.base_url("fal")
        config = VideoGenerationConfig(
            provider="fal", model="veo3.1", api_key="any:key", base_url=place
        )
        with pytest.raises(ModelNotFoundError, match=r"did you mean fal-ai/veo3\.1 or"):
            generate_video(config, VideoGenerationRequest(prompt="a cat"))


def test_what_the_application_registered_goes_first() -> None:
    from tarash.tarash_gateway import Gateway

    registry = Registry()
    own = {"prompt": FieldMapper("prompt", lambda _request, value: value.upper())}
    registry.register_provider_field_mapping("fal", {"fal-ai/veo3.1": own, "mine/": own})
    gateway = Gateway(registry=registry)
    request = VideoGenerationRequest(prompt="a cat")

    def payload(model: str) -> object:
        return gateway.plan_video(
            VideoGenerationConfig(provider="fal", model=model), request
        ).payload

    assert payload("fal-ai/veo3.1") == {"prompt": "A CAT"}
    assert payload("mine/model") == {"prompt": "A CAT"}
    # An exact id of the catalogue is longer than a registered prefix of it.
    assert payload("fal-ai/veo3.1/fast") == {"prompt": "a cat"}


def test_a_model_that_makes_something_else_is_refused() -> None:
    with pytest.raises(UnsupportedOperationError, match=r"makes video.*generate_video"):
        plan_image(
            ImageGenerationConfig(provider="fal", model="fal-ai/veo3.1"),
            ImageGenerationRequest(prompt="a cat"),
        )


def test_a_typo_is_told_with_the_nearest_ids() -> None:
    with pytest.raises(ValidationError, match=r"did you mean fal-ai/veo3\.1"):
        describe_model("fal", "fal-ai/veo31")


def test_the_description_of_a_model() -> None:
    described = describe_model("fal", "fal-ai/veo3.1/image-to-video")
    assert described.durations == (4, 6, 8)
    assert described.aspect_ratios == ("16:9", "9:16")
    assert described.resolutions == ("720p", "1080p", "4k")
    (image,) = described.images
    assert (image.role, image.most, image.required) == ("first_frame", 1, True)
    assert described.audio
    assert described.recorded is not None


def test_models_are_listed_by_what_they_can_do() -> None:
    found = list_models("fal", output="video", takes=["first_frame", "last_frame"], duration=8)
    ids = [one.model for one in found]
    assert "fal-ai/veo3.1/first-last-frame-to-video" in ids
    assert "fal-ai/veo3.1" not in ids
    assert ids == sorted(ids)
    assert len(list_models("fal")) > 1400


def test_all_mappings_of_a_provider_can_be_read() -> None:
    mapping = get_provider_field_mapping("fal")
    assert mapping is not None
    assert "duration" in mapping["fal-ai/veo3.1"]
    assert len(mapping) == len(list_models("fal"))
    assert get_provider_field_mapping("nobody") is None


def test_a_prompt_that_nobody_reads_is_told_and_not_refused() -> None:
    config = ImageGenerationConfig(provider="fal", model="fal-ai/esrgan", strict=True)
    images = ({"image": IMAGE, "type": "reference"},)
    request = ImageGenerationRequest.model_validate({"prompt": "sharper", "image_list": images})
    planned = plan_image(config, request)
    assert "prompt" not in planned.payload
    assert [one.field for one in planned.adjustments] == ["prompt"]


@pytest.mark.parametrize(
    ("provider", "model", "said"),
    [
        ("fal", "gen4.5", "runway has a model of this name: is that the provider meant?"),
        ("replicate", "fal-ai/veo3.1", "fal has a model of this name"),
        ("fal", "nothing-like-it", "a bare name: write owner/name"),
        ("replicate", "0123456789abcdef" * 4, "a bare version: write owner/name:version"),
    ],
)
def test_a_model_that_another_provider_has_is_told(provider: str, model: str, said: str) -> None:
    config = VideoGenerationConfig(provider=provider, model=model)
    (adjustment, *_) = plan_video(config, VideoGenerationRequest(prompt="x")).adjustments
    assert said in adjustment.reason
    assert ("version" in adjustment.reason) == ("version" in said)
