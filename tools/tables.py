"""Writes the documentation's tables of models from the catalogue. Text out, nothing else.

Run it from the repository's root: `python tools/tables.py PAGES…` puts them into the pages; a test
holds the pages in step with the catalogue.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tarash.tarash_gateway._data._model_info import ModelDescription, ModelInfo
from tarash.tarash_gateway._data._money import written
from tarash.tarash_gateway._data._types import Kind
from tarash.tarash_gateway.catalog._describe import describe, list_all
from tarash.tarash_gateway.catalog._lifecycle import LIFECYCLES
from tarash.tarash_gateway.catalog._schema_store import recorded
from tarash.tarash_gateway.catalog.prices import shipped as shipped_prices
from tarash.tarash_gateway.models import ProviderInfo
from tarash.tarash_gateway.providers._provider import Provider
from tarash.tarash_gateway.providers._registry import Registry


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a request can ask for.

    Attributes:
        shown: What a table says, in Markdown.
        of: Which kinds of requests can.
        taken: Tells whether a model takes it.
    """

    shown: str
    of: tuple[Kind, ...]
    taken: Callable[[ModelDescription], bool]


def _image(role: str) -> Callable[[ModelDescription], bool]:
    return lambda model: any(image.role == role for image in model.images)


def _fills(field: str) -> Callable[[ModelDescription], bool]:
    return lambda model: any(parameter.source == field for parameter in model.parameters)


BOTH: tuple[Kind, ...] = ("video", "image")
FEATURES: Mapping[str, Feature] = {
    "prompt": Feature("prompt alone", BOTH, lambda model: not model.takes or not _needs(model)),
    "first_frame": Feature("`first_frame` image", ("video",), _image("first_frame")),
    "last_frame": Feature("`last_frame` image", ("video",), _image("last_frame")),
    "reference": Feature("`reference` images", BOTH, _image("reference")),
    "style_image": Feature("`style` image", BOTH, _image("style")),
    "video": Feature("`video`", ("video",), lambda model: model.takes_video),
    "mask_image": Feature("`mask_image`", ("image",), lambda model: model.takes_mask),
    "duration_seconds": Feature(
        "`duration_seconds`",
        ("video",),
        lambda model: bool(model.durations) or model.duration_range is not None,
    ),
    "aspect_ratio": Feature("`aspect_ratio`", BOTH, lambda model: bool(model.aspect_ratios)),
    "resolution": Feature("`resolution`", ("video",), lambda model: bool(model.resolutions)),
    "size": Feature("`size`", ("image",), lambda model: bool(model.sizes) or model.free_size),
    "generate_audio": Feature("`generate_audio`", ("video",), _fills("generate_audio")),
    "seed": Feature("`seed`", BOTH, lambda model: model.seed),
    "negative_prompt": Feature("`negative_prompt`", BOTH, lambda model: model.negative_prompt),
    "enhance_prompt": Feature("`enhance_prompt`", ("video",), lambda model: model.enhance_prompt),
    "quality": Feature("`quality`", ("image",), lambda model: bool(model.qualities)),
    "style": Feature("`style`", ("image",), lambda model: bool(model.styles)),
    "n": Feature("`n`", ("image",), _fills("n")),
    "number_of_videos": Feature("`number_of_videos`", ("video",), _fills("number_of_videos")),
}


def _needs(model: ModelDescription) -> bool:
    images = any(image.required for image in model.images)
    return images or model.needs_video or model.needs_mask or bool(model.needs_extra)


def claims(
    provider: str, first: tuple[str, ...] = ()
) -> dict[tuple[str, Kind], list[ModelDescription]]:
    """Return what a provider's models take: by feature and kind, the models that were looked at.

    Args:
        provider: Its name.
        first: What the ids begin with that are looked at first. As soon as all that may be claimed
            is found, no further model is looked at.
    """
    by_feature: dict[tuple[str, Kind], list[ModelDescription]] = {}
    possible = sum(len(feature.of) for feature in FEATURES.values())
    for info in sorted(list_all(provider), key=lambda one: not one.model.startswith(first)):
        for kind in _kinds(info):
            model = describe(provider, info.model, kind)
            for name, feature in FEATURES.items():
                if kind in feature.of and feature.taken(model):
                    by_feature.setdefault((name, kind), []).append(model)

        if len(by_feature) == possible:
            break

    return by_feature


