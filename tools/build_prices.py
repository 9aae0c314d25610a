"""Builds the price lines that ship: by hand from vendors' pages, and from a public price list.

    python tools/build_prices.py model_prices_and_context_window.json 2026-11-29

The list is that of LiteLLM (MIT), which names its sources; lines from it are second hand. A line by
hand goes before one of the list for the same model, billable and unit.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATA = HERE.parent / "tarash" / "tarash_gateway" / "catalog" / "data" / "prices.jsonl"
BY_HAND = HERE / "prices_by_hand.jsonl"
PROVIDERS = {
    "openai": "openai",
    "azure": "azure-openai",
    "gemini": "google",
    "vertex_ai-video-models": "google",
    "runwayml": "runway",
    "xai": "xai",
    "fal_ai": "fal",
    "stability": "stability",
    "black_forest_labs": "bfl",
    "recraft": "recraft",
    "minimax": "minimax",
}
KINDS = {"video_generation", "image_generation", "image_edit"}
STABILITY = {
    "inpaint": "edit/inpaint",
    "outpaint": "edit/outpaint",
    "erase": "edit/erase",
    "search-and-replace": "edit/search-and-replace",
    "search-and-recolor": "edit/search-and-recolor",
    "sketch": "control/sketch",
    "structure": "control/structure",
    "style": "control/style",
    "conservative": "upscale/conservative",
    "creative": "upscale/creative",
}
# Rates of that list that contradict the vendor's table of credits (3 to 60 credits a call).
WRONG = {"edit/inpaint", "edit/outpaint", "edit/erase", "edit/search-and-replace",
         "edit/search-and-recolor", "control/sketch", "control/structure", "control/style",
         "upscale/conservative", "upscale/creative", "fast", "remove-background",
         "replace-background-and-relight", "style-transfer"}  # fmt: skip
# One price for all, of models whose price depends on size and quality: by a tenth to thrice of it.
FLAT = {
    ("fal", model)
    for model in (
        "gpt-image-2",
        "openai/gpt-image-2",
        "openai/gpt-image-2/edit",
        "openai/gpt-image-2.5/flare/edit",
        "openai/gpt-image-2.5/flare/text-to-image",
        "openai/gpt-image-2.5/sunburst/edit",
        "openai/gpt-image-2.5/sunburst/text-to-image",
    )
}
BY_USERS = "tokens of an image as users found them in their bills (OpenAI's forum, June 2026)"
# Of an image that is given to a model of OpenAI's. What is not here, nobody has told.
COUNTED = (
    ("gpt-image-2.6", None, "", ""),
    ("gpt-image-2.5", "gpt_patches", "tokens of an image as GPT Image 2 counts them", "inferred"),
    ("gpt-image-2", "gpt_patches", BY_USERS, "second_hand"),
    ("gpt-image-1.5", "gpt_tiles", BY_USERS, "second_hand"),
    ("gpt-image-1", "gpt_tiles", "tokens of an image by OpenAI's guide to vision", "second_hand"),
)
SIZED = re.compile(r"(?:(low|medium|high|xhigh|max|standard|hd)/)?(\d+)-x-(\d+)/(.+)")
BY_RESOLUTION = re.compile(r"output_cost_per_(second|image)_(\w+)")


def number(value: float) -> str:
    """Return a rate as it is written."""
    return format(Decimal(repr(value)).normalize(), "f")


def lines(entries: dict[str, Any], date: str) -> Iterator[dict[str, Any]]:
    """Yield the price lines of a list."""
    for key, entry in entries.items():
        provider = PROVIDERS.get(entry.get("litellm_provider", ""))
        if provider is None or entry.get("mode") not in KINDS:
            continue

        model = _model(key, entry["litellm_provider"])
        if model is None or model in WRONG or (provider, model) in FLAT:
            continue

        shared = {
            "provider": provider,
            "source": entry.get("source") or "LiteLLM's price list",
            "date": date,
            "confidence": "second_hand",
        }
        sized = SIZED.fullmatch(model)
        if sized is not None:
            is_there = provider != "fal" or "/" in sized[4]  # fal's ids have an owner
            yield from _sized(sized, entry, shared) if is_there else ()
        elif model.endswith("-high-res"):
            when = {"size": ["1792x1024", "1024x1792"]}
            yield _by_second(model.removesuffix("-high-res"), entry, shared, when)
        else:
            yield from _plain(model, entry, shared)


def _model(key: str, source: str) -> str | None:
    prefix, _, rest = key.partition("/")
    named = {"vertex_ai-video-models": "vertex_ai"}.get(source, source)
    model = rest if prefix == named and rest else key
    if source == "openai" and prefix == "openai":
        return None  # the same again

    if source == "stability":
        return STABILITY.get(model, model)

    return model


def _sized(found: re.Match[str], entry: dict[str, Any], shared: dict[str, Any]) -> Iterator[Any]:
    quality, width, height, model = found.groups()
    rate = entry.get("input_cost_per_image") or entry.get("output_cost_per_image")
    if not rate or quality in {None, "standard"}:
        return

    yield {
        **shared,
        "model": model,
        "billable": "output",
        "unit": "image",
        "rate": number(rate),
        "when": {"quality": quality, "size": f"{width}x{height}"},
    }


def _by_second(model: str, entry: dict[str, Any], shared: Any, when: dict[str, Any]) -> Any:
    rate = entry.get("output_cost_per_video_per_second") or entry["output_cost_per_second"]
    line = {**shared, "model": model, "billable": "output", "unit": "second", "rate": number(rate)}
    return {**line, "when": when} if when else line


def _plain(model: str, entry: dict[str, Any], shared: dict[str, Any]) -> Iterator[Any]:
    resolved = {
        found[2]: (found[1], rate)
        for name, rate in entry.items()
        if (found := BY_RESOLUTION.fullmatch(name)) and "batch" not in name and found[2] != "token"
    }
    for resolution, (unit, rate) in resolved.items():
        yield {
            **shared,
            "model": model,
            "billable": "output",
            "unit": unit,
            "rate": number(rate),
            "when": {"resolution": resolution.lower()},
        }

    if "output_cost_per_second" in entry or "output_cost_per_video_per_second" in entry:
        yield _by_second(model, entry, shared, {})
    elif entry.get("output_cost_per_image"):
        rate = number(entry["output_cost_per_image"])
        yield {**shared, "model": model, "billable": "output", "unit": "image", "rate": rate}
    elif entry.get("input_cost_per_image") and shared["provider"] == "xai":
        rate = number(entry["input_cost_per_image"])
        yield {**shared, "model": model, "billable": "output", "unit": "image", "rate": rate}

    if shared["provider"] in {"xai", "google"} and "output_cost_per_second" in entry:
        rate = entry.get("input_cost_per_image")
        if rate:
            yield {**shared, "model": model, "billable": "input_image", "unit": "image",
                   "rate": number(rate)}  # fmt: skip

    if shared["provider"] in {"openai", "azure-openai"} and "input_cost_per_token" in entry:
        yield from _tokens(model, entry, shared)

    if shared["provider"] == "google" and "output_cost_per_image_token" in entry:
        yield from _gemini(model, entry, shared)


def _tokens(model: str, entry: dict[str, Any], shared: dict[str, Any]) -> Iterator[Any]:
    named = {
        "prompt": "input_cost_per_token",
        "input_image": "input_cost_per_image_token",
        "output": "output_cost_per_image_token",
    }
    for billable, name in named.items():
        if name not in entry:
            continue

        rate = number(entry[name] * 1_000_000)
        line = {**shared, "model": model, "billable": billable, "unit": "token", "rate": rate,
                "per": "1000000"}  # fmt: skip
        if billable == "output":
            yield {**line, "alternative_to": "image"}
            yield {**line, "billable": "partial_image", "formula": "partial_images"}
        elif billable == "prompt":
            yield {**line, "formula": "gpt_prompt"}
        else:
            yield {**line, **_counted(model, line)}


def _counted(model: str, line: dict[str, Any]) -> dict[str, Any]:
    """Return how the tokens of input images are counted, as far as anybody knows."""
    for beginning, formula, told, confidence in COUNTED:
        if model.startswith(beginning):
            source = f"{line['source']}; {told}"
            counted = {"formula": formula, "source": source, "confidence": confidence}
            return {} if formula is None else counted

    return {}


INPUT_TOKENS = 1120
"""Of an image that Gemini is given, at most."""


def _gemini(model: str, entry: dict[str, Any], shared: dict[str, Any]) -> Iterator[Any]:
    """Yield what a Gemini model that makes images takes for tokens."""
    for billable, name in {
        "prompt": "input_cost_per_token",
        "output": "output_cost_per_image_token",
        "text_output": "output_cost_per_token",
    }.items():
        rate = number(round(entry[name] * 1_000_000, 6))
        line = {**shared, "model": model, "billable": billable, "unit": "token", "rate": rate,
                "per": "1000000"}  # fmt: skip
        own = {"output": {"alternative_to": "image"}, "text_output": {"role": "settlement"}}
        yield {**line, **own.get(billable, {})}

    image = {**shared, "model": model, "billable": "input_image", "unit": "image"}
    said = entry.get("input_cost_per_image")
    if said is not None:
        yield {**image, "rate": number(said)}
    else:
        rate = number(round(entry["input_cost_per_token"] * INPUT_TOKENS, 9))
        yield {**image, "rate": rate, "confidence": "inferred"}


def _what(line: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return what a line is a price of: images by the megapixel are images."""
    unit = {"megapixel": "image"}.get(line["unit"], line["unit"])
    return line["provider"], line["model"], line.get("billable", "output"), unit


def main(given: str, date: str) -> None:
    """Write the file."""
    by_hand = [json.loads(row) for row in BY_HAND.read_text().splitlines() if row.strip()]
    known = {_what(one) for one in by_hand}
    entries = json.loads(Path(given).read_text())
    listed = [one for one in lines(entries, date) if _what(one) not in known]
    # Two lists of one vendor's may say the same; the first that says it counts.
    found: dict[str, str] = {}
    for one in [*by_hand, *listed]:
        what = [one.get(name) for name in ("provider", "model", "billable", "unit", "when")]
        row = {"provider": one["provider"], **one}  # the package looks for it at the beginning
        found.setdefault(json.dumps(what), json.dumps(row, ensure_ascii=False))

    rows = sorted(found.values())
    DATA.write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows)} price lines in {DATA.name}, {len(by_hand)} of them by hand")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
