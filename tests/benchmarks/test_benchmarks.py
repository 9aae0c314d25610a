"""The benchmarks, short, in every run: that they run. `nox -s bench` takes all for the page.

No figure is held to a limit: a machine that does something else at the time is no fault of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.report import PAGE, Table, write
from tests.benchmarks.tables import ALL, SHORT, Scale

for needed in ("fal_client", "openai", "runwayml", "replicate"):
    pytest.importorskip(needed)


@pytest.mark.parametrize("take", ALL, ids=lambda take: take.__name__)
def test_each_runs_and_its_figures_make_sense(
    take: Callable[[Scale], Table], tmp_path: Path
) -> None:
    table = take(SHORT)
    assert table.rows
    for row in table.rows:
        assert len(row) == len(table.columns)
        figures = [value for value in row if isinstance(value, float)]
        assert all(math.isfinite(value) for value in figures)

    page = tmp_path / "benchmarks.md"
    write([table], page)
    text = page.read_text(encoding="utf-8")
    assert table.title in text
    assert "cores" in text


def test_the_page_has_every_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    titles = ("Cold import", "One generation", "From done to noticed", "Many jobs at once")
    assert [title for title in titles if f"## {title}\n" not in text] == []


@pytest.mark.bench
def test_write_the_page() -> None:
    """Take all of them, print each table when it is there, and write the page."""
    tables = []
    for take in ALL:
        table = take(Scale())
        print(f"\n{table.markdown()}", flush=True)
        tables.append(table)

    write(tables)
