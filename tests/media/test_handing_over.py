"""`save_to` and `verify`: what happens to a result on its way to the user."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Adjustment,
    ImageGenerationConfig,
    ImageGenerationRequest,
    MediaInfo,
    MockConfig,
    MockResponse,
    VerificationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_image,
    generate_video,
    generate_video_async,
    submit_video_async,
)
from tarash.tarash_gateway._data._made_by import usual_makers
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.media._finalize import finalize_result
from tarash.tarash_gateway.media._verify import compare, compare_count, expected
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.media.clips import Shape, render
from tests.media.test_save import files, holding

MakeConfig = Callable[..., VideoGenerationConfig]
REQUEST = VideoGenerationRequest(prompt="A lighthouse", duration_seconds=4, aspect_ratio="16:9")


# --------------------------------------------------------------------------------------- save_to
def test_a_result_is_saved_before_it_is_handed_over(
    tmp_path: Path, simulator: Simulator, video_config: MakeConfig
) -> None:
    config = video_config(save_to=f"{tmp_path}/{{provider}}-{{request_id}}")
    response = generate_video(config, REQUEST)
    place = tmp_path / f"fal-{response.request_id}.mp4"
    assert response.saved == (str(place),)
    assert response.save_errors == ()
    # Looked at while it was here: fal does not say how long its videos are.
    assert (response.duration, response.resolution) == (5.0, "1280x720")
    assert simulator.counters("fal").downloads == 1
    assert place.is_file()


@pytest.mark.parametrize(
    "place", ["clips", Path("clips"), "clips/", Path("{provider}/clips")], ids=str
)
def test_results_one_after_the_other_do_not_get_into_each_others_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str | Path
) -> None:
    """A name without an ending is a folder-to-be; one with fields is the user's to tell apart."""
    monkeypatch.chdir(tmp_path)
    config = mocked(None, save_to=place)
    if "{" in str(place):
        assert generate_video(config, REQUEST).saved == (str(Path("fal/clips.mp4")),)
        return

    saved = [generate_video(config, REQUEST).saved for _ in range(2)]
    assert len({*saved}) == 2
    assert {Path(one).parent for (one,) in saved} == {Path("clips")}
    assert all(Path(one).is_file() for (one,) in saved)


def test_a_save_that_fails_loses_nothing(
    tmp_path: Path,
    simulator: Simulator,
    video_config: MakeConfig,
    caplog: pytest.LogCaptureFixture,
) -> None:
    simulator.fail("fal", "download", Fault.status(400), times=None)
    with pytest.warns(UserWarning, match=r"is not saved \(its URL answers HTTP 400\)"):
        response = generate_video(video_config(save_to=f"{tmp_path}/a.mp4"), REQUEST)

    assert response.saved == ()
    assert response.save_errors == ("its URL answers HTTP 400",)
    assert str(response.video).startswith(simulator.media_url)
    assert any(record.message.startswith("save_failed ") for record in caplog.records)
    assert files(tmp_path) == []


async def test_a_save_has_as_long_as_the_attempt(
    tmp_path: Path,
    simulator: Simulator,
    video: VideoGenerationResponse,
    video_config: MakeConfig,
) -> None:
    simulator.fail("fal", "download", Fault.hang())
    config = video_config(save_to=f"{tmp_path}/a.mp4", timeout=0.3)  # waited for
    response = await finalize_result(
        video,
        request=REQUEST,
        config=config,
        head=config,
        log=lambda *_, **__: None,
        makers=usual_makers(),
    )
    assert response.save_errors == ("saving took longer than 0.3 s",)
    assert files(tmp_path) == []


def test_a_fallback_saves_where_the_head_says(
    tmp_path: Path, simulator: Simulator, video_config: MakeConfig
) -> None:
    simulator.script("fal", Script(outcome="failed"), Script())
    fallback = video_config(model="fal-ai/veo3")
    config = video_config(save_to=f"{tmp_path}/{{model}}", fallback_configs=(fallback,))
    response = generate_video(config, REQUEST)
    assert response.saved == (str(tmp_path / "fal-ai_veo3.mp4"),)


async def test_a_cancellation_while_saving_says_that_the_result_is_there(
    tmp_path: Path, simulator: Simulator, video_config: MakeConfig
) -> None:
    simulator.fail("fal", "download", Fault.hang())
    config = video_config(save_to=f"{tmp_path}/a.mp4")
    making = asyncio.create_task(generate_video_async(config, REQUEST))
    while not simulator.counters("fal").downloads:  # noqa: ASYNC110  (in another thread)
        await asyncio.sleep(0.01)

    making.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await making

    (note,) = caught.value.__notes__
    assert note.startswith("Cancelled with the result at hand: request ")
    assert f"is made and paid for; it is at {simulator.media_url}/fal/" in note
    assert simulator.counters("fal").cancels == 0
    assert files(tmp_path) == []


