"""What a mocked call gives: draws by weight and seed, errors, given and made media."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import os
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import av
import pytest
from PIL import Image

from tarash.tarash_gateway.exceptions import HTTPError, RateLimitError, ValidationError
from tarash.tarash_gateway.media import _deliver, samples
from tarash.tarash_gateway.models import (
    ImageGenerationResponse,
    MockConfig,
    MockResponse,
    VideoGenerationResponse,
)
from tarash.tarash_gateway.providers.mock import _draws
from tests.mock.conftest import Driver, MakeCall

URLS = tuple(f"https://media.example/{name}.mp4" for name in "abc")


def mock(*responses: MockResponse, **settings: Any) -> MockConfig:
    return MockConfig(enabled=True, responses=responses or None, **settings)


def three(**settings: Any) -> MockConfig:
    return mock(*(MockResponse(output_video=url) for url in URLS), **settings)


async def draw(driver: Driver, call: Any, times: int) -> list[str]:
    return [(await driver.run(call)).video for _ in range(times)]


async def test_without_polling_the_answer_is_there_at_once(driver: Driver, video: MakeCall) -> None:
    response = await driver.run(video(duration_seconds=8, aspect_ratio="9:16", resolution="1080p"))
    assert response.is_mock
    assert response.status == "completed"
    assert response.request_id == "tarash-1"
    assert response.content_type == "video/mp4"
    assert (response.duration, response.resolution, response.aspect_ratio) == (8, "1080p", "9:16")
    assert response.videos == (response.video,)
    assert response.provider_metadata == {
        "aspect_ratio": "9:16",
        "resolution": "1080p",
        "width": 1080,
        "height": 1920,
        "duration": 8.0,
        "fps": 24,
        "frames": 192,
        "has_audio": False,
    }
    assert response.raw_response["videos"][0]["url"] == response.video


async def test_a_url_leads_to_a_playable_clip(driver: Driver, video: MakeCall) -> None:
    response = await driver.run(video(duration_seconds=5))

    def decode() -> int:
        with urlopen(response.video, timeout=60) as answer:  # noqa: S310  (a loopback URL)
            content = io.BytesIO(answer.read())

        with av.open(content, "r") as container:
            return len(list(container.decode(video=0)))

    assert await asyncio.to_thread(decode) == 120


async def test_content_is_bytes(driver: Driver, video: MakeCall) -> None:
    response = await driver.run(video(mock(MockResponse(output_type="content"))))
    assert response.video == {
        "content": samples.pick_video(duration_seconds=8).read(),
        "content_type": "video/mp4",
    }
    assert VideoGenerationResponse.model_validate_json(response.model_dump_json()).is_mock


async def test_as_many_videos_as_asked(driver: Driver, video: MakeCall) -> None:
    settings = mock(MockResponse(output_type="file"))
    response = await driver.run(video(settings, number_of_videos=3))
    paths = {Path(path) for path in response.videos}
    assert len(paths) == 3
    for path in paths:
        path.unlink()


@pytest.mark.parametrize("output_type", ["url", "content", "file"])
async def test_images_in_every_form(driver: Driver, image: MakeCall, output_type: Any) -> None:
    settings = mock(MockResponse(output_type=output_type))
    response = await driver.run(image(settings, size="320x200", n=2, seed=5))
    assert response.content_type == "image/png"
    assert response.provider_metadata == {"width": 320, "height": 200}
    for index, place in enumerate(response.images):
        content = await asyncio.to_thread(read, place, output_type)
        call = image(settings)
        label = (f"MOCK {call.config.provider} {call.config.model}", call.request.prompt)
        assert content == samples.make_png(320, 200, 5 + index, label)
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.size == (320, 200)


def read(place: str, output_type: str) -> bytes:
    if output_type == "content":
        return base64.b64decode(place)

    if output_type == "file":
        content = Path(place).read_bytes()
        Path(place).unlink()
        return content

    with urlopen(place, timeout=60) as answer:  # noqa: S310  (a loopback URL)
        return bytes(answer.read())


async def test_an_image_has_the_ratio_asked_for(driver: Driver, image: MakeCall) -> None:
    response = await driver.run(image(aspect_ratio="16:9"))
    assert response.provider_metadata == {"width": 1280, "height": 720}


FILE = """
import asyncio
from tests.mock.conftest import Driver, video_call
from tarash.tarash_gateway.models import MockConfig, MockResponse

