"""What a probe says of files, bytes and URLs, against what FFmpeg's libraries and Pillow say."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tarash.tarash_gateway import (
    MediaInfo,
    ProbeError,
    ValidationError,
    VideoGenerationResponse,
    probe,
    probe_async,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.media._local_media import LocalMedia
from tarash.tarash_gateway.media._probe import probe_here
from tarash.tarash_gateway.media._probing import Unknown
from tarash.tarash_gateway.testing import Fault, Simulator
from tests.media.clips import Shape, render, seen_by_ffmpeg

SVT: dict[str, Any] = {"width": 128, "height": 96, "codec": "libsvtav1"}
SHAPES = [
    Shape(),
    Shape(width=2, height=2),
    Shape(width=854, height=480, frames=2),
    Shape(width=480, height=854, frames=3),
    Shape(width=322, height=18),
    Shape(rate=Fraction(30000, 1001), frames=30),
    Shape(rate=Fraction(1), frames=3),
    Shape(rate=Fraction(120), frames=24),
    Shape(frames=1),
    Shape(skipped=(3, 4, 7)),
    Shape(audio="aac"),
    Shape(audio="aac", audio_seconds=2),
    Shape(audio="libopus"),
    Shape(audio="libmp3lame"),
    Shape(codec=None, audio="aac"),
    Shape(codec="libx265"),
    Shape(codec="mpeg4"),
    Shape(codec="libvpx-vp9"),
    Shape(codec="mjpeg", pixels="yuvj420p"),
    Shape(**SVT),
    Shape(audio="aac", frames=48, options={"movflags": "frag_keyframe+empty_moov"}),
    Shape(options={"movflags": "frag_every_frame+empty_moov"}),
    Shape(options={"movflags": "cmaf"}),
    Shape(options={"movflags": "frag_keyframe+default_base_moof"}),
    Shape(container="mov"),
    Shape(container="mov", audio="pcm_s16le"),
    Shape(container="mov", codec="prores_ks", pixels="yuv422p10le"),
    Shape(container="3gp", codec="mpeg4"),
    Shape(container="webm", codec="libvpx-vp9"),
    Shape(container="webm", codec="libvpx", audio="libopus"),
    Shape(container="webm", codec="libvpx", rate=Fraction(30000, 1001)),
    Shape(container="webm", codec="libvpx", skipped=(2, 3)),
    Shape(container="webm", audio="libopus", **SVT),
    Shape(container="mkv"),
    Shape(container="mkv", codec="libx265", audio="flac"),
    Shape(container="mkv", codec=None, audio="aac"),
    Shape(container="gif", codec="gif", pixels="rgb8", rate=Fraction(10), frames=5),
]
# FFmpeg counts the pictures' delay before the first one into the length of a fragmented file.
DELAY = 0.1


def look(content: bytes) -> MediaInfo:
    return probe_here(LocalMedia(content))


def agree(info: MediaInfo, content: bytes, tolerance: float = 0.05) -> None:
    seen = seen_by_ffmpeg(content)
    assert (info.width, info.height) == (seen.width, seen.height)
    assert info.has_audio == seen.has_audio
    assert info.codec == seen.codec
    assert (info.audio_codec or "") == (seen.audio_codec or "").removesuffix("_s16le")
    assert info.duration == pytest.approx(seen.duration, abs=tolerance)
    assert info.fps == (None if seen.fps is None else pytest.approx(seen.fps, rel=0.01))
    assert info.size == len(content)
    assert not info.truncated


@pytest.mark.parametrize("sample", samples.videos(), ids=lambda sample: sample.name)
def test_it_agrees_with_ffmpeg_on_every_bundled_clip(sample: samples.Sample) -> None:
    info = probe(sample.path)
    agree(info, sample.read(), tolerance=0.001)
    assert (info.container, info.content_type) == ("mp4", "video/mp4")
    assert info.duration == sample.duration
    assert info.fps == sample.fps


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_agrees_with_ffmpeg_on_odd_shapes(shape: Shape) -> None:
    content = render(shape)
    info = look(content)
    agree(info, content, DELAY if "movflags" in shape.options else 0.05)
    assert info.container == {"3gp": "mp4"}.get(shape.container, shape.container)


def picture(form: str, **options: Any) -> bytes:
    target = io.BytesIO()
    first, *others = (Image.new("RGB", (33, 21), (90 * number, 0, 0)) for number in range(3))
    moving = {"save_all": True, "append_images": others, "duration": 200} if options else {}
    first.save(target, form, **moving)
    return target.getvalue()


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "gif", "avif"])
def test_it_agrees_with_pillow_on_images(form: str) -> None:
    info = look(picture(form))
    assert (info.container, info.content_type) == (form, f"image/{form}")
    assert (info.width, info.height) == (33, 21)
    assert (info.duration, info.fps, info.has_audio) == (None, None, False)
    assert not info.truncated


@pytest.mark.parametrize("form", ["webp", "gif"])
def test_what_moves_has_a_duration(form: str) -> None:
    info = look(picture(form, moving=True))
    assert info.duration == pytest.approx(0.6)
    assert info.fps == pytest.approx(5)


def test_a_turned_video_has_the_size_that_is_shown() -> None:
    content = bytearray(render(Shape(width=64, height=48)))
    matrix = content.index(b"tkhd") + 4 + 40
    content[matrix : matrix + 36] = bytes.fromhex(
        "00000000 00010000 00000000 ffff0000 00000000 00000000 00000000 00000000 40000000"
    )
    info = look(bytes(content))
    assert (info.width, info.height) == (48, 64)


# ---------------------------------------------------------------------------------- broken files
SMALL = [
    render(Shape(frames=4, audio="aac", audio_seconds=0.1)),
    render(Shape(frames=4, options={"movflags": "frag_every_frame+empty_moov"})),
    render(Shape(container="webm", codec="libvpx", frames=4)),
    *(picture(form) for form in ("png", "jpeg", "avif")),
    *(picture(form, moving=True) for form in ("webp", "gif")),
]
BOUNDED = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


def look_or_fail(content: bytes) -> MediaInfo | None:
    """Look at what may be broken: an answer, or the one error that says that there is none."""
    try:
        return look(content)
    except Unknown:
        return None


@BOUNDED
@given(content=st.sampled_from(SMALL), share=st.floats(0, 1))
def test_a_truncated_file_gives_a_partial_answer_or_an_error(content: bytes, share: float) -> None:
    look_or_fail(content[: int(len(content) * share)])


@BOUNDED
@given(
    content=st.sampled_from(SMALL),
    places=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=8)), max_size=9),
)
def test_a_fuzzed_file_gives_an_answer_or_an_error(
    content: bytes, places: list[tuple[float, bytes]]
) -> None:
    fuzzed = bytearray(content)
    for share, replacement in places:
        at = int(len(fuzzed) * share)
        fuzzed[at : at + len(replacement)] = replacement

    look_or_fail(bytes(fuzzed))


@BOUNDED
@given(head=st.sampled_from([content[:32] for content in SMALL]), rest=st.binary(max_size=2000))
def test_a_good_beginning_with_noise_behind_it_ends_too(head: bytes, rest: bytes) -> None:
    look_or_fail(head + rest)


@pytest.mark.parametrize("content", SMALL[:6], ids=["mp4", "moof", "webm", "png", "jpeg", "avif"])
def test_half_a_file_is_never_taken_for_a_whole(content: bytes) -> None:
    info = look_or_fail(content[: len(content) * 2 // 3])
    # A JPEG says how large it is at its beginning, and nothing of its end.
    assert info is None or info.truncated or info.container == "jpeg"


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\x08free" * 300_000 + b"\0\0\0\x08moov",
        samples.videos()[0].read()[:32] + b"\0\0\0\x08free" * 300_000,
        b"GIF89a\x01\0\x01\0\0\0\0" + b"\x21\xfe\x01\0\0" * 300_000,
        b"\xff\xd8" + b"\xff\xe0\0\x02" * 300_000,
        bytes.fromhex("1a45dfa38442827765") + b"\xec\x80" * 300_000,
    ],
    ids=["boxes", "mp4", "gif", "jpeg", "webm"],
)
def test_a_million_little_parts_are_not_all_looked_at(content: bytes) -> None:
    """The bound is a number of steps: without it these would be walked to their ends."""
    reads = []

    class Counted(bytes):
        def __getitem__(self, key: Any) -> Any:
            reads.append(key)
            return super().__getitem__(key)

    look_or_fail(Counted(content))
    assert len(reads) < 20


# --------------------------------------------------------------------------------------- sources
def forms(path: Path) -> list[Any]:
    content = path.read_bytes()
    encoded = base64.b64encode(content).decode()
    return [
        path,
        str(path),
        path.as_uri(),
        content,
        bytearray(content),
        {"content": content, "content_type": "video/mp4"},
        encoded,
        base64.encodebytes(content).decode(),
        base64.urlsafe_b64encode(content).decode().rstrip("="),
        f"data:video/mp4;base64,{encoded}",
    ]


async def test_every_form_of_a_source_says_the_same() -> None:
    sample = samples.videos()[0]
    expected = look(sample.read())
    for source in forms(sample.path):
        assert await probe_async(source) == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere.mp4", "neither a URL, a data URI, base64 nor a file"),
        (Path("nowhere.mp4"), "can't be read: No such file"),
        (b"", "empty"),
        (b"<html>", "no video or image of a known kind"),
        (b"\x89PNG\r\n\x1a\n", "header can't be read"),
        ({"content": b"", "content_type": "video/mp4"}, "it is empty"),
        ("data:video/mp4;base64,====", "base64"),
        ("https://[::1", "which is no http(s) address"),
    ],
)
def test_what_can_not_be_looked_at_is_an_error_that_says_why(source: Any, said: str) -> None:
    with pytest.raises(ProbeError, match=re.escape(said)):
        probe(source)


def test_of_a_url_only_the_headers_are_fetched(
    simulator: Simulator, video: VideoGenerationResponse
) -> None:
    info = video.probe()
    assert (info.width, info.height, info.duration) == (1280, 720, 8.0)
    requests = simulator.requests("media")
    assert len(requests) <= 2
    assert all("range" in request.headers for request in requests)


@pytest.mark.parametrize("fault", [Fault.no_ranges()], ids=["no ranges"])
def test_a_server_without_ranges_is_read_once(
    simulator: Simulator, video: VideoGenerationResponse, fault: Fault
) -> None:
    simulator.fail("fal", "download", fault, times=None)
    assert video.probe().duration == 8.0
    assert simulator.counters("fal").downloads == 1


def test_an_answer_that_is_no_file_is_an_error(
    simulator: Simulator, video: VideoGenerationResponse
) -> None:
    simulator.fail("fal", "download", Fault.status(404))
    with pytest.raises(ProbeError, match="answers HTTP 404"):
        video.probe()

    simulator.fail("fal", "download", Fault.foreign_body())
    with pytest.raises(ProbeError, match="no video or image of a known kind"):
        video.probe()

    with pytest.raises(ValidationError, match="there is no result 2; there are 1 to 1"):
        video.probe(2)


def test_a_probe_may_not_go_where_the_config_does_not_let_it(
    simulator: Simulator,
    video_config: Callable[..., Any],
    video: VideoGenerationResponse,
) -> None:
    from tarash.tarash_gateway._data._made_by import keep_config

    keep_config(video, video_config(allow_private_urls=False, base_url="https://example.com"))
    with pytest.raises(ProbeError, match="a private address, and allow_private_urls is off"):
        video.probe()

    assert simulator.requests("media") == []
