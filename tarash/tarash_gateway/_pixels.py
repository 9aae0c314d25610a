"""Makes pixels of a Pillow image such that every reader sees the same picture. Imports no Pillow.

Deep pixels are scaled to eight bits, and colours that only a profile explains become sRGB where the
pixels have to change anyway.
"""

from __future__ import annotations

import io
import math
from typing import Any

PLAIN_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""What a PNG holds as it is, and every reader knows."""
FULL_8, FULL_16 = 255, 65535
ORIENTATION = 0x0112


def plain(image: Any) -> Any:
    """Return the image in a mode of `PLAIN_MODES`; itself if it has one.

    Raises:
        ValueError: Its pixels can't be shown, or not be converted.
    """
    if image.mode in PLAIN_MODES:
        return image

    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bits(image)

    with_alpha = "a" in image.mode.lower().replace("lab", "")
    return in_srgb(image, "RGBA" if with_alpha else "RGB")


def _eight_bits(image: Any) -> Any:
    """Scale deep grey: what Pillow's own conversion does is to cut off all above 255."""
    deep = image if image.mode == "F" else image.convert("I")
    low, high = deep.getextrema()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("some of its pixels are not numbers, or infinite; replace them")

    base, full = _range(image.mode, low, high)
    scale = FULL_8 / full
    # Half a step, since what follows cuts decimals off.
    scaled = deep.convert("F").point(lambda value: value * scale + (0.5 - base * scale))
    grey = scaled.convert("L")
    grey.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return grey


def _range(mode: str, low: float, high: float) -> tuple[float, float]:
    """Return which value is black, and how far above it white is."""
    if mode.startswith("I;16"):
        return 0, FULL_16

    if low >= 0 and high <= 1 and mode == "F":
        return 0, 1

    for full in (FULL_8, FULL_16):
        if low >= 0 and high <= full:
            return 0, full

    return low, high - low


def in_srgb(image: Any, mode: str) -> Any:
    """Return the image in another mode; colours are those that its profile says.

    Args:
        image: A Pillow image.
        mode: `RGB` or `RGBA`.

    Raises:
        ValueError: Pillow has no such conversion.
    """
    profile = image.info.get("icc_profile")
    kept = {name: value for name, value in image.info.items() if name != "icc_profile"}
    converted = None
    if image.mode == "LAB" or (profile and image.mode == "CMYK"):
        converted = _by_profile(image, profile)

    if converted is None:
        converted = image.convert(mode)
    elif mode == "RGBA":
        converted = converted.convert(mode)

    converted.info = kept
    return converted


def _by_profile(image: Any, profile: bytes | None) -> Any:
    """Convert by colour management; None where the profile is none for these pixels."""
    try:
        from PIL import ImageCms
    except ImportError:  # a Pillow that was built without it
        return None

    try:
        source = (
            ImageCms.createProfile("LAB")
            if image.mode == "LAB"
            else ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        )
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def upright_tag(image: Any) -> bytes | None:
    """Return the EXIF that still speaks of these pixels; None where it may not.

    An image that was made out of an opened one keeps its metadata, though it may have been turned
    since; Pillow's own files leave them out then.
    """
    exif = (getattr(image, "info", None) or {}).get("exif")
    return exif if exif and image.format else None
