"""An adapter by declaration delivers paid media whatever stands beside them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    QuotaExceededError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._data._exchange import Call, RawResult
from tarash.tarash_gateway._http._answer import HttpResponse
from tarash.tarash_gateway.providers import ErrorRules, RestAdapter, When

V, P = "https://cdn.example.com/v.mp4", "https://cdn.example.com/i.png"


class Studio(RestAdapter):
    name = "studio"
    base_url = "https://api.studio.example"
    errors = ErrorRules(
        title="Studio",
        quota=(When(words="nothing left"),),
        invalid=(When(words=".", of_jobs=False),),
    )
    media: ClassVar[dict[str, str]] = {"video": "result", "image": "result"}


def call(kind: str) -> Call:
    if kind == "video":
        config: Any = VideoGenerationConfig(provider="studio", model="m")
        return Call("video", config, VideoGenerationRequest(prompt="x"), "r")

    config = ImageGenerationConfig(provider="studio", model="m")
    return Call("image", config, ImageGenerationRequest(prompt="x"), "r")


def parsed(kind: str, result: Any) -> Any:
    return Studio().parse(call(kind), RawResult({"result": result}, {"expires_at": "soon"}))


@pytest.mark.parametrize(
    "result", [V, [V], {"url": V}, [{"url": V}], {"video": {"url": V}, "thumbnail": {"url": P}}]
)
def test_media_are_found_in_every_shape(result: Any) -> None:
    response = parsed("video", result)
    assert response.video == V
    assert response.provider_metadata["expires_at"] == "soon"


@pytest.mark.parametrize(
    "url", [f"https://cdn.example.com/{name}" for name in ("v", "v.bin", "v.png", "v.txt")]
)
def test_a_declared_place_is_believed_whatever_the_name_says(url: str) -> None:
    assert parsed("video", url).video == url


@pytest.mark.parametrize("name", ["sound.mp3", "still.png", "log.txt", "data.json"])
def test_what_is_certainly_something_else_is_no_video(name: str) -> None:
    with pytest.raises(GenerationFailedError, match="without video"):
        parsed("video", [f"https://cdn.example.com/{name}"])


def test_what_the_filter_painted_black_is_no_image() -> None:
    flagged = {"images": [{"url": P}, {"url": P + "?2"}], "has_nsfw_concepts": [True, False]}
    response = parsed("image", flagged)
    assert response.images == (P + "?2",)
    assert response.provider_metadata["filtered"]["count"] == 1
    with pytest.raises(ContentModerationError):
        parsed("image", {**flagged, "has_nsfw_concepts": [True, True]})


@pytest.mark.parametrize("result", [None, "", "no address", {"seed": 1}, []])
def test_a_result_without_media_is_an_error_that_keeps_it(result: Any) -> None:
    with pytest.raises(GenerationFailedError, match="Studio answered without") as caught:
        parsed("video", result)

    assert caught.value.raw_response == {"result": result}


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_an_empty_account_is_not_tried_again(status: int) -> None:
    error = Studio.errors(HttpResponse(status, {}, {"error": "nothing left"}, is_json=True))
    assert isinstance(error, QuotaExceededError)
    assert not error.retryable


def test_rules_of_answers_alone_are_not_about_jobs() -> None:
    body = {"error": "broken"}
    assert isinstance(Studio.errors(HttpResponse(400, {}, body, is_json=True)), ValidationError)
    error = Studio.errors.failure(body)
    assert type(error) is GenerationFailedError