async def test_a_job_whose_saving_was_stopped_has_its_result_all_the_same(
    tmp_path: Path, simulator: Simulator, video_config: MakeConfig
) -> None:
    """In the ledger too: whoever asks again gets it, and nothing is bought again."""
    simulator.fail("fal", "download", Fault.hang())
    config = video_config(save_to=f"{tmp_path}/a.mp4")
    ledger = f"sqlite:///{tmp_path}/jobs.db"
    job = await submit_video_async(config, REQUEST, ledger=ledger, idempotency_key="order-1")
    waiting = asyncio.create_task(job.wait_async())
    while not simulator.counters("fal").downloads:  # noqa: ASYNC110  (in another thread)
        await asyncio.sleep(0.01)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    again = await submit_video_async(config, REQUEST, ledger=ledger, idempotency_key="order-1")
    response = await again.wait_async()
    assert response.operation is not None
    assert await response.save_async(tmp_path / "b.mp4") == tmp_path / "b.mp4"
    assert simulator.counters("fal").accepted == 1


def test_a_kept_result_tells_where_it_was_saved(
    tmp_path: Path, simulator: Simulator, video_config: MakeConfig
) -> None:
    config = video_config(save_to=f"{tmp_path}/a.mp4")
    ledger = f"sqlite:///{tmp_path}/jobs.db"
    first, second = (
        generate_video(config, REQUEST, ledger=ledger, idempotency_key="order-1") for _ in range(2)
    )
    assert first.saved == second.saved == (str(tmp_path / "a.mp4"),)
    assert simulator.counters("fal").downloads == 1


def test_bytes_are_looked_at_and_urls_are_not_unasked(
    simulator: Simulator, video_config: MakeConfig
) -> None:
    response = generate_video(video_config(), REQUEST)
    assert (response.duration, response.resolution) == (None, None)
    assert simulator.counters("fal").downloads == 0

    given = {"content": samples.videos()[0].read(), "content_type": "video/mp4"}
    response = generate_video(mocked(given), REQUEST)
    assert (response.duration, response.resolution) == (5.0, "1280x720")


def test_what_the_provider_said_stays() -> None:
    said = holding(
        {"content": samples.videos()[0].read(), "content_type": "video/mp4"}, resolution="720p"
    )
    mock = MockConfig(enabled=True, responses=(MockResponse(mock_response=said),))
    response = generate_video(VideoGenerationConfig(provider="fal", model="x", mock=mock), REQUEST)
    assert (response.duration, response.resolution) == (5.0, "720p")


def mocked(video: Any, **changes: Any) -> VideoGenerationConfig:
    mock = MockConfig(enabled=True, responses=(MockResponse(output_video=video),))
    return VideoGenerationConfig(provider="fal", model="x", mock=mock, **changes)


# ---------------------------------------------------------------------------------------- verify
def clip(shape: Shape) -> dict[str, Any]:
    return {"content": render(shape), "content_type": "video/mp4"}


def test_a_result_as_asked_passes() -> None:
    request = VideoGenerationRequest(
        prompt="x", duration_seconds=2, aspect_ratio="4:3", generate_audio=True
    )
    config = mocked(clip(Shape(frames=48, audio="aac")), verify="raise")
    assert generate_video(config, request).mismatches == ()


def test_a_result_that_is_another_is_told(caplog: pytest.LogCaptureFixture) -> None:
    request = VideoGenerationRequest(
        prompt="x", duration_seconds=8, aspect_ratio="9:16", generate_audio=True, resolution="720p"
    )
    with pytest.warns(UserWarning, match="is not what was asked for: duration_seconds: asked 8"):
        response = generate_video(mocked(clip(Shape(frames=96)), verify="warn"), request)

    found = {one.field: (one.requested, one.found) for one in response.mismatches}
    assert found == {
        "duration_seconds": (8.0, 4.0),
        "generate_audio": (True, False),
        "aspect_ratio": ("9:16", "64x48"),
        "resolution": ("720p", "64x48"),
    }
    assert any(record.message.startswith("mismatched ") for record in caplog.records)


def test_raising_does_not_lose_the_result(tmp_path: Path) -> None:
    config = mocked(clip(Shape(frames=96)), verify="raise", save_to=f"{tmp_path}/a.mp4")
    with pytest.raises(VerificationError) as caught:
        generate_video(config, VideoGenerationRequest(prompt="x", duration_seconds=8))

    error = caught.value
    assert error.response is not None
    assert error.response.saved == (str(tmp_path / "a.mp4"),)
    assert "duration_seconds: asked 8, got 4" in str(error)
    assert (error.retryable, error.submission) == (False, "accepted")
    assert error.execution_metadata is not None
    assert error.execution_metadata.attempts[0].status == "success"
    again = pickle.loads(pickle.dumps(error))
    assert again.response == error.response
    assert again.mismatches == error.mismatches == error.response.mismatches


