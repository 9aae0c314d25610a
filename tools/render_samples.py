"""Renders the clips that the mock hands out, and the manifest that describes them.

Run it from the repository's root, with the development dependencies installed:

    python tools/render_samples.py

The same versions of PyAV and Pillow render the same bytes. Clips have no sound track. Nothing but
this script writes into the folder of the samples.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parents[1] / "tarash" / "tarash_gateway" / "media" / "_samples"
RATIOS = ("16:9", "9:16", "1:1", "4:3", "21:9")
# 1080p only where it is usually asked for: all clips together stay small.
SHORT_SIDES = {720: RATIOS, 1080: ("16:9", "9:16")}
# Exact for Veo's longest and both of Kling's durations; never more than a second from 4 and 6.
SECONDS = (5, 8, 10)
FRAMES_PER_SECOND = 24
SMOOTHING = 4

Colour = tuple[int, int, int]
# Two ends of the background, and the disc; one palette a ratio.
PALETTES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((24, 32, 84), (214, 92, 104), (255, 224, 138)),
    ((12, 70, 86), (236, 142, 84), (255, 244, 214)),
    ((66, 34, 102), (84, 168, 196), (255, 206, 220)),
    ((16, 78, 62), (188, 206, 96), (255, 250, 226)),
    ((38, 24, 66), (230, 120, 66), (176, 232, 236)),
)
# Constant quality, one thread and no B-frames: the same bytes on every machine, and tracks that
# start at zero and last exactly as long as their frames. Few references, for hardware decoders.
X264 = {
    "preset": "veryslow",
    "tune": "animation",
    "crf": "30",
    "x264-params": "bframes=0:ref=4:keyint=infinite:scenecut=0:threads=1",
}


@dataclass(frozen=True)
class Clip:
    """What to render."""

    ratio: str
    short_side: int
    seconds: int

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.ratio.replace(':', 'x')}_{self.short_side}p_{self.seconds}s.mp4"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = (int(part) for part in self.ratio.split(":"))
        scale = Fraction(self.short_side, min(width, height))
        return round(width * scale), round(height * scale)

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.seconds * FRAMES_PER_SECOND

    @property
    def palette(self) -> tuple[Colour, Colour, Colour]:
        """Its colours."""
        return PALETTES[RATIOS.index(self.ratio) % len(PALETTES)]


CLIPS = [
    Clip(ratio, short_side, seconds)
    for short_side, ratios in SHORT_SIDES.items()
    for ratio in ratios
    for seconds in SECONDS
]


def background(clip: Clip) -> Image.Image:
    """Return what stands still: a gradient from top to bottom, and a line that tells what it is."""
    width, height = clip.size
    top, bottom, disc = clip.palette
    slope = Image.linear_gradient("L").resize((width, height))
    picture = Image.composite(
        Image.new("RGB", clip.size, bottom), Image.new("RGB", clip.size, top), slope
    )
    font = ImageFont.load_default(clip.short_side // 20)
    label = f"mock   {clip.ratio}   {clip.short_side}p   {clip.seconds} s"
    draw = ImageDraw.Draw(picture)
    draw.text((width / 2, height * 0.88), label, fill=disc, font=font, anchor="mm")
    return picture


def disc_mask(diameter: int) -> Image.Image:
    """Return a disc with smooth edges."""
    large = Image.new("L", (diameter * SMOOTHING, diameter * SMOOTHING), 0)
    ImageDraw.Draw(large).ellipse((0, 0, *large.size), fill=255)
    return large.resize((diameter, diameter), Image.Resampling.LANCZOS)


def pictures(clip: Clip) -> Iterator[Image.Image]:
    """Yield each frame: a disc that wanders around the middle, and a bar that fills up."""
    width, height = clip.size
    scene = background(clip)
    *_, colour = clip.palette
    mask = disc_mask(clip.short_side // 5)
    bar_height = max(4, clip.short_side // 90)
    for index in range(clip.frames):
        turn = 2 * math.pi * index / clip.frames
        x = width / 2 + 0.32 * width * math.sin(turn)
        y = height * 0.45 + 0.22 * height * math.sin(2 * turn)
        frame = scene.copy()
        frame.paste(colour, (round(x - mask.width / 2), round(y - mask.height / 2)), mask)
        done = round(width * (index + 1) / clip.frames)
        ImageDraw.Draw(frame).rectangle((0, height - bar_height, done - 1, height), fill=colour)
        yield frame


def render(clip: Clip, folder: Path) -> None:
    """Write one clip: H.264, 4:2:0, index in front, so that browsers start at once."""
    to_frame: Callable[[Image.Image], av.VideoFrame] = av.VideoFrame.from_image
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(folder / clip.name, "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=X264)
        stream.width, stream.height = clip.size
        stream.pix_fmt = "yuv420p"
        for picture in pictures(clip):
            container.mux(stream.encode(to_frame(picture)))

        container.mux(stream.encode())


def describe(clip: Clip) -> dict[str, Any]:
    """Return the clip's entry in the manifest."""
    width, height = clip.size
    return {
        "name": clip.name,
        "aspect_ratio": clip.ratio,
        "width": width,
        "height": height,
        "duration": float(clip.seconds),
        "fps": FRAMES_PER_SECOND,
        "frames": clip.frames,
        "has_audio": False,
    }


def main() -> None:
    """Render all clips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.mp4"):
        stale.unlink()

    for clip in CLIPS:
        render(clip, folder)

    manifest = json.dumps([describe(clip) for clip in CLIPS], indent=2)
    (folder / "manifest.json").write_text(manifest + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
