"""Together AI: jobs whose seconds are text, media in one object, images at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError as RawError
from urllib.request import Request, urlopen

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator

FIRST = {"image": "https://example.com/a.png", "type": "first_frame"}
LAST = {"image": "https://example.com/b.png", "type": "last_frame"}
REFERENCE = {"image": "https://example.com/r.png"}
VIDEO = "https://example.com/v.mp4"
FILM, PICTURES = "ByteDance/Seedance-2.0", "black-forest-labs/FLUX.2-pro"
VIDEOS = tuple(one.model for one in list_models("together") if "video" in one.outputs)
IMAGES = tuple(one.model for one in list_models("together") if "image" in one.outputs)


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator(["together"]) as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    _running.reset()
    _running.script("together", Script(run_polls=0))
    return _running


def settings(simulator: Simulator, model: str, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "together",
        "model": model,
        "api_key": "a-key-of-ours",
        "base_url": simulator.base_url("together"),
        "poll_interval": 0.02,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
        **changes,
    }


def config(simulator: Simulator, model: str = FILM, **changes: Any) -> Any:
    return VideoGenerationConfig.model_validate(settings(simulator, model, **changes))


def image_config(simulator: Simulator, model: str = PICTURES) -> Any:
    return ImageGenerationConfig.model_validate(settings(simulator, model))


def request(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate({"prompt": "A lighthouse", **fields})


def image_request(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest.model_validate({"prompt": "A paper crane", **fields})


def planned(model: str, **fields: Any) -> Any:
    asked = VideoGenerationConfig(provider="together", model=model)
    return plan_video(asked, request(**fields)).payload


# ------------------------------------------------------------------------------------------- models
def test_the_catalogue_has_the_models_of_the_pages() -> None:
    assert (len(VIDEOS), len(IMAGES)) == (24, 24)
    assert {"kwaivgI/kling-2.1-pro", "google/veo-3.0-fast-audio", FILM} < set(VIDEOS)


FULLEST: dict[str, Any] = {
    "duration_seconds": 30,
    "resolution": "4k",
    "aspect_ratio": "21:9",
    "generate_audio": True,
    "negative_prompt": "dogs",
    "seed": 7,
    "enhance_prompt": False,
    "number_of_videos": 2,
}
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"duration_seconds": 1, "resolution": "360p", "generate_audio": False, "aspect_ratio": "9:16"},
    FULLEST,
    {"image_list": [FIRST]},
    {**FULLEST, "image_list": [FIRST, LAST]},
    {"image_list": [LAST]},
    {"image_list": [REFERENCE] * 2},
    {**FULLEST, "image_list": [REFERENCE] * 9, "video": VIDEO},
    {"image_list": [FIRST, REFERENCE]},
    {"video": VIDEO},
)


@pytest.mark.parametrize("model", VIDEOS)
async def test_whatever_is_asked_of_a_video_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    """It is refused here, with a reason, or the vendor takes it: nothing unknown is sent."""
    made = 0
    async with Gateway() as gateway:
        for asked in ASKED:
            try:
                await gateway.generate_video_async(config(simulator, model), request(**asked))
            except ValidationError as error:
                assert error.submission is None, (asked, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("together").accepted == made > 0


@pytest.mark.parametrize("model", IMAGES)
async def test_whatever_is_asked_of_an_image_model_is_taken(
    simulator: Simulator, model: str
) -> None:
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"n": 9, "size": "4096x100", "seed": 7, "negative_prompt": "x", "quality": "high"},
        {"aspect_ratio": "21:9", "image_list": [REFERENCE]},
        {"extra_params": {"response_format": "base64", "steps": 4}},
    )
    made = 0
    async with Gateway() as gateway:
        for one in asked:
            try:
                await gateway.generate_image_async(
                    image_config(simulator, model), image_request(**one)
                )
            except ValidationError as error:
                assert error.submission is None, (one, error)  # noqa: PT017
            else:
                made += 1

    assert simulator.counters("together").accepted == made >= 3


def test_what_costs_or_changes_the_result_is_always_said() -> None:
    assert planned(FILM) == {
        "model": FILM,
        "prompt": "A lighthouse",
        "seconds": "5",
        "resolution": "720p",
        "settings": {"audio": True},
    }
    assert planned("google/veo-3.0") == {
        "model": "google/veo-3.0",
        "prompt": "A lighthouse",
        "seconds": "8",
        "width": 1280,
        "height": 720,
    }
    assert planned("ByteDance/Seedance-2.5", aspect_ratio="9:16", generate_audio=False) == {
        "model": "ByteDance/Seedance-2.5",
        "prompt": "A lighthouse",
        "seconds": "5",
        "resolution": "720p",
    }
    asked = ImageGenerationConfig(provider="together", model=PICTURES)
    sent = plan_image(asked, image_request()).payload
    assert sent == {
        "model": PICTURES,
        "prompt": "A paper crane",
        "width": 1024,
        "height": 1024,
        "n": 1,
        "response_format": "url",
    }


@pytest.mark.parametrize(
    ("model", "fields", "sides"),
    [
        ("google/veo-3.0", {"resolution": "1080p", "aspect_ratio": "9:16"}, (1080, 1920)),
        ("google/veo-3.0", {"aspect_ratio": "1:1"}, (1280, 720)),
        ("kwaivgI/kling-2.1-pro", {"aspect_ratio": "1:1"}, (1080, 1080)),
        ("minimax/hailuo-02", {"resolution": "1080p"}, (1920, 1080)),
        ("ByteDance/Seedance-1.0-pro", {"aspect_ratio": "9:16"}, (416, 960)),
    ],
)
def test_width_and_height_are_one_of_the_listed_sizes(
    model: str, fields: dict[str, Any], sides: tuple[int, int]
) -> None:
    payload = planned(model, **fields)
    assert (payload["width"], payload["height"]) == sides


@pytest.mark.parametrize(
    "base_url", [None, "https://api.together.xyz", "https://api.together.xyz/v1/"]
)
def test_the_version_is_forgiven(base_url: str | None) -> None:
    asked = VideoGenerationConfig(provider="together", model=FILM, base_url=base_url)
    host = base_url or "https://api.together.ai"
    place = host.removesuffix("/").removesuffix("/v1")
    assert plan_video(asked, request()).endpoint == f"{place}/v2/videos"


# ------------------------------------------------------------------------------------------- errors
OUTSIDE: tuple[tuple[int, dict[str, Any], type[TarashException], str], ...] = (
    (400, {"code": "invalidDuration"}, ValidationError, "rejected"),
    (401, {"code": "invalid_api_key"}, AuthenticationError, "rejected"),
    (402, {}, QuotaExceededError, "rejected"),
    (404, {"code": "model_not_available"}, ModelNotFoundError, "rejected"),
    (400, {"message": "Unable to access model x/y"}, ModelNotFoundError, "rejected"),
    (422, {"message": "NSFW content"}, ContentModerationError, "rejected"),
    (422, {"message": "odd"}, ValidationError, "rejected"),
    (429, {}, RateLimitError, "rejected"),
    (502, {}, HTTPError, "unknown"),
    (200, {"code": "invalidDuration"}, ValidationError, "rejected"),
    (200, {"code": "strange"}, HTTPError, "unknown"),
)


@pytest.mark.parametrize(("status", "error", "kind", "how"), OUTSIDE)
def test_an_error_is_read_by_its_envelope(
    simulator: Simulator,
    status: int,
    error: dict[str, Any],
    kind: type[TarashException],
    how: str,
) -> None:
    told = {"message": "no", "type": "invalid_request_error", "code": None, **error}
    simulator.fail("together", "submit", Fault.status(status, {"error": told}), times=2)
    with pytest.raises(kind) as caught:
        generate_video(config(simulator), request())

    assert (caught.value.submission or "rejected") == how
    with pytest.raises(kind):
        generate_image(image_config(simulator), image_request())


def test_a_mistyped_model_is_told_with_its_neighbours(simulator: Simulator) -> None:
    with pytest.raises(ModelNotFoundError, match=r"did you mean google/veo-3.0\?"):
        generate_video(config(simulator, "google/veo3.0-fast"), request())

    with pytest.raises(ModelNotFoundError, match="Unable to access model"):
        generate_video(config(simulator, "acme/none"), request())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("internal_error", GenerationFailedError),
        ("cancelled", GenerationFailedError),
        ("invalidDuration", ValidationError),
        ("content_moderation", ContentModerationError),
    ],
)
def test_each_bad_end_is_one(simulator: Simulator, code: str, kind: type[TarashException]) -> None:
    simulator.script("together", Script(outcome="failed", error_type=code))
    with pytest.raises(kind) as caught:
        generate_video(config(simulator, max_poll_attempts=5), request())

    assert caught.value.submission == "accepted"


# ------------------------------------------------------------------------------------------ results
@pytest.mark.parametrize(("units", "cost"), [(0.28, Decimal("0.28")), (None, None)])
def test_what_it_cost_is_what_the_outputs_say(
    simulator: Simulator, units: float | None, cost: Decimal | None
) -> None:
    """A fraction of a dollar, though its client's type says whole ones."""
    simulator.script("together", Script(run_polls=0, billable_units=units))
    response = generate_video(config(simulator), request(duration_seconds=6))
    assert response.duration == 6
    found = response.cost
    reported = found.amount if found is not None and found.state != "estimated" else None
    assert reported == cost


