"""The generated tables of the documentation are what the catalogue says today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarash.tarash_gateway.catalog import forget
from tarash.tarash_gateway.catalog._tables import BEGIN, filled, tables

DOCS = Path(__file__).parents[2] / "docs"
COMMAND = "python -m tarash.tarash_gateway.catalog.build_tables docs/models.md"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    forget("fal")


def test_the_tables_are_in_step_with_the_catalogue() -> None:
    page = (DOCS / "models.md").read_text(encoding="utf-8")
    assert page == filled(page), f"run: {COMMAND}"


def test_every_table_has_its_place() -> None:
    page = (DOCS / "models.md").read_text(encoding="utf-8")
    assert all(BEGIN.format(name=name) in page for name in tables())
