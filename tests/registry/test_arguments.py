"""What is handed to the public functions in the wrong order, or with a line break at its end."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    ImageGenerationConfig,
    MockConfig,
    ProgressBar,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
    plan_video,
    progress_bar,
    submit_video,
)
from tarash.tarash_gateway.testing import Simulator

CONFIG: Any = VideoGenerationConfig(provider="fal", model="m")
REQUEST: Any = VideoGenerationRequest(prompt="A cat")


@pytest.mark.parametrize(("config", "request_"), [(REQUEST, CONFIG), ({}, REQUEST), (CONFIG, {})])
async def test_swapped_or_bare_arguments_are_named(config: Any, request_: Any) -> None:
    for blocking in (generate_video, plan_video):
        with pytest.raises(ValidationError, match="in this order"):
            blocking(config, request_)

    with pytest.raises(ValidationError, match="in this order"):
        await Gateway().generate_video_async(config, request_)


def test_what_is_taken_and_what_was_given_have_their_articles() -> None:
    config: Any = ImageGenerationConfig(provider="fal", model="m")
    said = (
        "a VideoGenerationConfig and a VideoGenerationRequest, in this order; this is an "
        "ImageGenerationConfig; use plan_image$"
    )
    with pytest.raises(ValidationError, match=said):
        plan_video(config, REQUEST)


@pytest.mark.parametrize("switch", [True, False])
def test_a_mock_that_is_only_switched_on_is_told_how(*, switch: Any) -> None:
    with pytest.raises(ValueError, match=rf"write mock=MockConfig\(enabled={switch}\)"):
        VideoGenerationConfig(provider="fal", model="m", mock=switch)


@pytest.mark.parametrize("callback", [progress_bar, ProgressBar, "print"])
def test_a_progress_callback_that_is_none_is_refused_before_anything_is_sent(callback: Any) -> None:
    said = "can't be called" if callback == "print" else r"on_progress=progress_bar\(\), with"
    with pytest.raises(ValidationError, match=said) as caught:
        generate_video(CONFIG, REQUEST, callback)

    assert caught.value.submission == "not_sent"


def test_a_job_that_is_under_way_is_waited_for_without_the_callback_that_is_none() -> None:
    mocked = VideoGenerationConfig(provider="fal", model="m", mock=MockConfig(enabled=True))
    no_callback: Any = progress_bar
    job = submit_video(mocked, REQUEST)
    with pytest.warns(UserWarning, match="with parentheses") as caught:
        assert job.wait(no_callback).status == "completed"

    assert caught[0].filename == __file__


@pytest.mark.parametrize("key", ["a-key-of-the-tests\n", "  a-key-of-the-tests"])
async def test_white_space_around_a_key_is_forgiven(key: str) -> None:
    with Simulator(["fal"]) as simulator:
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key=key,
            base_url=simulator.base_url("fal"),
        )
        async with Gateway() as gateway:
            await gateway.generate_video_async(config, REQUEST)

        sent = simulator.requests("fal")[0].headers["authorization"]
        assert sent == "Key a-key-of-the-tests"


@pytest.mark.parametrize("key", ["two\nlines", "a\x00b"])
async def test_a_key_that_cannot_be_sent_is_refused_before_anything_is(key: str) -> None:
    config = VideoGenerationConfig(provider="fal", model="m", api_key=key)
    async with Gateway() as gateway:
        with pytest.raises(AuthenticationError, match="control character") as caught:
            await gateway.generate_video_async(config, REQUEST)

    assert caught.value.submission == "not_sent"
