"""How large the media of a request are; what prices may depend on."""

from __future__ import annotations

from decimal import Decimal

from .._support._dataclass import dataclass

Pixels = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of the media of one request.

    Attributes:
        images: Width and height of each image; None of one that is not here, or can't be read.
        video_seconds: Length of the source video; None where nobody knows it.
    """

    images: tuple[Pixels | None, ...] = ()
    video_seconds: Decimal | None = None
