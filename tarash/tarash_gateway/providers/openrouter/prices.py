"""What OpenRouter publishes of prices: rows of its lists of models, as price lines.

Its rows mix dollars and cents, and only a row's name says which. A row whose name or value is not
understood makes the price of its model unknown, and never zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..._data._money import figure
from ..._http._urls import segments

if TYPE_CHECKING:
    from ..._data._types import JsonObject
    from ...catalog import Get

API = "https://openrouter.ai/api/v1"
AUTHORIZATION = ("Bearer", "OPENROUTER_API_KEY")
MOST_IMAGES = 500
"""Models of images whose endpoints are asked for, each by itself."""
CENTS = "usd_cent"
SIZES = re.compile(r"_(\d{3,4}p|[248]k)(?=_|$)")
SOUND = {"_with_audio": True, "_without_audio": False, "_no_audio": False, "_silent": False}
COUNTED = {
    "duration_seconds": ("output", "second", None),
    "per_video_second": ("output", "second", None),
    "second_output": ("output", "second", None),
    "video_output_second": ("output", "second", None),
    "video_tokens": ("output", "token", "ark_tokens_24"),
    "megapixel_second": ("output", "megapixel", "megapixel_seconds"),
    "generation": ("output", "run", None),
    "reference_images": ("input_image", "image", None),
    "image_input": ("input_image", "image", None),
}
"""What a row's name means without its conditions: what is paid for, the unit, and how it counts."""
MINIMUM = ("minimum_per_generation", "minimum_generation")
BILLED = {
    "output_image": "output",
    "input_image": "input_image",
    "input_reference": "input_image",
    "input_text": "prompt",
}
UNITS = {"request": "run", "image": "image", "megapixel": "megapixel", "token": "token"}
QUALITIES = frozenset({"low", "medium", "high", "auto", "standard", "hd"})


async def read_prices(get: Get, base_url: str | None, models: Iterable[str]) -> list[JsonObject]:
    """Return the price lines of all models of videos and images that are listed.

    Args:
        get: Asks for a page.
        base_url: Replaces the provider's host.
        models: Those of the catalogue; the lists have more.
    """
    del models
    root = base_url or API
    lines: list[JsonObject] = []
    for row in _rows(await get(f"{root}/videos/models", {})):
        lines += of_videos(row)

    images = [row["id"] for row in _rows(await get(f"{root}/images/models", {}))]
    for model in images[:MOST_IMAGES]:
        lines += of_images(
            model, await get(f"{root}/images/models/{segments(model)}/endpoints", {})
        )

    return lines


def _rows(page: Any) -> list[Mapping[str, Any]]:
    listed = page.get("data") if isinstance(page, Mapping) else None
    rows = listed if isinstance(listed, list) else []
    return [row for row in rows if isinstance(row, Mapping) and isinstance(row.get("id"), str)]


def of_videos(row: Mapping[str, Any]) -> Iterator[JsonObject]:
    """Yield the price lines in one row of the list of video models."""
    skus = row.get("pricing_skus")
    if not isinstance(skus, Mapping):
        return

    made: list[JsonObject] = []
    least: JsonObject = {}
    for name, value in skus.items():
        line = _of_sku(str(name), value)
        if line.pop("is_minimum", False):
            least = {"min_charge": line["rate"], "currency": line.get("currency", "USD")}
        else:
            made.append(line)

    for line in made:
        is_same = least.get("currency", "USD") == line.get("currency", "USD")
        if least and line["billable"] == "output" and is_same:
            line["min_charge"] = least["min_charge"]

        yield {"model": row["id"], **line}


def _of_sku(name: str, value: Any) -> JsonObject:
    """Return what a row says; one that is not understood is a part that can't be priced."""
    amount, rest, when = figure(value), f"_{name.replace('-', '_')}", {}
    match = SIZES.search(rest)
    if match is not None:
        when["resolution"], rest = match[1], SIZES.sub("", rest, count=1)

    for words, sound in SOUND.items():
        if words in rest:
            when["audio"], rest = sound, rest.replace(words, "")

    for words, mode in (("_text_to_video", "text"), ("_image_to_video", "image")):
        if words in rest:
            when["mode"], rest = mode, rest.replace(words, "")

    if "_video_input" in rest:
        when["input_video"], rest = True, rest.replace("_with_video_input", "")
        rest = rest.replace("_video_input", "")

    currency = {}
    if "_cents" in rest:
        currency, rest = {"currency": CENTS}, rest.replace("_cents", "")

    plain = rest.removeprefix("_").removeprefix("per_").replace("_per_", "_per_")
    plain = plain if plain in COUNTED or plain in MINIMUM else f"per_{plain}"
    if amount is not None and plain.removeprefix("per_") in MINIMUM:
        return {"is_minimum": True, "rate": str(amount), **currency}

    counted = COUNTED.get(plain) or COUNTED.get(plain.removeprefix("per_"))
    if amount is None or counted is None:
        return _unread(name)

    billable, unit, formula = counted
    line: JsonObject = {"billable": billable, "unit": unit, "rate": format(amount, "f"), **currency}
    return {**line, **({"formula": formula} if formula else {}), **({"when": when} if when else {})}


def _unread(name: str) -> JsonObject:
    return {"billable": name, "unit": "run", "rate": "0", "formula": f"{name} of OpenRouter"}


def of_images(model: str, answer: Any) -> Iterator[JsonObject]:
    """Yield the price lines of an image model: those of each provider that may serve it."""
    for endpoint in _endpoints(answer):
        for row in endpoint.get("pricing") or ():
            if isinstance(row, Mapping):
                yield {"model": model, **_of_billable(row)}


def _endpoints(answer: Any) -> list[Mapping[str, Any]]:
    data = answer.get("data", answer) if isinstance(answer, Mapping) else answer
    if isinstance(data, Mapping):
        data = data.get("endpoints")

    return [row for row in data or () if isinstance(row, Mapping)]


def _of_billable(row: Mapping[str, Any]) -> JsonObject:
    name, amount = str(row.get("billable")), figure(row.get("cost_usd"))
    billable, unit = BILLED.get(name), UNITS.get(str(row.get("unit")))
    when = _variant(row.get("variant"))
    if billable is None or unit is None or amount is None or when is None:
        return _unread(name)

    line: JsonObject = {"billable": billable, "unit": unit, "rate": format(amount, "f")}
    return {**line, **({"when": when} if when else {})}


def _variant(value: Any) -> JsonObject | None:
    """Return when a row holds; None where its word is not understood."""
    if value in (None, "", "default"):
        return {}

    text = str(value).lower()
    if text in QUALITIES:
        return {"quality": text}

    if re.fullmatch(r"\d+x\d+", text):
        return {"size": text}

    return {"resolution": text} if re.fullmatch(r"\d+p|[\d.]+k|512|768", text) else None
