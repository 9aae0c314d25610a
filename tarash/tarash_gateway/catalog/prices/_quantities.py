"""How much of what is paid for a call makes: by the unit, or by a formula of the price line. Pure.

Each answer is the least and the greatest quantity, with how it was found in a few words; a sentence
where it can't be known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, TypeAlias

from . import _tokens

if TYPE_CHECKING:
    from ..._data._money import PriceLine
    from ..._data._types import Kind
    from ._lengths import Between
    from ._price_inputs import PriceInputs

MILLION = Decimal(1_000_000)
SQUARE = Decimal(1024 * 1024)
"""Some vendors count a megapixel so, and most do not say how they count it."""
PARTIAL_TOKENS = 100
"""Of output, for each image that is sent while the final one is made; OpenAI's guide to images."""
UNMEASURED = "the length of the source video is not known"
KILO = Decimal(1024)
ARK_FRAME_RATE = Decimal(24)
# What one token of a prompt is at most and at least, in bytes: a bound for every script.
MOST_BYTES = 6
LEAST_BYTES = 2
BY_PROMPT = "tokens, by the length of the prompt"
OF_IMAGES = "tokens, by the sizes of the input images"


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much there is of something."""

    low: Decimal
    high: Decimal
    basis: str = ""
    is_there: bool = True
    """Whether the call has such a thing at all."""


Counted: TypeAlias = "Quantity | str"
"""A quantity, or why there is none, in a sentence."""
ZERO = Decimal(0)


def quantity_of(line: PriceLine, facts: PriceInputs) -> Counted:
    """Return how much of a line's thing a call makes, as it is charged."""
    counted = _raw(line, facts)
    if isinstance(counted, str):
        return counted

    if not counted.is_there:
        return counted

    return Quantity(_charged(counted.low, line), _charged(counted.high, line), counted.basis)


def _charged(quantity: Decimal, line: PriceLine) -> Decimal:
    if line.free is not None:
        quantity = max(ZERO, quantity - line.free)

    if line.step is not None and quantity:
        quantity = (quantity / line.step).to_integral_value(ROUND_CEILING) * line.step

    if line.min is not None and quantity:
        quantity = max(quantity, line.min)

    return quantity if line.max is None else min(quantity, line.max)


def _raw(line: PriceLine, facts: PriceInputs) -> Counted:
    if line.billable.startswith("input_image") and not facts.input_images:
        return Quantity(ZERO, ZERO, "no input images", is_there=False)

    if line.billable.startswith("input_video") and not facts.has_video:
        return Quantity(ZERO, ZERO, "no source video", is_there=False)

    formula = line.formula
    if formula is not None and formula != "surcharge":
        known = FORMULAS.get(formula)
        return f"the formula {formula!r} is not known" if known is None else known(line, facts)

    return UNITS[line.unit](line, facts)


# ------------------------------------------------------------------------------------------- units
def _once(_line: PriceLine, _facts: PriceInputs) -> Counted:
    return Quantity(Decimal(1), Decimal(1), "a call")


def _made(line: PriceLine, facts: PriceInputs) -> Counted:
    if line.billable.startswith("input_image"):
        images = Decimal(facts.input_images)
        return Quantity(images, images, "input images")

    return Quantity(*facts.count, line.unit)


def _seconds(line: PriceLine, facts: PriceInputs) -> Counted:
    if line.billable.startswith("input_video"):
        length = facts.video_seconds
        return UNMEASURED if length is None else Quantity(length, length, "seconds of the source")

    return _timed(facts, lambda seconds: seconds)


def _timed(facts: PriceInputs, of: Callable[[Decimal], Decimal], unit: str = "seconds") -> Counted:
    if facts.seconds is None:
        return "the provider chooses the length; give duration_seconds"

    low, high = (of(length) for length in facts.seconds)
    return Quantity(low * facts.count[0], high * facts.count[1], unit)


def _minutes(_line: PriceLine, facts: PriceInputs) -> Counted:
    return _timed(facts, lambda seconds: seconds / 60, "minutes")


def _frames(_line: PriceLine, facts: PriceInputs) -> Counted:
    frames = _frames_of(facts)
    if frames is None:
        return "the number of frames is not known"

    return Quantity(frames[0] * facts.count[0], frames[1] * facts.count[1], "frames")


def _frames_of(facts: PriceInputs) -> Between | None:
    if facts.frames is not None:
        return facts.frames

    if facts.seconds is None or facts.fps is None:
        return None

    return facts.seconds[0] * facts.fps[0], facts.seconds[1] * facts.fps[1]


def _text_tokens(line: PriceLine, facts: PriceInputs) -> Counted:
    if line.billable not in {"prompt", "text_input", "input_text"}:
        return f"the tokens of its {line.billable.replace('_', ' ')} are not known before"

    return Quantity(*_prompt_tokens(facts), BY_PROMPT)


