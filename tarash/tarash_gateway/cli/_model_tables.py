"""Draws models in tables: the list of many, and what one of them takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..models import ModelDescription, ModelInfo
from . import _terminal as terminal
from ._words import adapted_option

SHOWN_VALUES = 12


def show_list(models: Sequence[ModelInfo]) -> None:
    """Draw a line for each model."""
    _show(
        ("provider", "model", "makes", "takes", "seconds", ""),
        (
            (
                model.provider,
                model.model,
                ", ".join(model.outputs),
                ", ".join(model.takes) or "-",
                seconds_of(model),
                "retired" if model.retired else "deprecated" if model.deprecated else "",
            )
            for model in models
        ),
    )


def show_description(described: ModelDescription) -> None:
    """Draw what a model takes and makes, and below it its parameters."""
    images = (
        f"{image.role} ({'any number' if image.most is None else f'at most {image.most}'}"
        f"{', required' if image.required else ''})"
        for image in described.images
    )
    flags = ("audio", "seed", "negative_prompt", "enhance_prompt", "takes_video", "takes_mask")
    sizes = [*described.sizes, *(["any width and height"] if described.free_size else [])]
    rows = {
        "model": f"{described.provider} {described.model} ({described.name or 'no name'})",
        "makes": ", ".join(described.outputs) or described.kind,
        "seconds": seconds_of(described),
        "aspect ratios": _values(described.aspect_ratios),
        "resolutions": _values(described.resolutions),
        "sizes": _values(sizes),
        "images": ", ".join(images) or "-",
        "also": ", ".join(flag for flag in flags if getattr(described, flag)) or "-",
        "at once": "-" if described.most_outputs is None else str(described.most_outputs),
        "qualities": _values(described.qualities),
        "styles": _values(described.styles),
        "required with --param": ", ".join(described.needs_extra) or "-",
        "schema": f"{described.source}, {described.recorded or 'no date'}"
        + (f", weak ({described.schema_warning})" if described.schema_warning else ""),
    }
    if described.shutdown is not None or described.retired:
        day = described.shutdown.isoformat() if described.shutdown else "no date"
        rows["shut down"] = f"{day}; successor: {described.successor or 'none named'}"
    elif described.deprecated:
        rows["deprecated"] = "its provider advises against it, and names no day for its end"

    _show(("", ""), rows.items())
    terminal.result("")
    _show(
        ("parameter", "filled by", "type", "default", "values"),
        (
            (
                f"{parameter.name}{' *' if parameter.required else ''}",
                "--param" if parameter.source is None else adapted_option(parameter.source),
                parameter.type,
                "-" if parameter.default is None else str(parameter.default),
                _values(parameter.allowed),
            )
            for parameter in described.parameters
        ),
    )


def seconds_of(info: ModelInfo) -> str:
    """Return the durations of a model as people write them."""
    if info.duration_range is not None:
        low, high = info.duration_range.low, info.duration_range.high
        return f"{low or 0:g} to {high:g}" if high is not None else "any"

    return _values(f"{duration:g}" for duration in info.durations)


def _values(values: Iterable[Any]) -> str:
    listed = [str(value) for value in values]
    more = ["…"] if len(listed) > SHOWN_VALUES else []
    return ", ".join([*listed[:SHOWN_VALUES], *more]) or "-"


def _show(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    headings = tuple(headings)
    table = terminal.plain_table(*headings)
    table.show_header = any(headings)
    for row in rows:
        table.add_row(*row)

    terminal.show(table)
