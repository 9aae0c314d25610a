"""The generated tables of the documentation are what the registry and the catalogue say today."""

from __future__ import annotations

from pathlib import Path

from tarash.tarash_gateway.catalog import forget
from tarash.tarash_gateway.providers._registry import shipped
from tools.tables import BEGIN, filled, tables

DOCS = Path(__file__).parents[2] / "docs"
FILLED = ("models.md", "providers/fal-models.md", "providers/index.md", "providers/prices.md")
COMMAND = "python tools/tables.py " + " ".join(f"docs/{page}" for page in FILLED)


def test_the_tables_are_in_step_with_the_catalogue() -> None:
    forget("fal")
    made = tables()  # which looks at every model of fal, so once is enough
    pages = {name: (DOCS / name).read_text(encoding="utf-8") for name in FILLED}
    assert all("".join(pages.values()).count(BEGIN.format(name=name)) == 1 for name in made)
    stale = [name for name, page in pages.items() if page != filled(page, made)]
    assert stale == [], f"run: {COMMAND}"


def test_every_provider_has_a_page() -> None:
    names = {row.name for row in shipped().values()}
    assert [name for name in names if not (DOCS / "providers" / f"{name}.md").exists()] == []