def _prompt_tokens(facts: PriceInputs) -> Between:
    characters = facts.prompt[1]
    return Decimal(-(-characters // MOST_BYTES)), Decimal(-(-characters // LEAST_BYTES))


def _gpt_prompt(_line: PriceLine, facts: PriceInputs) -> Counted:
    low, high = _prompt_tokens(facts)
    return Quantity(low, (high + _tokens.extra_text(facts)) * facts.count[1], BY_PROMPT)


def _characters(_line: PriceLine, facts: PriceInputs) -> Counted:
    return Quantity(Decimal(facts.prompt[0]), Decimal(facts.prompt[0]), "characters of the prompt")


def _computing(_line: PriceLine, _facts: PriceInputs) -> Counted:
    return "it is paid for by the second of computing, which nobody knows before"


def _pixels(facts: PriceInputs) -> Between | None:
    if facts.width is None or facts.height is None:
        return None

    return facts.width[0] * facts.height[0], facts.width[1] * facts.height[1]


NO_SIZE = "the size of the picture is not known; give a size, or aspect ratio and resolution"


def _megapixels(_line: PriceLine, facts: PriceInputs) -> Counted:
    pixels = _pixels(facts)
    if pixels is None:
        return NO_SIZE

    low, high = (size / MILLION for size in pixels)
    return Quantity(low * facts.count[0], high * facts.count[1], "megapixels")


UNITS: dict[str, Callable[[PriceLine, PriceInputs], Counted]] = {
    "second": _seconds,
    "minute": _minutes,
    "frame": _frames,
    "video": _made,
    "image": _made,
    "megapixel": _megapixels,
    "token": _text_tokens,
    "character": _characters,
    "credit": _once,
    "run": _once,
    "request": _once,
    "gpu_second": _computing,
}


# ---------------------------------------------------------------------------------------- formulas
def _up(value: Decimal, step: Decimal = Decimal(1)) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step


def _each_image(of: Callable[[Decimal], Decimal]) -> Callable[[PriceLine, PriceInputs], Counted]:
    """Count megapixels image by image: each is rounded, capped or reduced by itself.

    Where rounding makes a difference between a million pixels and 1024 by 1024, both may be.
    """

    def count(_line: PriceLine, facts: PriceInputs) -> Counted:
        pixels = _pixels(facts)
        if pixels is None:
            return NO_SIZE

        low, high = of(pixels[0] / SQUARE), of(pixels[1] / MILLION)
        return Quantity(low * facts.count[0], high * facts.count[1], "megapixels")

    return count


def _ceil_megapixels(line: PriceLine, facts: PriceInputs) -> Counted:
    return _each_image(lambda area: _up(area, line.step or Decimal(1)))(line, facts)


def _video_megapixels(round_up: bool = False) -> Callable[[PriceLine, PriceInputs], Counted]:
    def count(_line: PriceLine, facts: PriceInputs) -> Counted:
        pixels, frames = _pixels(facts), _frames_of(facts)
        if pixels is None:
            return NO_SIZE

        if frames is None:
            return "the number of frames is not known"

        low, high = (a * f / MILLION for a, f in zip(pixels, frames, strict=True))
        if round_up:
            low, high = _up(low), _up(high)

        return Quantity(low * facts.count[0], high * facts.count[1], "megapixels of all frames")

    return count


def _megapixel_seconds(_line: PriceLine, facts: PriceInputs) -> Counted:
    pixels = _pixels(facts)
    if pixels is None:
        return NO_SIZE

    return _by_area(facts, pixels, lambda area, seconds: area * seconds / MILLION)


def _by_area(
    facts: PriceInputs,
    pixels: Between,
    of: Callable[[Decimal, Decimal], Decimal],
    unit: str = "units",
) -> Counted:
    if facts.seconds is None:
        return "the provider chooses the length; give duration_seconds"

    low, high = (of(area, time) for area, time in zip(pixels, facts.seconds, strict=True))
    return Quantity(low * facts.count[0], high * facts.count[1], unit)


def _ark_tokens(
    frames: _tokens.Frames | None = None, *, own_rate: bool = False, both: bool = False
) -> Callable[[PriceLine, PriceInputs], Counted]:
    """Count the tokens of a video: width times height times frames, by 1024."""

    def count(_line: PriceLine, facts: PriceInputs) -> Counted:
        source = _source_seconds(facts) if both else ZERO
        if source is None:
            return UNMEASURED

        framed = None if frames is None else _tokens.frame_pixels(facts, frames)
        pixels = framed or _pixels(facts)
        if pixels is None:
            return NO_SIZE

        rates = facts.fps if own_rate and facts.fps else (ARK_FRAME_RATE, ARK_FRAME_RATE)
        if facts.seconds is None:
            return "the provider chooses the length; give duration_seconds"

        # A source that is shorter than the result may count as longer: a minimum that ByteDance
        # names without a figure was nine seconds for two of a source and five of a result.
        sources = (source, max(source, facts.seconds[1]) if source else source)
        low, high = (
            area * rate * (time + added) / KILO
            for area, rate, time, added in zip(pixels, rates, facts.seconds, sources, strict=True)
        )
        return Quantity(low * facts.count[0], high * facts.count[1], "tokens")

    return count


def _source_seconds(facts: PriceInputs) -> Decimal | None:
    """Return the length of the source video; 0 where there is none, None where nobody knows it."""
    return facts.video_seconds if facts.has_video else ZERO


def _in_and_out(_line: PriceLine, facts: PriceInputs) -> Counted:
    source = _source_seconds(facts)
    return UNMEASURED if source is None else _timed(facts, lambda seconds: seconds + source)


def _free_images(number: int) -> Callable[[PriceLine, PriceInputs], Counted]:
    def count(_line: PriceLine, facts: PriceInputs) -> Counted:
        paid = Decimal(max(0, facts.input_images - number))
        return Quantity(paid, paid, f"input images after the first {number}")

    return count


def _references(_line: PriceLine, facts: PriceInputs) -> Counted:
    images = facts.input_images
    return Quantity(images * facts.count[0], images * facts.count[1], "references of each output")


def _input_megapixels(_line: PriceLine, facts: PriceInputs) -> Counted:
    if not facts.input_images:
        return Quantity(ZERO, ZERO, "no input images", is_there=False)

    sizes = [Decimal(size[0] * size[1]) for size in facts.input_pixels if size is not None]
    if len(sizes) < facts.input_images:
        return "the size of the input images is not known"

    low, high = (sum((_up(size / by) for size in sizes), ZERO) for by in (SQUARE, MILLION))
    return Quantity(low, high, "megapixels of the input images")


def _partial_images(_line: PriceLine, facts: PriceInputs) -> Counted:
    asked = [
        value for value in facts.values.get("partial_images") or () if isinstance(value, Decimal)
    ]
    most = max(asked, default=ZERO) * PARTIAL_TOKENS
    # The final image may be there before them.
    return Quantity(ZERO, most, "tokens, for images on the way", is_there=bool(most))


def _settled_later(_line: PriceLine, _facts: PriceInputs) -> Counted:
    return "the provider says how many units it took when it is done"


ONE = Decimal(1)
FORMULAS: dict[str, Callable[[PriceLine, PriceInputs], Counted]] = {
    "megapixels": _megapixels,
    "ceil_megapixels": _ceil_megapixels,
    "first_megapixel": _each_image(lambda area: min(ONE, _up(area))),
    "extra_megapixels": _each_image(lambda area: max(ZERO, _up(area) - ONE)),
    "input_megapixels": _input_megapixels,
    "video_megapixels": _video_megapixels(),
    "video_megapixels_ceil": _video_megapixels(round_up=True),
    "megapixel_seconds": _megapixel_seconds,
    "ark_tokens": _ark_tokens(),
    "ark_tokens_24": _ark_tokens(_tokens.SECOND),
    "ark_tokens_1_0": _ark_tokens(_tokens.FIRST),
    "ark_tokens_2_5": _ark_tokens(_tokens.LATER),
    "ark_tokens_fps": _ark_tokens(own_rate=True),
    "ark_tokens_in_out": _ark_tokens(_tokens.SECOND, both=True),
    "ark_tokens_2_5_in_out": _ark_tokens(_tokens.LATER, both=True),
    "gpt_prompt": _gpt_prompt,
    "gpt_tiles": lambda _line, facts: Quantity(*_tokens.tile_tokens(facts), OF_IMAGES),
    "gpt_patches": lambda _line, facts: Quantity(*_tokens.patch_tokens(facts), OF_IMAGES),
    "partial_images": _partial_images,
    "input_plus_output_seconds": _in_and_out,
    # The line's own `step` and `min` say it.
    "ceil_step": lambda line, facts: UNITS[line.unit](line, facts),
    "min_quantity": lambda line, facts: UNITS[line.unit](line, facts),
    "first_5_images_free": _free_images(5),
    "first_2_images_free": _free_images(2),
    "first_1_images_free": _free_images(1),
    "per_reference_per_output": _references,
    "fal_billable_units": _settled_later,
}
OF_VIDEOS = frozenset({"second", "minute", "frame", "video"})


def is_for(line: PriceLine, kind: Kind) -> bool:
    """Tell whether a line may be a price of this kind: one id of a vendor's may make both."""
    if line.billable.startswith("input_"):
        return True

    return line.unit not in OF_VIDEOS if kind == "image" else line.unit != "image"


BY_MEDIA = frozenset(
    {"ark_tokens_in_out", "ark_tokens_2_5_in_out", "input_megapixels", "input_plus_output_seconds",
     "gpt_tiles", "gpt_patches"}
)  # fmt: skip


def is_by_media(line: PriceLine) -> bool:
    """Tell whether what a line counts depends on how large the media of a request are."""
    return line.formula in BY_MEDIA or (
        line.billable.startswith("input_video") and line.unit in {"second", "minute"}
    )
