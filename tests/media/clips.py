"""Media of odd shapes, made with PyAV, and what FFmpeg's libraries say of them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import av
import av.codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a clip is made."""

    container: str = "mp4"
    codec: str | None = "libx264"
    width: int = 64
    height: int = 48
    frames: int = 12
    rate: Fraction = Fraction(24)
    audio: str | None = None
    audio_seconds: float = 0.5
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    skipped: tuple[int, ...] = ()
    """Frames that are left out, so that the rate varies."""

    def __str__(self) -> str:
        sound = f"+{self.audio}" if self.audio else ""
        marks = "".join(f"-{name}" for name in self.options) + ("-vfr" if self.skipped else "")
        rate = f"{float(self.rate):g}"
        size = f"{self.width}x{self.height}"
        return f"{self.container}-{self.codec}{sound}-{size}-{self.frames}@{rate}{marks}"


def render(shape: Shape) -> bytes:
    """Return a clip of this shape."""
    target = io.BytesIO()
    quiet = {"movflags": shape.options["movflags"]} if "movflags" in shape.options else {}
    with av.open(target, "w", format=_format(shape.container), options=quiet) as output:
        streams = []
        if shape.codec:
            video = cast("Any", output.add_stream(shape.codec, rate=shape.rate))
            video.width, video.height, video.pix_fmt = shape.width, shape.height, shape.pixels
            if shape.codec == "libsvtav1":
                video.options = {"preset": "12", "svtav1-params": "lp=1"}
            elif shape.codec.startswith("libvpx"):
                video.options = {"deadline": "realtime", "cpu-used": "8"}
            elif shape.codec == "libx265":
                video.options = {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"}

            streams.append(video)
        if shape.audio:
            sound = cast("Any", output.add_stream(shape.audio, rate=48000))
            sound.layout = "mono"
            streams.append(sound)

        if shape.codec:
            _pictures(output, streams[0], shape)
        if shape.audio:
            _silence(output, streams[-1], shape.audio_seconds)

    return target.getvalue()


def _format(container: str) -> str:
    return {"mkv": "matroska", "png": "image2pipe", "jpeg": "image2pipe"}.get(container, container)


def _pictures(output: Any, stream: Any, shape: Shape) -> None:
    for number in range(shape.frames):
        if number in shape.skipped:
            continue

        frame = av.VideoFrame(shape.width, shape.height, shape.pixels)
        for plane in frame.planes:
            plane.update(bytes([(number * 16) % 256]) * plane.buffer_size)
        frame.pts = number
        frame.time_base = 1 / shape.rate
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def _silence(output: Any, stream: Any, seconds: float) -> None:
    size = stream.codec_context.frame_size or 1024
    kind = stream.codec_context.format.name
    for start in range(0, int(seconds * 48000), size):
        frame = av.AudioFrame(kind, "mono", size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.rate, frame.time_base = start, 48000, Fraction(1, 48000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


@dataclass(frozen=True, slots=True)
class Seen:
    """What FFmpeg's libraries say of a file."""

    width: int | None
    height: int | None
    duration: float | None
    fps: float | None
    has_audio: bool
    codec: str | None
    audio_codec: str | None


def seen_by_ffmpeg(content: bytes) -> Seen:
    """Return what ffprobe would print."""
    with av.open(io.BytesIO(content), "r") as source:
        video = next(iter(source.streams.video), None)
        audio = next(iter(source.streams.audio), None)
        # Reading all packets makes up for headers that don't say how long it is.
        duration = source.duration / av.time_base if source.duration else None
        rate = video.average_rate if video is not None else None
        return Seen(
            width=video.width if video is not None else None,
            height=video.height if video is not None else None,
            duration=duration,
            fps=float(rate) if rate else None,
            has_audio=audio is not None,
            codec=video.codec_context.codec.canonical_name if video is not None else None,
            audio_codec=audio.codec_context.codec.canonical_name if audio is not None else None,
        )
