"""The bytes of simulated videos and images: the mock's own, so that they play.

The one place where the simulator's media come from; nothing here knows a provider.
"""

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tarash.tarash_gateway import catalog
from tarash.tarash_gateway.catalog import prices
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing._script import Script

VIDEO_CONTENT_TYPE = "video/mp4"
IMAGE_CONTENT_TYPE = "image/png"
SECONDS = 5.0

_SECONDS = ("duration", "durationSeconds", "duration_seconds", "seconds")


def count_of(script: Script, wanted: int) -> int:
    """Return how many images a result holds that should hold so many."""
    if script.outcome == "no_media":
        return 0

    return wanted if script.outputs is None else script.outputs


def size_in(
    written: Any, usual: tuple[int, int] = (1024, 1024), mark: str = "x"
) -> tuple[int, int]:
    """Return width and height out of text such as `1280x720`; the usual ones of any other."""
    width, _, height = str(written).partition(mark)
    return (int(width), int(height)) if width.isdigit() and height.isdigit() else usual


def base64_of(content: bytes) -> str:
    """Return bytes as JSON has them."""
    return base64.b64encode(content).decode()


def made_by(provider: str, model: str) -> tuple[str, ...]:
    """Return what a model makes by the catalogue; empty where it doesn't have the model."""
    return catalog.outputs_of(provider, model)


def usual_seconds(provider: str, model: str, sent: Mapping[str, Any] | None = None) -> float:
    """Return how long a model's video is where nobody says it, by the catalogue; else 5."""
    if not model:
        return SECONDS

    spec = catalog.lookup(provider, model, "video")
    return prices.usual_seconds(spec, sent or {}) or SECONDS


def video_for(asked: Mapping[str, Any], provider: str = "", model: str = "") -> bytes:
    """Return the bundled clip that is nearest to what a body of parameters asks for.

    Args:
        asked: The parameters.
        provider: Whose model it is.
        model: Its id: it says how long the video is where the parameters don't.
    """
    ratio = str(asked.get("aspect_ratio", asked.get("aspectRatio", "16:9")))
    lines = str(asked.get("resolution", "720p")).lower()
    wanted = next((asked[name] for name in _SECONDS if asked.get(name) is not None), None)
    number = re.match(r"\d+(?:\.\d+)?", str(wanted))
    seconds = float(number[0]) if number else usual_seconds(provider, model, asked)
    sound = asked.get("generate_audio", asked.get("generateAudio")) is True
    try:
        clip = samples.pick_video(ratio, lines, seconds)
    except ValueError:  # words of the provider's own
        clip = samples.pick_video()

    return clip.read(sound=sound)


@lru_cache(maxsize=64)
def video_bytes(width: int = 1280, height: int = 720, seconds: float = 5.0) -> bytes:
    """Return the bundled clip that is nearest to a size and duration.

    Args:
        width: Pixels.
        height: Pixels.
        seconds: Duration.
    """
    return samples.pick_video(f"{width}:{height}", f"{min(width, height)}p", seconds).read()


@lru_cache(maxsize=64)
def image_bytes(width: int = 1024, height: int = 1024) -> bytes:
    """Return a PNG of this size, in pixels."""
    return samples.make_png(width, height, seed=0)
