"""Writes the documentation's tables of models from the catalogue. Text out, nothing else.

`python -m tarash.tarash_gateway.catalog.build_tables` puts them into the pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from .._model_info import ModelInfo
from ._describe import list_all
from ._library import recorded
from ._lifecycle import LIFECYCLES

BEGIN = "<!-- generated: {name} -->"
END = "<!-- end -->"
MOST_SHOWN = 8
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


def tables() -> Mapping[str, str]:
    """Return the tables by name."""
    models = list(list_all("fal"))
    return {
        "categories": _categories(models),
        "models": _models(one for one in models if one.model.startswith(SHOWN)),
        "lifecycle": _lifecycle(),
    }


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(headings)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
        (f"`{one.model}`", ", ".join(one.takes) or "text only", _seconds(one)) for one in models
    ]
    return _table(("model", "takes", "seconds"), rows)


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


def filled(page: str) -> str:
    """Return a page with its generated parts made anew.

    Args:
        page: Markdown with `<!-- generated: name -->` and `<!-- end -->` around each table.
    """
    for name, table in tables().items():
        begin = BEGIN.format(name=name)
        before, found, rest = page.partition(begin)
        if found:
            after = rest.partition(END)[2]
            page = f"{before}{begin}\n\n{table}\n\n{END}{after}"

    return page


def write(path: Path) -> None:
    """Make the generated parts of a page anew, in place."""
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
