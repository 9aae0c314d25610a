"""The bytes of simulated videos and images: the mock's own, so that they play.

The one place where the simulator's media come from; nothing here knows a provider.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tarash.tarash_gateway.media import samples

VIDEO_CONTENT_TYPE = "video/mp4"
IMAGE_CONTENT_TYPE = "image/png"


_SECONDS = ("duration", "durationSeconds", "duration_seconds", "seconds")


def video_for(asked: Mapping[str, Any]) -> bytes:
    """Return the bundled clip that is nearest to what a body of parameters asks for."""
    ratio = str(asked.get("aspect_ratio", asked.get("aspectRatio", "16:9")))
    lines = str(asked.get("resolution", "720p")).lower()
    told = next((asked[name] for name in _SECONDS if asked.get(name) is not None), "5")
    number = re.match(r"\d+(?:\.\d+)?", str(told))
    sound = asked.get("generate_audio", asked.get("generateAudio")) is True
    try:
        clip = samples.pick_video(ratio, lines, float(number[0]) if number else 5.0)
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