def test_a_difference_is_no_reason_to_buy_another(
    simulator: Simulator, video_config: MakeConfig
) -> None:
    simulator.fail("fal", "download", Fault.foreign_body(), times=None)
    config = video_config(verify="raise", fallback_configs=(video_config(model="fal-ai/veo3"),))
    with pytest.raises(VerificationError):
        generate_video(config, VideoGenerationRequest(prompt="x", aspect_ratio="9:16"))

    assert simulator.counters("fal").accepted == 1


@pytest.mark.parametrize("fault", [Fault.foreign_body(), Fault.status(404)])
def test_what_can_not_be_looked_at_is_a_difference(
    simulator: Simulator, video_config: MakeConfig, fault: Fault
) -> None:
    simulator.fail("fal", "download", fault, times=None)
    response = generate_video(video_config(verify="warn"), REQUEST)
    assert [one.field for one in response.mismatches] == ["media"]


def test_of_images_each_is_looked_at() -> None:
    wide = samples.make_png(160, 90, 1)
    square = samples.make_png(90, 90, 1)
    media = tuple({"content": one, "content_type": "image/png"} for one in (wide, square))
    outcome = MockResponse.model_validate({"output_images": media})
    mock = MockConfig(enabled=True, responses=(outcome,))
    config = ImageGenerationConfig(provider="fal", model="x", mock=mock, verify="warn")
    response = generate_image(config, ImageGenerationRequest(prompt="x", n=3, aspect_ratio="16:9"))
    assert [(one.field, one.index) for one in response.mismatches] == [
        ("n", 2),
        ("aspect_ratio", 2),
    ]


INFO = MediaInfo(container="mp4", content_type="video/mp4", has_audio=False)


@pytest.mark.parametrize(
    ("asked", "found", "differs"),
    [
        ({"duration_seconds": 5}, {"duration": 5.5}, False),
        ({"duration_seconds": 5}, {"duration": 5.6}, True),
        ({"duration_seconds": 20}, {"duration": 21}, False),
        ({"duration_seconds": 20}, {"duration": 18.9}, True),
        ({"duration_seconds": "8s"}, {"duration": 4}, True),
        ({"duration_seconds": "auto"}, {"duration": 4}, False),
        ({"aspect_ratio": "16:9"}, {"width": 1344, "height": 768}, False),
        ({"aspect_ratio": "4:3"}, {"width": 1280, "height": 1024}, True),
        ({"aspect_ratio": "21:9"}, {"width": 1536, "height": 640}, False),
        ({"resolution": "720p"}, {"width": 720, "height": 1280}, False),
        ({"resolution": "720p"}, {"width": 960, "height": 960}, False),
        ({"resolution": "1080p"}, {"width": 1280, "height": 720}, True),
        ({"resolution": "4k"}, {"width": 3840, "height": 2160}, False),
        ({"size": "1024x1024"}, {"width": 1024, "height": 1024}, False),
        ({"size": "1024x1024"}, {"width": 1024, "height": 768}, True),
        ({"generate_audio": False}, {"has_audio": True}, True),
        ({"generate_audio": False}, {}, False),
        ({"aspect_ratio": "16:9", "duration_seconds": 5}, {}, False),
    ],
)
def test_the_tolerances(asked: dict[str, Any], found: dict[str, Any], *, differs: bool) -> None:
    assert bool(compare(asked, INFO.model_copy(update=found), 1)) == differs


def test_a_wish_that_was_adjusted_counts_as_adjusted() -> None:
    bent = (
        Adjustment(field="duration_seconds", requested=7, sent=8, reason="it takes 4, 6, 8"),
        Adjustment(field="generate_audio", requested=True, sent=None, reason="it has no sound"),
    )
    request = VideoGenerationRequest(prompt="x", duration_seconds=7, generate_audio=True)
    asked = expected(request, holding("https://example.com/a.mp4", adjustments=bent))
    assert asked["duration_seconds"] == 8
    assert "generate_audio" not in asked
    assert compare(asked, INFO.model_copy(update={"duration": 8.0}), 1) == []


def test_sound_in_a_file_of_its_own_counts() -> None:
    assert compare({"generate_audio": True}, INFO, 1, has_sound=True) == []


def test_more_than_asked_for_is_no_loss() -> None:
    assert compare_count({"n": 2}, 3) == []
