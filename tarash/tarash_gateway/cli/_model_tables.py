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
                one.provider,
                one.model,
                ", ".join(one.outputs),
                ", ".join(one.takes) or "-",
                seconds_of(one),
                "retired" if one.retired else "deprecated" if one.deprecated else "",
            )
            for one in models
        ),
    )


def show_description(described: ModelDescription) -> None:
    """Draw what a model takes and makes, and below it its parameters."""
    images = (
        f"{one.role} ({'any number' if one.most is None else f'at most {one.most}'}"
        f"{', required' if one.required else ''})"
        for one in described.images
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
                f"{one.name}{' *' if one.required else ''}",
                "--param" if one.source is None else adapted_option(one.source),
                one.type,
                "-" if one.default is None else str(one.default),
                _values(one.allowed),
            )
            for one in described.parameters
        ),
    )


def seconds_of(info: ModelInfo) -> str:
    """Return the durations of a model as people write them."""
    if info.duration_range is not None:
        low, high = info.duration_range.low, info.duration_range.high
        return f"{low or 0:g} to {high:g}" if high is not None else "any"

    return _values(f"{one:g}" for one in info.durations)


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
