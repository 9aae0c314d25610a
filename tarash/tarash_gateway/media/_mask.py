"""A mask in the convention of the model that reads it; users have one for all.

White changes and black stays; where a mask has transparency, what is transparent changes. A mask
that a model reads so goes out as it is, byte for byte. Blocks: for worker threads.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

from .._data._pixels import plain
from .._http._sniff import MOST_PIXELS, size_of
from .._support._extras import how_to_install
from ..exceptions import ValidationError

if TYPE_CHECKING:
    from .._data._types import MediaContent

MaskForm = Literal["white", "black", "transparent"]
"""What of a mask a model changes."""

COLOUR_TYPE = 25
"""Where a PNG says how its pixels are stored."""
WITH_ALPHA = (4, 6)
OPAQUE = 255
SAME = "the model changes what is {form}, so the mask is converted; it means the same"
BY_URL = (
    "the model changes what is {form}, and a mask that goes by its URL is not converted; give its "
    "bytes where it is made another way"
)


def as_mask(media: MediaContent, where: str, form: MaskForm) -> MediaContent:
    """Return a mask as a model reads it; itself where it is so, or can't be read.

    Args:
        media: The user's mask.
        where: What to call it in an error.
        form: What the model changes.

    Raises:
        ValidationError: It has to be converted, and Pillow is missing.
    """
    try:
        from PIL import Image
    except ImportError as error:
        if is_read_so(has_alpha(media["content"]), form):
            return media

        raise ValidationError(
            f"{where}: this mask has to be converted (the model changes what is {form}), and that "
            f"needs Pillow; {how_to_install('images')}"
        ) from error

    size = size_of(media["content"])
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        return media  # which is refused for its size

    try:
        with Image.open(io.BytesIO(media["content"])) as picture:
            return _converted(picture, media, form)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return media  # nobody but the provider can say what is wrong with it


def has_alpha(content: bytes) -> bool:
    """Tell by the header alone whether an image is a PNG that can be transparent."""
    is_png = content[:4] == b"\x89PNG" and len(content) > COLOUR_TYPE
    return is_png and content[COLOUR_TYPE] in WITH_ALPHA


def is_read_so(alpha: bool, form: MaskForm) -> bool:
    """Tell by what a header says whether a mask is in a convention, most likely."""
    return {"white": not alpha, "black": False, "transparent": alpha}[form]


def _converted(picture: Any, media: MediaContent, form: MaskForm) -> MediaContent:
    from PIL import ImageChops

    alpha = _alpha(picture)
    if form == ("white" if alpha is None else "transparent"):
        return media

    # From here on white is what changes.
    changes = plain(picture).convert("L") if alpha is None else ImageChops.invert(alpha)
    kept = ImageChops.invert(changes)
    if form == "white":
        return _png(changes)

    if form == "black":
        return _png(kept)

    # In colour, white is what changes: servers that take OpenAI's form and drop its transparency
    # change the same.
    whole = changes.convert("RGBA")
    whole.putalpha(kept)
    return _png(whole)


def _alpha(picture: Any) -> Any:
    """Return the transparency of a mask that has any; None where all of it is opaque."""
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return None

    alpha = picture.convert("RGBA").getchannel("A")
    return None if alpha.getextrema()[0] == OPAQUE else alpha


def _png(picture: Any) -> MediaContent:
    picture.info = {}
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return {"content": buffer.getvalue(), "content_type": "image/png"}
