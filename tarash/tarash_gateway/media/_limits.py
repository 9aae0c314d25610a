"""Holds media against what a provider takes, and says what is wrong. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._http._sniff import Wanted, size_of

if TYPE_CHECKING:
    from .._data._exchange import MediaConstraints, MediaSupport
    from .._data._types import MediaContent


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a medium by its header."""

    content_type: str
    size: int
    """Bytes."""
    pixels: tuple[int, int] | None = None
    has_alpha: bool = False
    """Whether it is a PNG that can be transparent."""

    def __str__(self) -> str:
        shape = "" if self.pixels is None else f"{self.pixels[0]}x{self.pixels[1]}, "
        return f"{self.content_type}, {shape}{self.size} bytes"


def facts_of(media: MediaContent) -> Facts:
    """Return what is known of a medium."""
    content, content_type = media["content"], media["content_type"]
    is_image = content_type.startswith("image/")
    return Facts(content_type, len(content), size_of(content) if is_image else None)


def limits_of(accepts: MediaSupport, where: str, wanted: Wanted) -> MediaConstraints:
    """Return the limits for a field of a request."""
    if wanted == "video":
        return accepts.videos

    is_mask = where == "mask_image" and accepts.masks is not None
    return accepts.masks or accepts.images if is_mask else accepts.images


def most_bytes(accepts: MediaSupport, limits: MediaConstraints, *, uploads: bool) -> int | None:
    """Return how many bytes a medium may have; None for any number.

    Args:
        accepts: What the adapter can send.
        limits: What the provider takes.
        uploads: Whether what is too large to go inline can be handed over in another way.
    """
    inline = None if uploads else accepts.largest_inline
    return min((most for most in (inline, limits.largest) if most is not None), default=None)


def problem(facts: Facts, limits: MediaConstraints, most: int | None) -> str | None:
    """Say what keeps a medium from being taken; None if nothing does."""
    if limits.types and facts.content_type not in limits.types:
        return f"the provider takes {', '.join(limits.types)}, and this is {facts.content_type}"

    if most is not None and facts.size > most:
        return f"the provider takes at most {most} bytes, and these are {facts.size}"

    if facts.pixels is None or fitting_size(facts.pixels, limits) == facts.pixels:
        return None

    width, height = facts.pixels
    return f"the provider takes {_allowed(limits)}, and this is {width}x{height}"


def _allowed(limits: MediaConstraints) -> str:
    limits_in_words = {
        "sides of at least {} pixels": limits.shortest_side,
        "sides of at most {} pixels": limits.longest_side,
        "at most {} pixels in all": limits.most_pixels,
    }
    return ", ".join(
        text.format(most) for text, most in limits_in_words.items() if most is not None
    )


def fitting_size(size: tuple[int, int], limits: MediaConstraints) -> tuple[int, int]:
    """Return the nearest size of the same proportions that is within the limits.

    Where the limits contradict each other for these proportions, the upper ones win.
    """
    width, height = size
    scale = 1.0
    if limits.shortest_side is not None:
        scale = max(scale, limits.shortest_side / min(size))

    if limits.longest_side is not None:
        scale = min(scale, limits.longest_side / max(size))

    if limits.most_pixels is not None:
        scale = min(scale, (limits.most_pixels / (width * height)) ** 0.5)

    if scale == 1:
        return size

    # Down from a limit above, up to one from below.
    rounded = [int(side * scale) if scale < 1 else -int(-side * scale // 1) for side in size]
    return max(1, rounded[0]), max(1, rounded[1])
