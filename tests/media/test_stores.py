"""Saving to an object store: whole objects or none, and no upload left open."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationResponse,
    MockConfig,
    SaveError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_video,
)
from tarash.tarash_gateway.media._stores import PIECE_BYTES
from tarash.tarash_gateway.testing import Simulator
from tests.media.bucket import Bucket, bucket
from tests.media.conftest import KEY
from tests.media.test_download import served
from tests.media.test_save import CONTENT, held_forms, holding

LARGE = CONTENT[:40] + bytes(range(256)) * (PIECE_BYTES // 100)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bucket]:
    with bucket() as made:
        settings = {
            "AWS_ACCESS_KEY_ID": "simulated",
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": made.url,
            "AWS_ALLOW_HTTP": "true",
            "TMPDIR": str(tmp_path),
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        yield made

    assert made.uploads == {}
    assert list(tmp_path.iterdir()) == []


def large() -> Any:
    return {"content": LARGE, "content_type": "video/mp4"}


def test_a_video_is_saved_under_its_template(store: Bucket, video: VideoGenerationResponse) -> None:
    place = video.save("s3://bucket/renders/{provider}/{request_id}")
    assert place == f"s3://bucket/renders/fal/{video.request_id}.mp4"
    assert store.objects == {f"renders/fal/{video.request_id}.mp4": served(video)}


def test_several_results_and_a_folder(store: Bucket, images: ImageGenerationResponse) -> None:
    places = images.save("s3://bucket/")
    name = f"fal-{images.request_id}"
    assert places == [f"s3://bucket/{name}-{number}.png" for number in (1, 2, 3)]
    assert sorted(store.objects) == [f"{name}-{number}.png" for number in (1, 2, 3)]


def test_a_large_file_goes_up_in_pieces(store: Bucket) -> None:
    holding(large()).save("s3://bucket/a.mp4")
    assert store.objects == {"a.mp4": LARGE}
    assert store.parts == 3


@pytest.mark.parametrize("size", ["small", "large"])
def test_nothing_is_overwritten_unasked(store: Bucket, size: str) -> None:
    response = holding(held_forms()["bytes"] if size == "small" else large())
    store.objects["a.mp4"] = b"mine"
    with pytest.raises(SaveError, match=r"'s3://bucket/a\.mp4' exists: choose another name"):
        response.save("s3://bucket/a.mp4")

    assert store.objects == {"a.mp4": b"mine"}
    response.save("s3://bucket/a.mp4", overwrite=True)
    assert len(store.objects["a.mp4"]) > 4


def test_an_object_that_is_there_is_left_where_numbers_are_asked_for(store: Bucket) -> None:
    store.objects["a.mp4"] = b"mine"
    saved = [holding(held_forms()["bytes"]).save("s3://bucket/a.mp4", on_exists="number")] * 2
    assert saved[0] == "s3://bucket/a-2.mp4"
    assert store.objects == {"a.mp4": b"mine", "a-2.mp4": CONTENT}


async def test_of_two_that_save_to_one_name_one_wins(store: Bucket) -> None:
    ends = await asyncio.gather(
        *(holding(held_forms()["bytes"]).save_async("s3://bucket/a.mp4") for _ in range(4)),
        return_exceptions=True,
    )
    assert [end for end in ends if not isinstance(end, SaveError)] == ["s3://bucket/a.mp4"]
    assert store.objects == {"a.mp4": CONTENT}


async def test_a_cancelled_upload_takes_back_what_it_has_sent(store: Bucket) -> None:
    # So long that most of it is not even read when the second piece is held up.
    content = CONTENT[:40] + bytes(6 * PIECE_BYTES)
    store.hold.clear()
    response = holding({"content": content, "content_type": "video/mp4"})
    saving = asyncio.create_task(response.save_async("s3://bucket/a.mp4"))
    while not any(store.uploads.values()):  # noqa: ASYNC110  (in another thread)
        await asyncio.sleep(0.01)

    saving.cancel()
    await asyncio.sleep(0.05)
    store.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await saving

    assert store.objects == {}


def test_a_store_that_refuses_is_an_error_in_a_line(store: Bucket) -> None:
    store.refuses = 403
    with pytest.raises(SaveError) as caught:
        holding(held_forms()["bytes"]).save("s3://bucket/a.mp4", overwrite=True)

    assert "403" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_credentials_are_told_with_the_variables_to_set(
    store: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", store.url)
    store.refuses = 403
    with pytest.raises(SaveError) as caught:
        holding(held_forms()["bytes"]).save("s3://bucket/a.mp4", overwrite=True)

    assert "no credentials were found: set AWS_ACCESS_KEY_ID, AWS_SECRET" in str(caught.value)
    assert "latest/api/token" not in str(caught.value)


AZURE = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT", "ACCOUNT_NAME")


@pytest.mark.parametrize("where", ["head", "fallback"])
def test_a_store_of_nobody_is_refused_before_anything_is_bought(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in AZURE:
        monkeypatch.delenv(name, raising=False)

    place = "az://container/{request_id}"
    with Simulator(["fal"]) as simulator:
        facts: dict[str, Any] = {"base_url": simulator.base_url("fal"), "api_key": KEY}
        config = VideoGenerationConfig(
            provider="fal", model="fal-ai/veo3.1", save_to=place, **facts
        )
        if where == "fallback":
            config = VideoGenerationConfig(
                provider="fal", model="fal-ai/veo3.1", fallback_configs=[config], **facts
            )

        with pytest.raises(ValidationError, match="set AZURE_STORAGE_ACCOUNT_NAME and") as caught:
            generate_video(config, VideoGenerationRequest(prompt="A cat"))

        assert caught.value.submission == "not_sent"
        assert not simulator.requests("fal")


def test_a_bucket_whose_name_is_not_known_yet_is_looked_at_later() -> None:
    config = VideoGenerationConfig(
        provider="fal", model="m", save_to="az://{provider}/", mock=MockConfig(enabled=True)
    )
    response = generate_video(config, VideoGenerationRequest(prompt="A cat"))
    assert "AZURE_STORAGE_ACCOUNT_NAME" in response.save_errors[0]


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "obstore":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from tarash.tarash_gateway import ValidationError, VideoGenerationConfig, VideoGenerationResponse

response = VideoGenerationResponse(
    request_id="r", status="completed", raw_response=None, video="https://example.com/a.mp4"
)
try:
    VideoGenerationConfig(provider="fal", model="x", save_to="s3://bucket/a.mp4")
except ValueError as error:
    print(error)
try:
    response.save("s3://bucket/a.mp4")
except ValidationError as error:
    print(error)
"""


def test_a_missing_extra_names_itself() -> None:
    """By the config, before anything is paid for, and by a save."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT], capture_output=True, text=True, check=True
    )
    assert ran.stdout.count('pip install ".[storage]"') == 2


def test_an_address_in_a_store_can_be_configured() -> None:
    config = VideoGenerationConfig(provider="fal", model="x", save_to="gs://bucket/{index}.mp4")
    assert config.save_to == "gs://bucket/{index}.mp4"
