"""What users should know is a warning too, since few applications show logs; it ends nothing."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    MockPollingConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
    generate_video_async,
    plan_video,
    submit_video,
)
from tarash.tarash_gateway._support._warnings import UnknownModelWarning
from tarash.tarash_gateway.testing import Simulator

REQUEST = VideoGenerationRequest(prompt="A cat")
POLLED = MockConfig(enabled=True, polling=MockPollingConfig(delay_between_updates=0))


def mocked(provider: str = "fal", mock: MockConfig = POLLED) -> VideoGenerationConfig:
    return VideoGenerationConfig(provider=provider, model="fal-ai/veo3.1", mock=mock)


def places(caught: Iterable[warnings.WarningMessage]) -> list[str]:
    """Return the files that our warnings are about, whatever else was warned of meanwhile."""
    return [one.filename for one in caught if one.category is UserWarning]


def broken() -> Any:
    """Return a new callback with a mistake in it."""

    def on_progress(update: Any) -> None:
        raise KeyError(update.status)

    return on_progress


def test_a_callback_that_raises_is_warned_of_once() -> None:
    callback = broken()
    with pytest.warns(UserWarning, match="on_progress' raised KeyError: 'queued'") as caught:
        generate_video(mocked(), REQUEST, callback)

    assert places(caught) == [__file__]
    with warnings.catch_warnings(record=True) as again:
        warnings.simplefilter("always")
        generate_video(mocked(), REQUEST, callback)

    assert places(again) == []


async def test_an_async_call_warns_as_well_and_so_does_the_next_callback() -> None:
    for _ in range(2):
        with pytest.warns(UserWarning, match="said once; the job goes on") as caught:
            await generate_video_async(mocked(), REQUEST, broken())

        assert places(caught) == [__file__]


def test_a_filter_that_makes_errors_of_warnings_loses_no_job() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert generate_video(mocked("fall"), REQUEST, broken()).status == "completed"


@pytest.mark.parametrize("provider", ["fall", "FAL", "opnai", "azure_opneai"])
def test_the_mock_answers_for_any_name_and_warns_of_one_that_looks_mistyped(provider: str) -> None:
    with pytest.warns(UserWarning, match=f"Unknown provider '{provider}'; did you mean"):
        plan_video(mocked(provider), REQUEST)

    with pytest.warns(UserWarning, match="did you mean"):
        assert generate_video(mocked(provider), REQUEST).is_mock


@pytest.mark.parametrize("provider", ["mock", "test", "acme", "azure_openai", "my-provider"])
def test_names_that_were_made_up_on_purpose_are_nothing_to_warn_of(provider: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        generate_video(mocked(provider), REQUEST)

    assert places(caught) == []


@pytest.fixture
def retired() -> Iterator[VideoGenerationConfig]:
    with Simulator(["fal"]) as simulator:
        yield VideoGenerationConfig(
            provider="fal",
            model="fal-ai/sora-2/text-to-video",
            api_key="any:key",
            base_url=simulator.base_url("fal"),
        )


GONE = "was shut down on 2026-09-24"


async def test_a_retired_model_is_warned_of_before_the_call(
    retired: VideoGenerationConfig,
) -> None:
    with pytest.warns(UserWarning, match=GONE) as caught:
        async with Gateway() as gateway:
            await gateway.generate_video_async(retired, REQUEST)

    assert places(caught) == [__file__]


def test_a_warning_that_is_found_out_in_another_thread_is_about_the_line_that_asked(
    retired: VideoGenerationConfig,
) -> None:
    with pytest.warns(UserWarning, match=GONE) as caught:
        generate_video(retired, REQUEST)

    assert places(caught) == [__file__]
    with pytest.warns(UserWarning, match=GONE) as caught:
        submit_video(retired, REQUEST).wait()

    assert places(caught) == [__file__]


async def test_a_warning_of_a_task_of_its_own_is_not_about_whoever_runs_the_loop(
    retired: VideoGenerationConfig,
) -> None:
    async with Gateway() as gateway:
        with pytest.warns(UserWarning, match=GONE) as caught:
            await asyncio.gather(gateway.generate_video_async(retired, REQUEST))

    assert places(caught) == ["<tarash_gateway>"]


async def test_what_a_line_asked_is_forgotten_when_the_call_ends() -> None:
    with pytest.warns(UserWarning, match="said once"):
        await generate_video_async(mocked(), REQUEST, broken())

    with pytest.warns(UserWarning, match="Unknown provider 'fall'") as caught:
        await asyncio.gather(generate_video_async(mocked("fall"), REQUEST))

    assert places(caught) == ["<tarash_gateway>"]


def told_of_models(caught: Iterable[warnings.WarningMessage]) -> list[str]:
    return [str(one.message) for one in caught if one.category is UnknownModelWarning]


@pytest.mark.parametrize(
    ("provider", "model", "said"),
    [
        ("luma", "ray-22", "did you mean ray-2?"),
        ("runway", "gen45", "did you mean gen4.5?"),
        ("fal", "fal-ai/veo3.11", "did you mean fal-ai/veo3.1"),
        ("minimax", "MiniMax-Hailuo-2.33", "did you mean MiniMax-Hailuo-2.3"),
        ("google", "veo-3.1-generate-previw", "which it resembles, is retired"),
    ],
)
def test_a_model_that_looks_mistyped_is_warned_of_where_it_is_bought(
    provider: str, model: str, said: str
) -> None:
    """And in the plan; it is sent as it is, since it may be new."""
    config = VideoGenerationConfig(provider=provider, model=model, mock=MockConfig(enabled=True))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(2):
            assert generate_video(config, REQUEST).status == "completed"

    (told,) = told_of_models(caught)
    assert told.startswith(f"{provider} {model} is sent as it is: the catalogue has no such model")
    assert said in told
    assert {one.filename for one in caught} == {__file__}
    asked = plan_video(config.model_copy(update={"mock": None}), REQUEST)
    assert any(said in one.reason for one in asked.adjustments)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("fal", "fal-ai/some-new-thing"), ("luma", "brand-new-model"), ("replicate", "somebody/new")],
)
def test_a_model_that_is_merely_new_is_nothing_to_warn_of(provider: str, model: str) -> None:
    config = VideoGenerationConfig(provider=provider, model=model, mock=MockConfig(enabled=True))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        generate_video(config, REQUEST)

    assert told_of_models(caught) == []
