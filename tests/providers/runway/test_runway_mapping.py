"""What becomes of a request: endpoint, body, adjustments, refusals. No exchange is made."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    GenerationPlan,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.exceptions import UnsupportedOperationError, ValidationError

URL = "https://example.com/a.png"
OTHER = "https://example.com/b.png"
FILM = "https://example.com/a.mp4"


def image(role: str, url: str = URL) -> dict[str, str]:
    return {"image": url, "type": role}


FIRST, LAST, REFERENCE = image("first_frame"), image("last_frame", OTHER), image("reference")


def video(model: str, **wishes: Any) -> GenerationPlan:
    request = VideoGenerationRequest.model_validate({"prompt": "a kite", **wishes})
    return plan_video(VideoGenerationConfig(provider="runway", model=model), request)


def picture(model: str, **wishes: Any) -> GenerationPlan:
    request = ImageGenerationRequest.model_validate({"prompt": "a kite", **wishes})
    return plan_image(ImageGenerationConfig(provider="runway", model=model), request)


def told(plan: GenerationPlan) -> list[tuple[str, Any, Any]]:
    return [(one.field, one.requested, one.sent) for one in plan.adjustments]


def path(plan: GenerationPlan) -> str:
    return plan.endpoint.removeprefix("https://api.dev.runwayml.com/v1/")


# ---------------------------------------------------------------------------------------- endpoint
@pytest.mark.parametrize(
    ("model", "wishes", "endpoint", "sent"),
    [
        ("veo3.1", {}, "text_to_video", {}),
        ("veo3.1", {"image_list": [FIRST]}, "image_to_video", {"promptImage": URL}),
        (
            "veo3.1",
            {"image_list": [LAST, FIRST]},
            "image_to_video",
            {
                "promptImage": [
                    {"uri": URL, "position": "first"},
                    {"uri": OTHER, "position": "last"},
                ]
            },
        ),
        ("seedance2", {"image_list": [REFERENCE]}, "text_to_video", {"references": [{"uri": URL}]}),
        (
            "seedance2",
            {"image_list": [LAST]},
            "image_to_video",
            {"promptImage": [{"uri": OTHER, "position": "last"}]},
        ),
        ("seedance2", {"video": FILM}, "video_to_video", {"promptVideo": FILM}),
        (
            "seedance2",
            {"video": FILM, "image_list": [image("asset")]},
            "video_to_video",
            {"promptVideo": FILM, "references": [{"uri": URL}]},
        ),
        ("aleph2", {"video": FILM}, "video_to_video", {"videoUri": FILM}),
        (
            "aleph2",
            {"video": FILM, "image_list": [FIRST, LAST]},
            "video_to_video",
            {"keyframes": [{"seconds": 0, "uri": URL}, {"at": 1, "uri": OTHER}]},
        ),
        (
            "klingO3_pro",
            {"image_list": [FIRST, REFERENCE]},
            "image_to_video",
            {"promptImage": URL, "references": [{"uri": URL}]},
        ),
        (
            "wan3",
            {"video": FILM},
            "text_to_video",
            {"referenceVideos": [{"type": "video", "uri": FILM}]},
        ),
        (
            "act_two",
            {"video": FILM, "image_list": [REFERENCE]},
            "character_performance",
            {
                "character": {"type": "image", "uri": URL},
                "reference": {"type": "video", "uri": FILM},
            },
        ),
        ("ruby", {"video": FILM}, "video_to_hdr", {"videoUri": FILM}),
    ],
)
def test_the_inputs_choose_the_endpoint(
    model: str, wishes: dict[str, Any], endpoint: str, sent: dict[str, Any]
) -> None:
    plan = video(model, **wishes)
    assert path(plan) == endpoint
    assert sent.items() <= plan.payload.items()


def test_the_providers_own_parameters_choose_it_too() -> None:
    plan = video("veo3.1", extra_params={"promptImage": URL})
    assert (path(plan), plan.payload["promptImage"]) == ("image_to_video", URL)
    assert path(video("seedance2", extra_params={"promptVideo": FILM})) == "video_to_video"


def test_a_lone_reference_becomes_the_first_frame_where_only_that_fits() -> None:
    plan = video("gen4_turbo", image_list=[REFERENCE])
    assert plan.payload["promptImage"] == URL
    assert told(plan) == [("image_list[0].type", "reference", "first_frame")]


@pytest.mark.parametrize(
    ("model", "wishes", "hint"),
    [
        ("gen4_turbo", {}, "use gen4.5"),
        ("gen4.5", {"video": FILM}, "use aleph2"),
        ("gen4.5", {"image_list": [LAST]}, "can't take an image of type 'last_frame'"),
        ("aleph2", {}, "needs the field 'video'"),
        ("veo3.1", {"image_list": [LAST]}, "a last frame only with a first one"),
        ("veo3.1", {"image_list": [FIRST, FIRST]}, "remove 1"),
        ("seedance2", {"image_list": [FIRST, REFERENCE]}, "not both"),
        ("seedance2", {"image_list": [FIRST, FIRST]}, "several images for one frame"),
        ("seedance2", {"image_list": [REFERENCE] * 10}, "remove 1"),
        ("seedance2", {"image_list": [image("style")]}, "'style'"),
        ("enhance_frame_rate", {"video": FILM}, "'targetFramerate', one of"),
    ],
)
def test_media_that_have_no_place_are_refused(
    model: str, wishes: dict[str, Any], hint: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        video(model, **wishes)

    assert hint in caught.value.message


def test_images_too() -> None:
    with pytest.raises(ValidationError, match="use gen4_image"):
        picture("gen4_image_turbo")

    with pytest.raises(ValidationError, match="remove 1"):
        picture("gen4_image", image_list=[REFERENCE] * 4)

    with pytest.raises(ValidationError, match="use ideogram_4_5"):
        picture("gen4_image", image_list=[REFERENCE], mask_image=URL)


def test_the_wrong_kind_names_the_right_function() -> None:
    with pytest.raises(UnsupportedOperationError, match=r"use generate_image\(\)"):
        video("gen4_image")

    with pytest.raises(UnsupportedOperationError, match=r"use generate_video\(\)"):
        picture("gen4.5")


def test_what_runway_demands_has_a_default() -> None:
    assert video("gen4.5").payload == {
        "model": "gen4.5",
        "promptText": "a kite",
        "duration": 5,
        "ratio": "1280:720",
    }
    assert picture("gen4_image").payload["ratio"] == "1024:1024"
    assert picture("gpt_image_2").payload["ratio"] == "auto"


@pytest.mark.parametrize(
    ("model", "wishes", "ratio", "adjustments"),
    [
        ("gen4.5", {"aspect_ratio": "9:16"}, "720:1280", []),
        ("gen4.5", {"aspect_ratio": "4:3"}, "1280:720", [("aspect_ratio", "4:3", "16:9")]),
        ("gen4.5", {"aspect_ratio": "4:3", "image_list": [FIRST]}, "1104:832", []),
        ("gen4.5", {"resolution": "1080p"}, "1280:720", [("resolution", "1080p", "720p")]),
        ("veo3.1", {"resolution": "1080p", "aspect_ratio": "9:16"}, "1080:1920", []),
        ("seedance2", {"resolution": "480p", "aspect_ratio": "21:9"}, "992:432", []),
        ("seedance2", {"resolution": "4k", "aspect_ratio": "1:1"}, "3840:3840", None),
        ("kling3.0_pro", {"resolution": "1080p", "aspect_ratio": "1:1"}, "1440:1440", []),
        ("kling2.5_turbo_pro", {"resolution": "720p", "aspect_ratio": "1:1"}, "720:720", []),
        ("hailuo3", {"aspect_ratio": "21:9"}, "21:9", []),
        ("kling_4", {"resolution": "1080p"}, "auto_1080p", []),
        (
            "kling_4",
            {"resolution": "4k", "aspect_ratio": "1:1", "image_list": [FIRST]},
            "auto_1080p",
            [("resolution", "4k", "auto_1080p"), ("aspect_ratio", "1:1", None)],
        ),
        (
            "wan3",
            {"resolution": "720p", "aspect_ratio": "1:1", "image_list": [FIRST]},
            "auto_720p",
            [("aspect_ratio", "1:1", None)],
        ),
        ("wan3", {"resolution": "720p", "aspect_ratio": "1:1"}, "960:960", []),
    ],
)
def test_shape_and_resolution_are_one_parameter(
    model: str, wishes: dict[str, Any], ratio: str, adjustments: list[Any] | None
) -> None:
    plan = video(model, **wishes)
    assert plan.payload["ratio"] == ratio
    assert adjustments is None or told(plan) == adjustments


@pytest.mark.parametrize(
    ("model", "wish", "sent", "bent"),
    [
        ("hailuo3", "720p", "768p", True),
        ("hailuo3", "1440p", "2k", False),
        ("h3_max", "480p", "480p", False),
        ("grok_imagine_1_5", "4k", "1080p", True),
    ],
)
def test_a_resolution_of_its_own(model: str, wish: str, sent: str, *, bent: bool) -> None:
    plan = video(model, resolution=wish)
    assert plan.payload["resolution"] == sent
    assert told(plan) == ([("resolution", wish, sent)] if bent else [])


@pytest.mark.parametrize(
    ("model", "seconds", "sent", "bent"),
    [
        ("gen4.5", 8.0, 8, False),
        ("gen4.5", 12.5, 10, True),
        ("veo3.1", 5, 6, True),
        ("gemini_omni_flash_1.1", 1, 3, True),
        ("kling3.0_pro", 7, 7, False),
        ("kling3.0_pro", 7.5, 8, True),
    ],
)
def test_durations(model: str, seconds: float, sent: int, bent: bool) -> None:
    plan = video(model, duration_seconds=seconds)
    assert plan.payload["duration"] == sent
    assert type(plan.payload["duration"]) is int
    assert told(plan) == ([("duration_seconds", seconds, sent)] if bent else [])


def test_the_other_wishes() -> None:
    wishes = {"generate_audio": False, "negative_prompt": "rain", "seed": 7}
    plan = video("veo3.1", **wishes)
    assert {"audio": False, "negativePrompt": "rain", "seed": 7}.items() <= plan.payload.items()
    assert not told(plan)
    assert video("h3_max", enhance_prompt=False).payload["promptExpansionMode"] == "disabled"
    plan = video("gen4.5", **wishes, number_of_videos=2)
    assert {field for field, *_ in told(plan)} == {
        "generate_audio",
        "negative_prompt",
        "number_of_videos",
    }


@pytest.mark.parametrize(
    ("model", "wishes", "sent", "adjustments"),
    [
        ("gen4_image", {"size": "1920x1080"}, {"ratio": "1920:1080"}, []),
        ("gen4_image", {"aspect_ratio": "16:9"}, {"ratio": "1360:768"}, []),
        (
            "gen4_image",
            {"aspect_ratio": "2:3"},
            {"ratio": "1080:1440"},
            [("aspect_ratio", "2:3", "3:4")],
        ),
        (
            "gen4_image",
            {"size": "1000x1000"},
            {"ratio": "1024:1024"},
            [("size", "1000x1000", "1024x1024")],
        ),
        (
            "gpt_image_2",
            {"n": 12, "quality": "high"},
            {"outputCount": 10, "quality": "high"},
            [("n", 12, 10)],
        ),
        ("gen4_image", {"n": 3}, {}, [("n", 3, None)]),
        (
            "ideogram_4_5",
            {"image_list": [REFERENCE], "mask_image": OTHER},
            {"referenceImages": [{"uri": URL}], "maskUri": OTHER},
            # Nobody has looked at the mask: it may mean the opposite here.
            [("mask_image", repr(OTHER), repr(OTHER))],
        ),
        ("seedream5_lite", {"size": "2048x2048"}, {"ratio": "2048:2048"}, []),
    ],
)
def test_images(
    model: str, wishes: dict[str, Any], sent: dict[str, Any], adjustments: list[Any]
) -> None:
    plan = picture(model, **wishes)
    assert sent.items() <= plan.payload.items()
    assert told(plan) == adjustments
    assert path(plan) == "text_to_image"


def test_a_prompt_is_counted_as_runway_counts() -> None:
    assert video("gen4.5", prompt="x" * 1000).payload["promptText"]
    with pytest.raises(ValidationError, match=r"1002 characters .* takes 1000; shorten it by 2"):
        video("gen4.5", prompt="\N{KITE}" * 501)


def test_a_model_without_a_prompt_says_so() -> None:
    assert told(video("ruby", video=FILM)) == [("prompt", "a kite", None)]


def test_extra_parameters_win_and_are_left_alone() -> None:
    moderation = {"publicFigureThreshold": "low"}
    plan = video(
        "gen4.5",
        aspect_ratio="1:1",
        duration_seconds=7.5,
        resolution="4k",
        contentModeration=moderation,
        extra_params={"ratio": "720:1280", "duration": 99, "nonsense": [1]},
    )
    assert plan.payload == {
        "model": "gen4.5",
        "promptText": "a kite",
        "ratio": "720:1280",
        "duration": 99,
        "nonsense": [1],
        "contentModeration": moderation,
    }
    assert not told(plan)


def test_a_draft_goes_alone() -> None:
    plan = video("seedance2_5", extra_params={"draftTaskId": "abc"})
    assert plan.payload == {"model": "seedance2_5", "draftTaskId": "abc"}


@pytest.mark.parametrize(
    ("model", "wishes", "endpoint"),
    [
        ("gen3a_turbo", {"image_list": [REFERENCE]}, "image_to_video"),
        ("gen3a", {}, "text_to_video"),
        ("gen-3-alpha", {"image_list": [FIRST]}, "image_to_video"),
        ("aleph", {"video": FILM}, "video_to_video"),
        ("gen4_turbo", {"image_list": [FIRST]}, "image_to_video"),
        ("gen4.5", {}, "text_to_video"),
        ("aleph2", {"video": FILM}, "video_to_video"),
        ("veo3.1", {}, "text_to_video"),
        ("veo3", {}, "text_to_video"),
    ],
)
def test_ids_that_users_write(model: str, wishes: dict[str, Any], endpoint: str) -> None:
    assert path(video(model, **wishes)) == endpoint


def test_gen3a_turbo_still_needs_its_image() -> None:
    with pytest.raises(ValidationError, match=r"use gen4\.5"):
        video("gen3a_turbo")


def test_a_model_of_tomorrow_gets_what_the_endpoints_agree_on() -> None:
    plan = video("gen9", image_list=[FIRST], aspect_ratio="9:16", duration_seconds=6, seed=1)
    assert path(plan) == "image_to_video"
    assert plan.payload == {
        "model": "gen9",
        "promptText": "a kite",
        "promptImage": URL,
        "duration": 6,
        "ratio": "720:1280",
        "seed": 1,
    }
    plan = picture("gen9_image", size="1024x768", image_list=[REFERENCE])
    assert plan.payload["ratio"] == "1024:768"
    assert plan.payload["referenceImages"] == [{"uri": URL}]


def test_the_mock_makes_anything_of_it() -> None:
    config = VideoGenerationConfig(provider="runway", model="gen4.5", mock=MockConfig(enabled=True))
    assert generate_video(config, VideoGenerationRequest(prompt="a kite")).is_mock


def test_a_doubled_version_is_forgiven() -> None:
    config = VideoGenerationConfig(
        provider="runway", model="gen4.5", base_url="https://proxy.example.com/runway/v1/v1/"
    )
    plan = plan_video(config, VideoGenerationRequest(prompt="a kite"))
    assert plan.endpoint == "https://proxy.example.com/runway/v1/text_to_video"