def test_images_come_as_addresses_or_as_base64(simulator: Simulator) -> None:
    links = generate_image(image_config(simulator), image_request(n=2))
    assert all(one.startswith("http") for one in links.images)
    own = image_request(extra_params={"response_format": "base64"})
    assert not generate_image(image_config(simulator), own).images[0].startswith("http")


# --------------------------------------------------------------------------------------------- wire
FRAMES = [
    {"input_image": "https://example.com/a.png", "frame": "first"},
    {"input_image": "https://example.com/b.png", "frame": "last"},
]
EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "v2/videos",
        {
            "model": FILM,
            "prompt": "a tram in fog",
            "seconds": "6",
            "resolution": "720p",
            "ratio": "16:9",
            "seed": 5,
            "settings": {"audio": False},
        },
    ),
    (
        "v2/videos",
        {
            "model": "kwaivgI/kling-2.1-pro",
            "prompt": "turn to camera",
            "seconds": "5",
            "width": 1920,
            "height": 1080,
            "media": {"frame_images": FRAMES},
        },
    ),
    (
        "v1/images/generations",
        {
            "model": PICTURES,
            "prompt": "put the bag on the table",
            "width": 1024,
            "height": 1024,
            "n": 1,
            "reference_images": ["https://example.com/bag.png"],
            "response_format": "base64",
            "output_format": "png",
        },
    ),
)
WRONG: tuple[tuple[int, dict[str, Any]], ...] = (
    (0, {"seconds": 6}),
    (0, {"seconds": "16"}),
    (0, {"frame_images": FRAMES}),
    (0, {"n": 2}),
    (1, {"seconds": "10"}),
    (1, {"width": 1280, "height": 720}),
    (1, {"media": {"reference_images": ["https://example.com/a.png"]}}),
    (2, {"n": 5}),
    (2, {"width": 1023}),
    (2, {"response_format": "b64_json"}),
)


def posted(simulator: Simulator, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    asked = Request(  # noqa: S310  (to this machine)
        f"{simulator.base_url('together')}/{path}",
        json.dumps(body).encode(),
        {"Authorization": "Bearer a-key", "Content-Type": "application/json"},
    )
    try:
        with urlopen(asked) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except RawError as error:
        with error:
            return error.code, json.load(error)


def test_the_wire_takes_the_vendors_examples_and_nothing_else(simulator: Simulator) -> None:
    for path, body in EXAMPLES:
        status, told = posted(simulator, path, body)
        assert status == 200, told

    for number, change in WRONG:
        path, body = EXAMPLES[number]
        status, told = posted(simulator, path, {**body, **change})
        assert status == 400, (change, told)

    assert simulator.counters("together").accepted == len(EXAMPLES)
