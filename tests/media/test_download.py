"""Downloads through every fault: what is saved is the whole file, or nothing under its name."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tarash.tarash_gateway import (
    SaveError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_video,
)
from tarash.tarash_gateway._data._made_by import keep_config
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Simulator
from tests.media.test_save import files


def served(response: VideoGenerationResponse) -> bytes:
    """Return the file as it is at the provider."""
    assert isinstance(response.video, str)
    with urllib.request.urlopen(response.video) as answer:  # noqa: S310  (the simulator's)
        return bytes(answer.read())


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("seed", range(3))
def test_a_connection_cut_at_ten_places_is_taken_up_each_time(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse, seed: int
) -> None:
    content = served(video)
    # Not before the first bytes have told what it is: that would be no progress.
    cuts = sorted(random.Random(seed).sample(range(100, len(content) - 1), 10))
    for before, after in zip([0, *cuts], cuts, strict=False):
        simulator.fail("fal", "download", Fault.cut(after - before))

    video.save(tmp_path / "a.mp4")
    assert digest((tmp_path / "a.mp4").read_bytes()) == digest(content)
    requests = simulator.requests("media")[1:]
    asked = [request.headers.get("range") for request in requests]
    assert asked == [None, *(f"bytes={cut}-" for cut in cuts)]
    assert len({request.headers.get("if-range") for request in requests[1:]} - {None}) == 1


@pytest.mark.parametrize("at", [0, 1, 63, 64])
def test_a_connection_cut_at_the_very_beginning(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse, at: int
) -> None:
    simulator.fail("fal", "download", Fault.cut(at))
    video.save(tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == served(video)


def test_a_server_without_ranges_begins_anew(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse
) -> None:
    simulator.fail("fal", "download", Fault.cut(20_000))
    simulator.fail("fal", "download", Fault.no_ranges())
    video.save(tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == served(video)


def test_a_file_that_changes_meanwhile_is_not_mixed(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse
) -> None:
    """The other file's ETag differs, so the server sends all of it, and that is what is saved."""
    simulator.fail("fal", "download", Fault.cut(20_000))
    headers = {"Content-Range": "bytes 20000-20003/20004", "ETag": '"another"'}
    simulator.fail("fal", "download", Fault.status(206, b"abcd", headers))
    video.save(tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == served(video)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.wrong_length(1000), "bytes came of "),
        (Fault.foreign_body(), "a page came in its place (text/html)"),
        (Fault.foreign_body('{"error": "gone"}', "application/json"), "a page came in its place"),
        (Fault.foreign_body("<html>", "application/octet-stream"), "a page came in its place"),
        (Fault.foreign_body("<!doctype html>", "video/mp4"), "a page came in its place"),
        (Fault.foreign_body('{"error": "gone"}', "video/mp4"), "a page came in its place"),
        (Fault.foreign_body("", "video/mp4"), "the server sent nothing"),
        (Fault.status(400), "its URL answers HTTP 400"),
        (Fault.reset_before(), "the download broke off"),
        (Fault.status(302, headers={"Location": "ftp://example.com/a"}), "no http(s) address"),
        (Fault.status(307, headers={"Location": "?again"}), "more than 10 redirects"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_what_never_comes_whole_is_not_there_at_all(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse, fault: Fault, said: str
) -> None:
    simulator.fail("fal", "download", fault, times=None)
    with pytest.raises(SaveError) as caught:
        video.save(tmp_path / "a.mp4")

    assert said in str(caught.value)
    assert files(tmp_path) == []


def test_a_file_that_is_empty_for_a_moment_is_asked_for_again(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse
) -> None:
    simulator.fail("fal", "download", Fault.foreign_body("", "video/mp4"), times=2)
    video.save(tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == served(video)


def test_a_server_that_is_down_in_the_middle_is_given_up(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse
) -> None:
    simulator.fail("fal", "download", Fault.cut(9000))
    simulator.fail("fal", "download", Fault.status(503), times=None)
    with pytest.raises(SaveError, match="the download broke off: HTTP 503"):
        video.save(tmp_path / "a.mp4")

    assert files(tmp_path) == []


def test_a_page_type_on_a_real_video_is_forgiven(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse
) -> None:
    content = served(video)
    fault = Fault.status(200, content, headers={"Content-Type": "text/plain"})
    simulator.fail("fal", "download", fault)
    video.save(tmp_path / "a")
    assert (tmp_path / "a.mp4").read_bytes() == content


# -------------------------------------------------------------------------------------- expired
RESIGNED = [("runway", "gen4.5"), ("luma", "ray-2"), ("luma", "ray-3.2"), ("replicate", "a/b")]


@pytest.mark.parametrize(("provider", "model"), RESIGNED)
def test_an_expired_url_is_asked_for_again(
    tmp_path: Path,
    simulator: Simulator,
    video_config: Callable[..., VideoGenerationConfig],
    provider: str,
    model: str,
) -> None:
    simulator.sign_urls(provider)
    config = video_config(provider=provider, model=model)
    response = generate_video(config, VideoGenerationRequest(prompt="A lighthouse"))
    simulator.expire_urls(provider)
    polls = simulator.counters(provider).polls
    response.save(tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"
    assert simulator.counters(provider).polls == polls + 1
    assert simulator.counters(provider).accepted == 1

    # In another process there is no key, until somebody gives one.
    stored = VideoGenerationResponse.model_validate_json(response.model_dump_json())
    simulator.expire_urls(provider)
    with pytest.raises(SaveError, match="pass config=, with the key for"):
        stored.save(tmp_path / "b.mp4")

    stored.save(tmp_path / "b.mp4", config=config)
    assert files(tmp_path) == ["a.mp4", "b.mp4"]


def test_an_expired_url_in_the_middle_is_taken_up_where_it_broke_off(
    tmp_path: Path, simulator: Simulator, video_config: Callable[..., VideoGenerationConfig]
) -> None:
    simulator.sign_urls("runway")
    config = video_config(provider="runway", model="gen4.5")
    response = generate_video(config, VideoGenerationRequest(prompt="A lighthouse"))
    simulator.fail("runway", "download", Fault.cut(9000))
    simulator.fail("runway", "download", Fault.status(403))
    response.save(tmp_path / "a.mp4")
    assert simulator.requests("media")[-1].headers["range"] == "bytes=9000-"
    assert (tmp_path / "a.mp4").read_bytes() == samples.pick_video().read()


def test_an_expired_url_without_another_says_when_it_expired(
    tmp_path: Path, simulator: Simulator, video: VideoGenerationResponse
) -> None:
    expired = {"provider_metadata": {"expires_at": "2026-01-01T00:00:00Z"}}
    simulator.fail("fal", "download", Fault.status(410), times=None)
    with pytest.raises(SaveError) as caught:
        video.model_copy(update=expired).save(tmp_path / "a.mp4")

    said = "HTTP 410 (it was to work until 2026-01-01T00:00:00Z), and the provider has no other"
    assert said in str(caught.value)

    with pytest.raises(SaveError, match="no job is known that could give out another"):
        video.model_copy(update={**expired, "operation": None}).save(tmp_path / "a.mp4")


def test_a_key_is_not_given_to_a_provider_that_it_does_not_belong_to(
    tmp_path: Path,
    simulator: Simulator,
    video: VideoGenerationResponse,
    video_config: Callable[..., VideoGenerationConfig],
) -> None:
    foreign = {**(video.operation or {}), "urls": {"status": simulator.foreign_url}}
    simulator.fail("fal", "download", Fault.status(403), times=None)
    with pytest.raises(SaveError, match="pass config=, with the key for fal"):
        video.save(tmp_path / "a.mp4", config=video_config(provider="runway", model="x"))

    with pytest.raises(SaveError, match=r"leads to .*, which is neither"):
        video.model_copy(update={"operation": foreign}).save(tmp_path / "a.mp4")

    assert simulator.requests("foreign") == []


# ----------------------------------------------------------------------------------- where it goes
@pytest.mark.parametrize("allowed", [True, False])
def test_a_redirect_to_a_private_address(
    tmp_path: Path,
    simulator: Simulator,
    video: VideoGenerationResponse,
    video_config: Callable[..., VideoGenerationConfig],
    allowed: bool,
) -> None:
    # The host that the user configured may be reached; what it leads to is another matter.
    elsewhere = simulator.media_url.replace("127.0.0.1", "localhost") + "/fal/"
    path = str(video.video).removeprefix(f"{simulator.media_url}/fal/")
    config = video_config(allow_private_urls=allowed, base_url=simulator.media_url)
    keep_config(video, config)
    simulator.fail("fal", "download", Fault.status(302, headers={"Location": elsewhere + path}))
    if allowed:
        video.save(tmp_path / "a.mp4")
        assert (tmp_path / "a.mp4").read_bytes() == served(video)
        return

    with pytest.raises(SaveError, match="leads to localhost, a private address"):
        video.save(tmp_path / "a.mp4")

    assert simulator.counters("fal").downloads == 1
    assert files(tmp_path) == []


# ------------------------------------------------------------------------------------- disk full
LIMITED = """
import resource, sys
from tarash.tarash_gateway import SaveError, VideoGenerationResponse
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
response = VideoGenerationResponse(
    request_id="r", status="completed", raw_response=None, video=sys.argv[1]
)
try:
    response.save(sys.argv[2])
except SaveError as error:
    print(error)

resource.setrlimit(resource.RLIMIT_FSIZE, before)  # whoever measures writes at the end
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
@pytest.mark.parametrize("form", ["url", "file"])
def test_a_disk_that_is_full_in_the_middle(
    tmp_path: Path, video: VideoGenerationResponse, form: str
) -> None:
    source = str(video.video if form == "url" else samples.pick_video().path)
    ran = subprocess.run(
        # Without bytecode: Python cuts off what is too long, and everybody else reads it.
        [sys.executable, "-B", "-W", "error", "-c", LIMITED, source, str(tmp_path / "a.mp4")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "can't be written (File too large): make room, or save elsewhere" in ran.stdout
    assert ran.stderr == ""
    assert files(tmp_path) == []
