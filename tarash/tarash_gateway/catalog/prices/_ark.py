"""The frames that Seedance renders, which its tokens are counted by. Pure.

A resolution names about so many pixels, whatever the proportions: 720p in a square is 960x960, and
not 720x720. From frames that were measured in delivered files, and ByteDance's tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from ._facts import HEIGHTS, height_of

if TYPE_CHECKING:
    from ._facts import Facts
    from ._lengths import Between

Frames = Mapping[int, Mapping[str, tuple[int, int]]]
UHD = HEIGHTS["4k"]
SECOND: Frames = {
    480: {"16:9": (864, 496), "4:3": (752, 560), "1:1": (640, 640), "21:9": (992, 432)},
    720: {"16:9": (1280, 720), "4:3": (1112, 834), "1:1": (960, 960), "21:9": (1470, 630)},
    1080: {"16:9": (1920, 1080), "4:3": (1664, 1248), "1:1": (1440, 1440), "21:9": (2206, 946)},
    UHD: {"16:9": (3840, UHD), "4:3": (3326, 2494), "1:1": (2880, 2880), "21:9": (4398, 1886)},
}
"""Of Seedance 1.5 and 2.0."""
LATER: Frames = {**SECOND, 480: {**SECOND[480], "16:9": (854, 480)}}
"""Of Seedance 2.5."""
FIRST: Frames = {
    480: {"16:9": (864, 480), "4:3": (736, 544), "1:1": (640, 640), "21:9": (960, 416)},
    720: {"16:9": (1248, 704), "4:3": (1120, 832), "1:1": (960, 960), "21:9": (1504, 640)},
    1080: {"16:9": (1920, 1088), "4:3": (1664, 1248), "1:1": (1440, 1440), "21:9": (2176, 928)},
}
"""Of Seedance 1.0."""
UPRIGHT = {"9:16": "16:9", "3:4": "4:3", "9:21": "21:9"}


def frame_pixels(facts: Facts, frames: Frames) -> Between | None:
    """Return how many pixels a frame has: from the least to the most that it may be.

    Args:
        facts: What is known of the call.
        frames: Of the model's generation.
    """
    named = facts.values.get("resolution")
    heights = [height_of(one) for one in named or ()]
    tables = [frames[one] for one in heights if one is not None and one in frames]
    if not tables or len(tables) < len(heights):
        return None

    ratios = facts.values.get("ratio") or facts.values.get("aspect_ratio")
    wanted = {UPRIGHT.get(str(one), str(one)) for one in ratios or ()}
    areas = [
        Decimal(width * height)
        for table in tables
        for ratio, (width, height) in table.items()
        if not wanted or ratio in wanted or not wanted <= set(table)
    ]
    return min(areas), max(areas)