def _kinds(info: ModelInfo) -> list[Kind]:
    return [kind for kind in BOTH if kind in info.outputs]


BEGIN = "<!-- generated: {name} -->"
END = "<!-- end -->"
MOST_SHOWN = 8
MILLION = Decimal(1_000_000)
EACH = {
    "image": "an image",
    "token": "a million tokens",
    "run": "a request",
    "gpu_second": "a second of a GPU",
}
# Families whose models are shown one by one; all others are counted.
SHOWN = (
    "fal-ai/veo3.1",
    "fal-ai/kling-video/v2.6",
    "fal-ai/sora-2",
    "fal-ai/ltx-2/",
    "fal-ai/bytedance/seedance/v1.5",
    "fal-ai/minimax/hailuo-02",
    "fal-ai/pixverse/v5.5",
    "wan/v2.6",
    "fal-ai/flux/dev",
    "fal-ai/nano-banana",
)


MAKES = {("video",): "videos", ("image",): "images", ("video", "image"): "videos and images"}
KINDS = {(): "", ("video",): "V", ("image",): "I", ("video", "image"): "V, I"}


def tables() -> Mapping[str, str]:
    """Return the tables by name."""
    models = list(list_all("fal"))
    providers = Registry().list_providers()
    return {
        "providers": _providers(providers),
        "features": _features(providers),
        "families": _families(models),
        "categories": _categories(models),
        "models": _models(one for one in models if one.model.startswith(SHOWN)),
        "lifecycle": _lifecycle(),
        "prices": _prices(),
    }


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(headings)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(name: str) -> Provider:
    row = Registry().row(name)
    assert row is not None  # noqa: S101  (the name comes from there)
    return row


def _providers(providers: Iterable[ProviderInfo]) -> str:
    rows = [
        (
            f"[{_row(one.name).title}]({one.name}.md)",
            f"`{one.name}`",
            _makes(one),
            f"`{one.extra}`" if _row(one.name).requires else "none needed",
            ", ".join(f"`{variable}`" for variable in one.environment_variables)
            or "no key needed; `base_url` says where",
        )
        for one in providers
    ]
    return _table(("", "provider", "makes", "extra", "key from"), rows)


def _makes(provider: ProviderInfo) -> str:
    """Return what a provider makes, as far as its models are still there."""
    models = [one for one in list_all(provider.name) if "video" in one.outputs]
    if "video" in provider.modalities and models and all(one.retired for one in models):
        return "images; videos by compatible servers only, since its own models were shut down"

    return MAKES[provider.modalities]


def _features(providers: list[ProviderInfo]) -> str:
    # What a user's own server takes depends on what it serves.
    found = {one.name: claims(one.name, SHOWN) for one in providers if not one.own_server}
    rows = []
    for name, feature in FEATURES.items():
        kinds = {
            provider: tuple(kind for kind in feature.of if (name, kind) in taken)
            for provider, taken in found.items()
        }
        rows.append((feature.shown, *(KINDS[kind] for kind in kinds.values())))

    return _table(("request", *(f"`{one}`" for one in found)), rows)


def _families(models: list[ModelInfo]) -> str:
    families: dict[str, list[ModelInfo]] = {}
    for one in models:
        if {"video", "image"} & set(one.outputs):
            families.setdefault("/".join(one.model.split("/")[:2]), []).append(one)

    return _table(
        ("family", "endpoints", "categories", "takes", "seconds"),
        [
            (
                f"`{name}`",
                str(len(members)),
                ", ".join(sorted({one.category for one in members if one.category})) or "-",
                ", ".join(dict.fromkeys(part for one in members for part in one.takes)) or "-",
                _seconds_of(members),
            )
            for name, members in sorted(families.items())
        ],
    )


def _seconds_of(members: Iterable[ModelInfo]) -> str:
    told = dict.fromkeys(_seconds(one) for one in members)
    return "; ".join(one for one in told if one != "-") or "-"


