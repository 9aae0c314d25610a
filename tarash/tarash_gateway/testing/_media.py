"""The bytes of simulated videos and images: the mock's own, so that they play.

The one place where the simulator's media come from; nothing here knows a provider.
"""

from functools import lru_cache

from tarash.tarash_gateway.media import samples

VIDEO_CONTENT_TYPE = "video/mp4"
IMAGE_CONTENT_TYPE = "image/png"


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
