"""The bundled clips are what they claim to be, and the nearest one is picked."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tarash.tarash_gateway.media import samples
from tools import render_samples

WHEEL_LIMIT = 1_500_000


@pytest.mark.parametrize("sample", samples.videos(), ids=lambda sample: str(sample.name))
def test_a_clip_decodes_to_what_the_manifest_claims(sample: samples.Sample) -> None:
    with av.open(sample.path) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.codec.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert len(packets) == sample.frames == sample.duration * sample.fps
        # To decode them all takes a second for each of the larger clips.
        frames = [frame for packet in packets[:30] for frame in stream.decode(packet)]
        assert len(frames) > 20
        assert {(frame.width, frame.height) for frame in frames} == {(sample.width, sample.height)}
        assert stream.average_rate == sample.fps
        assert container.duration is not None
        assert container.duration / av.time_base == sample.duration
        assert bool(container.streams.audio) is sample.has_audio
        assert bytes(frames[0].planes[0]) != bytes(frames[-1].planes[0])


def test_a_clip_can_be_played_while_it_is_loaded() -> None:
    for sample in samples.videos():
        content = sample.read()
        assert content[4:8] == b"ftyp"
        assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_the_clips_are_small() -> None:
    sizes = [path.stat().st_size for path in samples.FOLDER.iterdir()]
    assert sum(sizes) < WHEEL_LIMIT


def test_the_folder_holds_the_clips_of_the_manifest_and_nothing_else() -> None:
    found = {path.name for path in samples.FOLDER.iterdir()}
    assert found == {sample.name for sample in samples.videos()} | {"manifest.json"}


@pytest.mark.parametrize("ratio", ["16:9", "9:16", "1:1", "4:3", "21:9"])
def test_each_ratio_comes_in_three_durations(ratio: str) -> None:
    clips = [sample for sample in samples.videos() if sample.aspect_ratio == ratio]
    assert {sample.duration for sample in clips} == {5, 8, 10}
    for sample in clips:
        assert Fraction(sample.width, sample.height) == samples.parse_ratio(ratio)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ((), "16x9_720p_5s.mp4"),
        (("16:9", None, 8), "16x9_720p_8s.mp4"),
        (("16:9", "1080p", 8), "16x9_1080p_8s.mp4"),
        (("9:16", "4k", 10), "9x16_1080p_10s.mp4"),
        (("9:16", "480p", 60), "9x16_720p_10s.mp4"),
        # Ratio before duration before resolution.
        (("1:1", "1080p", 5), "1x1_720p_5s.mp4"),
        (("4:3", None, 4), "4x3_720p_5s.mp4"),
        (("21:9", None, 6), "21x9_720p_5s.mp4"),
        # As near to one as to the other: the longer one.
        (("16:9", None, 6.5), "16x9_720p_8s.mp4"),
        (("16:9", None, 9), "16x9_720p_10s.mp4"),
        # Ratios that are not there; of two as near, the same orientation.
        (("3:4", None, 5), "9x16_720p_5s.mp4"),
        (("4:5", None, 5), "1x1_720p_5s.mp4"),
        (("3:2", None, 5), "4x3_720p_5s.mp4"),
        (("9:21", None, 5), "9x16_720p_5s.mp4"),
        (("32:9", None, 5), "21x9_720p_5s.mp4"),
        (("1920:1080", None, 5), "16x9_720p_5s.mp4"),
    ],
)
def test_the_nearest_clip_is_picked(
    wanted: tuple[str | None, str | None, float | None], name: str
) -> None:
    picked = samples.pick_video(*wanted)
    assert picked.name == name
    assert picked.resolution in name


@pytest.mark.parametrize("wanted", [("wide",), ("16:0",), ("16:9", "huge"), ("-16:9",)])
def test_what_is_not_understood_is_refused(wanted: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="is written"):
        samples.pick_video(*wanted)


def test_rendering_twice_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = render_samples.Clip("4:3", 120, 1)
    monkeypatch.setattr(render_samples, "CLIPS", [clip])
    for folder in ("one", "two"):
        monkeypatch.setattr(sys, "argv", ["render_samples.py", str(tmp_path / folder)])
        render_samples.main()

    one, two = (tmp_path / folder / clip.name for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == [render_samples.describe(clip)]


def test_the_manifest_is_what_the_script_would_write() -> None:
    manifest = json.loads((samples.FOLDER / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == [render_samples.describe(clip) for clip in render_samples.CLIPS]