mock = MockConfig(enabled=True, responses=(MockResponse(output_type="file"),))
print(asyncio.run(Driver().run(video_call(mock))).video)
"""


def test_a_file_outlives_the_process() -> None:
    made = subprocess.run(
        [sys.executable, "-W", "error", "-c", FILE],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    path = Path(made.stdout.strip())
    assert path.suffix == ".mp4"
    assert path.read_bytes() == samples.pick_video(duration_seconds=8).read()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.unlink()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no such permissions on this system")
async def test_a_folder_that_others_may_read_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shared = tmp_path / _deliver.FOLDER_NAME
    shared.mkdir(mode=0o755)
    made = await _deliver.deliver(b"x", "image/png", "image", "file")
    path = Path(made["path"])
    assert path.parent != shared
    assert path.is_relative_to(tmp_path)

    shared.rmdir()
    shared.symlink_to(tmp_path)
    linked = await _deliver.deliver(b"x", "image/png", "image", "file")
    assert Path(linked["path"]).parent not in (shared, tmp_path)


@pytest.mark.parametrize(
    ("given", "content_type"),
    [
        ("https://media.example/cat.mp4?x=1", "video/mp4"),
        ("https://media.example/cat", None),
        ("data:video/webm;base64,AAAA", "video/webm"),
        ({"content": b"bytes", "content_type": "video/quicktime"}, "video/quicktime"),
    ],
)
async def test_a_given_video_is_used_as_it_is(
    driver: Driver, video: MakeCall, given: Any, content_type: str | None
) -> None:
    response = await driver.run(video(mock(MockResponse(output_video=given))))
    assert response.video == given
    assert response.content_type == content_type
    assert response.duration is None
    assert response.is_mock


async def test_given_images_are_used_as_they_are(driver: Driver, image: MakeCall) -> None:
    given: tuple[Any, ...] = (
        "https://media.example/a.png",
        {"content": b"bytes", "content_type": "image/png"},
    )
    response = await driver.run(image(mock(MockResponse(output_images=given))))
    assert response.images == (given[0], base64.b64encode(b"bytes").decode())
    assert response.raw_response["images"] == [given[0], "<image/png, 5 bytes>"]


async def test_a_whole_response_is_returned_as_it_is(driver: Driver, video: MakeCall) -> None:
    given = VideoGenerationResponse(
        request_id="theirs", video=URLS[0], status="completed", raw_response={"their": "body"}
    )
    response = await driver.run(video(mock(MockResponse(mock_response=given))))
    assert response == given.model_copy(update={"is_mock": True, "request_id": "tarash-1"})
    assert not given.is_mock


async def test_a_response_of_the_wrong_kind_is_refused(driver: Driver, video: MakeCall) -> None:
    given = ImageGenerationResponse(
        request_id="theirs", images=("x",), status="completed", raw_response={}
    )
    with pytest.raises(ValidationError, match="give a VideoGenerationResponse"):
        await driver.run(video(mock(MockResponse(mock_response=given))))


async def test_a_seed_gives_the_same_draws_in_every_run(driver: Driver, video: MakeCall) -> None:
    first = await draw(driver, video(three(seed=7)), 10)
    assert await draw(Driver(), video(three(seed=7)), 10) == first
    assert await draw(driver, video(three(seed=8)), 10) != first


async def test_draws_differ_from_call_to_call(driver: Driver, video: MakeCall) -> None:
    assert set(await draw(driver, video(three(seed=7)), 20)) == set(URLS)
    assert set(await draw(driver, video(three()), 60)) == set(URLS)


async def test_configs_that_share_their_settings_share_the_sequence(
    driver: Driver, video: MakeCall
) -> None:
    shared = three(seed=7)
    first, second = video(shared), video(shared, prompt="another")
    alternating = [
        video_url for _ in range(5) for call in (first, second)
        for video_url in await draw(driver, call, 1)
    ]  # fmt: skip
    assert alternating == await draw(driver, video(three(seed=7)), 10)


async def test_weights_are_shares(driver: Driver, video: MakeCall) -> None:
    weighted = mock(
        MockResponse(weight=0, output_video=URLS[0]),
        MockResponse(weight=3, output_video=URLS[1]),
        MockResponse(weight=1, output_video=URLS[2]),
        seed=1,
    )
    drawn = Counter(await draw(driver, video(weighted), 400))
    assert set(drawn) == set(URLS[1:])
    assert 260 < drawn[URLS[1]] < 340


async def test_the_state_of_draws_goes_with_its_settings(driver: Driver, video: MakeCall) -> None:
    settings = three(seed=7)
    await driver.run(video(settings))
    key = id(settings)
    assert key in _draws._chances  # noqa: SLF001  (it must not grow for ever)
    del settings
    gc.collect()
    assert key not in _draws._chances  # noqa: SLF001  (as above)


async def test_the_seed_decides_the_image(driver: Driver, image: MakeCall) -> None:
    async def images(mock_seed: int, times: int = 1, **wishes: Any) -> list[str]:
        settings = mock(MockResponse(output_type="content"), seed=mock_seed)
        call = image(settings, size="32x32", **wishes)
        return [(await driver.run(call)).images[0] for _ in range(times)]

    assert await images(7, 3) == await images(7, 3)
    assert len(set(await images(7, 3))) == 3
    assert await images(1, seed=9) == await images(2, seed=9)


async def test_an_error_is_raised_as_a_fresh_copy(driver: Driver, video: MakeCall) -> None:
    error = RateLimitError("slow down", status_code=429, retry_after=3.0)
    call = video(mock(MockResponse(error=error)))
    raised = []
    for _ in range(2):
        with pytest.raises(RateLimitError, match="slow down") as caught:
            await driver.run(call)

        caught.value.request_id = "changed"
        raised.append(caught.value)

    assert raised[0] is not raised[1]
    assert error not in raised
    assert error.request_id is None
    assert error.__traceback__ is None
    for one in raised:
        assert (one.status_code, one.retry_after, one.retryable) == (429, 3.0, True)


async def test_any_other_error_is_raised_as_it_is(driver: Driver, image: MakeCall) -> None:
    error = KeyError("theirs")
    call = image(mock(MockResponse(error=error)))
    for _ in range(2):
        with pytest.raises(KeyError, match="theirs") as caught:
            await driver.run(call)

        assert caught.value is error


async def test_errors_and_successes_are_mixed_by_weight(driver: Driver, video: MakeCall) -> None:
    failing = MockResponse(weight=0.5, error=HTTPError("down", status_code=503))
    call = video(mock(MockResponse(weight=0.5), failing, seed=4))
    outcomes: Counter[str] = Counter()
    for _ in range(40):
        try:
            await driver.run(call)
        except HTTPError:
            outcomes["failed"] += 1
        else:
            outcomes["made"] += 1

    assert min(outcomes["failed"], outcomes["made"]) > 8
