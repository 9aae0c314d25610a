"""The tokens that models are billed by, where no answer tells them before the call. Pure.

OpenAI's image models take in those of a prompt, and of each image of an edit. What OpenAI says (its
guides to images and to vision): an image of GPT Image 1 is fitted into a square of 2048 pixels,
then shrunk until its shorter side has 512, and takes 65 tokens and 129 for each tile of 512 pixels;
high input fidelity adds 4160 for a square, 6240 for others. What it does not say was read from its
bills by users (its developer forum, June 2026): GPT Image 1.5 counts as GPT Image 1 does, GPT Image
2 counts patches of 32 pixels, 1536 at most; several images of one call may be billed as so many
calls; and there are a few tokens of text that no prompt has.

Seedance's are counted by the frames that it renders. A resolution names about so many pixels,
whatever the proportions: 720p in a square is 960x960, and not 720x720. From frames that were
measured in delivered files, and ByteDance's tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import ceil, floor
from typing import TYPE_CHECKING

from ._price_inputs import HEIGHTS, height_of

if TYPE_CHECKING:
    from ._lengths import Between
    from ._price_inputs import PriceInputs

Range = tuple[int, int]
"""The least and the most of something."""
Size = tuple[int, int]
BASE, TILE = 65, 129
TILE_SIDE, LARGEST_SIDE = 512, 2048
MOST_TILES = LARGEST_SIDE // TILE_SIDE
"""Of an image so narrow that its shorter side is no more than a tile's."""
SQUARE_FIDELITY, OTHER_FIDELITY = 4160, 6240
OBLONG = 1.5
"""From here an image is no square, whoever rounds."""
PATCH_SIDE, MOST_PATCHES = 32, 1536
LEAST_SHRUNK = 1300
"""Patches that are left of an image that has too many: they end at whole rows and columns."""
SMALL_SIDE, MOST_MAGNIFIED = 1024, 2
FLATTEST = 3
EXTRA_TEXT, EXTRA_TEXT_OF_IMAGE = 6, 48
"""Tokens of text besides the prompt: 6 in each call, and up to 39 were seen for an image."""


def tile_tokens(facts: PriceInputs) -> tuple[Decimal, Decimal]:
    """Return the least and the most tokens of a call's images, as GPT Image 1 and 1.5 count."""
    fidelity = facts.values.get("input_fidelity") or frozenset({"low"})
    tokens = [_tiled(size) for size in _sizes(facts)]
    extra = [_fidelity(size) for size in _sizes(facts)] if "high" in fidelity else []
    is_sure = fidelity == {"high"}
    low = sum(least for least, _ in (*tokens, *(extra if is_sure else ())))
    return _of_all(low, sum(most for _, most in (*tokens, *extra)), facts)


def patch_tokens(facts: PriceInputs) -> tuple[Decimal, Decimal]:
    """Return the least and the most tokens of a call's images, as GPT Image 2 counts them."""
    tokens = [_patched(size) for size in _sizes(facts)]
    return _of_all(sum(least for least, _ in tokens), sum(most for _, most in tokens), facts)


def extra_text(facts: PriceInputs) -> int:
    """Return how many tokens of text a call may have besides its prompt."""
    return EXTRA_TEXT + EXTRA_TEXT_OF_IMAGE * facts.input_images


def _of_all(low: int, high: int, facts: PriceInputs) -> tuple[Decimal, Decimal]:
    return Decimal(low), Decimal(high) * facts.count[1]


def _sizes(facts: PriceInputs) -> list[Size | None]:
    """Return the size of each image of a call; None for one that nobody has seen."""
    known = list(facts.input_pixels[: facts.input_images])
    return [*known, *[None] * (facts.input_images - len(known))]


def _tiled(size: Size | None) -> Range:
    if size is None:
        return BASE + TILE, BASE + TILE * MOST_TILES

    width, height = size
    scale = min(1.0, LARGEST_SIDE / max(size))
    scale *= min(1.0, TILE_SIDE / (min(size) * scale))
    sides = [(width * scale, height * scale)] * 2
    least, most = (
        max(1, ceil(whole(shape[0]) / TILE_SIDE)) * max(1, ceil(whole(shape[1]) / TILE_SIDE))
        for whole, shape in zip((floor, ceil), sides, strict=True)
    )
    return BASE + TILE * least, BASE + TILE * most


def _fidelity(size: Size | None) -> Range:
    if size is not None and size[0] == size[1]:
        return SQUARE_FIDELITY, SQUARE_FIDELITY

    is_oblong = size is not None and max(size) >= OBLONG * min(size)
    return OTHER_FIDELITY if is_oblong else SQUARE_FIDELITY, OTHER_FIDELITY


def _patched(size: Size | None) -> Range:
    if size is None:
        return 1, MOST_PATCHES

    scale = min(MOST_MAGNIFIED, max(1.0, SMALL_SIDE / max(size)))
    longer, shorter = max(size) * scale, min(size) * scale
    # Of an image that is flatter, either side may be changed.
    sides = [(min(longer, FLATTEST * shorter), shorter), (longer, max(shorter, longer / FLATTEST))]
    least = max(1, floor(sides[0][0] / PATCH_SIDE)) * max(1, floor(sides[0][1] / PATCH_SIDE))
    most = (ceil(sides[1][0] / PATCH_SIDE) + 1) * (ceil(sides[1][1] / PATCH_SIDE) + 1)
    return min(least, LEAST_SHRUNK), min(most, MOST_PATCHES)


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


def frame_pixels(facts: PriceInputs, frames: Frames) -> Between | None:
    """Return how many pixels a frame has: from the least to the most that it may be.

    Args:
        facts: What is known of the call.
        frames: Of the model's generation.
    """
    named = facts.values.get("resolution")
    heights = [height_of(resolution) for resolution in named or ()]
    tables = [frames[height] for height in heights if height is not None and height in frames]
    if not tables or len(tables) < len(heights):
        return None

    ratios = facts.values.get("ratio") or facts.values.get("aspect_ratio")
    wanted = {UPRIGHT.get(str(ratio), str(ratio)) for ratio in ratios or ()}
    areas = [
        Decimal(width * height)
        for table in tables
        for ratio, (width, height) in table.items()
        if not wanted or ratio in wanted or not wanted <= set(table)
    ]
    return min(areas), max(areas)
