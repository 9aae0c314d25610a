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
GREYS = ("1", "L", "LA")
SPACES = {
    b"RGB ": ("RGB", "RGBA", "P", "PA"), b"GRAY": GREYS, b"CMYK": ("CMYK",), b"Lab ": ("LAB",),
}  # fmt: skip
"""Of a profile's colour space, as it writes it: the modes of the pixels that it can be about."""
SAME_COLOURS = frozenset({"RGBX", "RGBa", "HSV", "YCbCr"})
"""Other ways to write the colours of an RGB profile."""
FULL_8, FULL_16 = 255, 65535


def plain(image: Any) -> Any:
    """Return the image in a mode of `PLAIN_MODES`; itself if it has one.

    Raises:
        ValueError: Its pixels can't be shown, or not be converted.
    """
    if image.mode in PLAIN_MODES:
        return image

    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bits(image)

    if image.mode == "La":
        return image.convert("LA")

    with_alpha = "a" in image.mode.lower().replace("lab", "")
    return in_srgb(image, "RGBA" if with_alpha else "RGB")


def suited(image: Any) -> Any:
    """Return the image with a colour profile that is about its pixels, or with none.

    Pillow keeps the profile of what it has converted: that of a colour photo stays with its shades
    of grey, and that of a print with its screen colours. No reader can make sense of such a file.
    """
    profile = image.info.get("icc_profile")
    space = profile[16:20] if profile else b""
    if not space or image.mode in SPACES.get(space, ()):
        return image

    grey, alpha = image.mode in GREYS, image.mode in ("LA", "RGBA", "PA")
    if space == b"RGB " and grey:
        image = image.convert("RGBA" if alpha else "RGB")
        image.info["icc_profile"] = profile
    elif space == b"GRAY" and not grey and _is_grey(image):
        image = image.convert("LA" if alpha else "L")
        image.info["icc_profile"] = profile
    else:
        image = image.copy()
        image.info.pop("icc_profile")

    return image


def _is_grey(image: Any) -> bool:
    bands = image.convert("RGB").split()
    return all(bands[0].tobytes() == band.tobytes() for band in bands[1:])


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
    is_rgb = image.mode in SAME_COLOURS and bool(profile) and profile[16:20] == b"RGB "
    kept = {name: value for name, value in image.info.items() if is_rgb or name != "icc_profile"}
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