def _categories(models: list[ModelInfo]) -> str:
    counts = Counter(
        one.category or "(none)" for one in models if {"video", "image"} & set(one.outputs)
    )
    rows = [(name, str(count)) for name, count in sorted(counts.items())]
    total = sum(counts.values())
    date = recorded("fal")[1] or "an unknown day"
    note = f"Schemas as of {date}; {len(models)} models, {total} of them make videos or images."
    return f"{note}\n\n{_table(('category', 'models'), rows)}"


def _models(models: Iterable[ModelInfo]) -> str:
    rows = [
        (
            f"`{one.model}`",
            ", ".join(one.takes) or "text only",
            _seconds(one),
            *_price("fal", one.model),
        )
        for one in models
    ]
    return _table(("model", "takes", "seconds", "price", "read on"), rows)


def _prices() -> str:
    names = sorted({(one.provider, one.model) for one in shipped_prices()})
    rows = [(provider, f"`{model}`", *_price(provider, model)) for provider, model in names]
    return _table(("provider", "model", "price", "read on"), rows)


def _price(provider: str, model: str) -> tuple[str, str]:
    """Return what a model's parts cost, from the least to the most, and when that was read."""
    lines = [one for one in shipped_prices().lines(provider, model) if one.role is None]
    if not lines:
        return "-", "-"

    parts: dict[tuple[str, str, str], list[Decimal]] = {}
    for one in sorted(lines, key=lambda line: line.billable != "output"):
        worth = one.credit_usd or (Decimal("0.01") if one.currency == "usd_cent" else Decimal(1))
        dollars = one.credit_usd is not None or one.currency == "usd_cent"
        currency = "USD" if dollars else one.currency
        many = MILLION if one.unit == "token" else Decimal(1)
        amount = one.rate / one.per * worth * many
        parts.setdefault((one.billable, one.unit, currency), []).append(amount)

    said = [_part(*what, amounts) for what, amounts in parts.items()]
    dates = [one.date for one in lines if one.date is not None]
    return "; ".join(said), max(dates).isoformat() if dates else "-"


def _part(billable: str, unit: str, currency: str, amounts: list[Decimal]) -> str:
    least, most = written(min(amounts), currency), written(max(amounts), currency)
    between = least if least == most else f"{least} to {most}"
    name = "" if billable == "output" else f"{billable.replace('_', ' ')} "
    return f"{name}{between} {EACH.get(unit, f'a {unit}')}"


def _seconds(info: ModelInfo) -> str:
    span = info.duration_range
    if span is not None:
        return f"{span.low or 0:g} to {span.high:g}" if span.high is not None else "any"

    listed = [f"{one:g}" for one in info.durations]
    if len(listed) > MOST_SHOWN:
        return f"{listed[0]} to {listed[-1]}"

    return ", ".join(listed) or "-"


def _lifecycle() -> str:
    rows = [
        (
            provider,
            f"`{model}`",
            row.shutdown.isoformat() if row.shutdown else "no date stated",
            f"`{row.successor}`" if row.successor else "-",
            row.source,
        )
        for provider, models in sorted(LIFECYCLES.items())
        for model, row in models.items()
    ]
    return _table(("provider", "model", "shut down", "successor", "source"), rows)


def filled(page: str, made: Mapping[str, str]) -> str:
    """Return a page with its generated parts made anew.

    Args:
        page: Markdown with `<!-- generated: name -->` and `<!-- end -->` around each table.
        made: The tables by name.
    """
    for name, table in made.items():
        begin = BEGIN.format(name=name)
        before, found, rest = page.partition(begin)
        if found:
            after = rest.partition(END)[2]
            page = f"{before}{begin}\n\n{table}\n\n{END}{after}"

    return page


def write(paths: Iterable[Path]) -> None:
    """Make the generated parts of pages anew, in place."""
    made = tables()
    for path in paths:
        path.write_text(filled(path.read_text(encoding="utf-8"), made), encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Fill the pages that the command line names."""
    parser = argparse.ArgumentParser(description="Fill the generated tables of pages.")
    parser.add_argument("pages", nargs="+", type=Path)
    write(parser.parse_args(arguments).pages)


if __name__ == "__main__":
    main()
