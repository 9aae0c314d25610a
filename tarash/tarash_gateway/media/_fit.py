"""Makes an image fit what a provider takes: another type, fewer bytes, fewer or more pixels.

Only where the config says so. Pillow does the work, and is imported with the first image. Blocks:
for worker threads.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .._data._pixels import plain
from .._http._sniff import MOST_PIXELS
from .._support._extras import how_to_install
from ..exceptions import ValidationError
from ._limits import fitting_size

if TYPE_CHECKING:
    from .._data._exchange import MediaConstraints
    from .._data._types import MediaContent

EXTRA = "images"
WRITTEN = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
QUALITIES = (95, 88, 80, 70)
"""Tried in this order where there are too many bytes; below the last, fewer pixels look better."""
SMALLEST_SIDE = 32
"""Pixels; an image that has to be smaller than that is of no use."""
LEAST_STEP = 0.9
MARGIN = 0.95
"""Of the size that should do, since bytes do not shrink quite as pixels do."""

Size = tuple[int, int]


def fit_image(
    media: MediaContent,
    where: str,
    limits: MediaConstraints,
    most: int | None,
    exactly: Size | None = None,
) -> MediaContent:
    """Return an image that is within the limits.

    It keeps its proportions; it is turned as its metadata say, which are left out then. What moves
    becomes its first picture.

    Args:
        media: The image.
        where: What to call it in an error.
        limits: What the provider takes.
        most: Bytes; None for any number.
        exactly: The size that it has to have, for a mask.

    Raises:
        ValidationError: Pillow is missing, can't read it, or it can't be made small enough.
    """
    with _opened(media, where) as picture:
        kinds = _kinds(media["content_type"], limits, has_alpha="A" in picture.mode)
        if exactly is not None:
            kinds = ["image/png"]  # without a loss

        size = exactly or fitting_size(picture.size, limits)
        while kinds and min(size) >= min(SMALLEST_SIDE, *picture.size):
            scaled = picture if size == picture.size else _scaled(picture, size, exactly)
            sizes: list[int] = []
            for kind, quality in _tries(kinds):
                content = _written(scaled, kind, quality)
                if most is None or len(content) <= most:
                    return {"content": content, "content_type": kind}

                sizes.append(len(content))

            if exactly is not None or most is None:
                break

            scale = min(LEAST_STEP, (most / min(sizes)) ** 0.5 * MARGIN)
            size = (int(size[0] * scale), int(size[1] * scale))

    raise ValidationError(f"{where}: it can't be made to fit; give another image")


def _pillow(where: str) -> Any:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ValidationError(
            f"{where}: fit_images=True needs Pillow; {how_to_install(EXTRA)}"
        ) from error

    return Image, ImageOps


@contextmanager
def _opened(media: MediaContent, where: str) -> Iterator[Any]:
    """Yield the picture, upright, as RGB, RGBA, L or LA."""
    image, operations = _pillow(where)
    try:
        with image.open(io.BytesIO(media["content"])) as opened:
            width, height = opened.size
            if width * height > MOST_PIXELS:
                raise ValidationError(
                    f"{where}: it has {width}x{height} pixels, and more than {MOST_PIXELS} are "
                    "not decoded; give a smaller one"
                )

            yield _plain(operations.exif_transpose(opened))
    except (image.DecompressionBombError, image.DecompressionBombWarning) as error:
        raise ValidationError(f"{where}: it is too large to be decoded ({error})") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise

        raise ValidationError(
            f"{where}: this {media['content_type']} can't be converted ({error}); "
            f"{_plugin(media['content_type'])}give a PNG or a JPEG"
        ) from error


PLUGINS = {
    **dict.fromkeys(
        ("image/heic", "image/heif"),
        "pip install pillow-heif, and call pillow_heif.register_heif_opener()",
    ),
    "image/avif": "install Pillow 11.3 or later, or pip install pillow-avif-plugin, and import "
    "pillow_avif",
}
"""What makes Pillow read a type."""


def _plugin(content_type: str) -> str:
    how = PLUGINS.get(content_type)
    return f"{how}, so that Pillow reads it, or " if how else ""


def _plain(picture: Any) -> Any:
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode in ("1", "P"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")

    picture = plain(picture)
    profile = picture.info.get("icc_profile")
    picture.info = {} if profile is None else {"icc_profile": profile}
    return picture


def _kinds(content_type: str, limits: MediaConstraints, *, has_alpha: bool) -> list[str]:
    """Return the types to try, best first: the image's own, and no loss where there was none."""
    lossy = content_type in ("image/jpeg", "image/webp") and not has_alpha
    usual = ("image/jpeg", "image/webp", "image/png")
    order = usual if lossy else ("image/png", "image/webp", "image/jpeg")
    taken = [kind for kind in order if not limits.types or kind in limits.types]
    if has_alpha and taken != ["image/jpeg"]:
        taken = [kind for kind in taken if kind != "image/jpeg"]

    return sorted(taken, key=lambda kind: kind != content_type)


def _tries(kinds: list[str]) -> Iterator[tuple[str, int]]:
    for kind in kinds:
        for quality in QUALITIES if kind != "image/png" else QUALITIES[:1]:
            yield kind, quality


def _scaled(picture: Any, size: Size, exactly: Size | None) -> Any:
    from PIL.Image import Resampling

    # Between the black and the white of a mask there is nothing.
    resampling = Resampling.LANCZOS if exactly is None else Resampling.NEAREST
    scaled = picture.resize(size, resampling)
    scaled.info = picture.info
    return scaled


def _written(picture: Any, kind: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    options = dict(picture.info)
    if kind == "image/jpeg" and "A" in picture.mode:
        picture = _on_white(picture)

    if kind != "image/png":
        options["quality"] = quality

    picture.save(buffer, format=WRITTEN[kind], **options)
    return buffer.getvalue()


def _on_white(picture: Any) -> Any:
    from PIL import Image

    whole = picture.convert("RGBA")
    ground = Image.new("RGB", whole.size, "white")
    ground.paste(whole, mask=whole.getchannel("A"))
    return ground
