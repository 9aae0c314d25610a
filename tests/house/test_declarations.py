"""What is said of declarations elsewhere is what they say: the editors' schema, built-in rows."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway.providers import Provider, declared_provider
from tarash.tarash_gateway.providers._folders import declaration
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.providers._shipped import FOLDERS
from tools.provider_schema import PLACE, written

PACKAGE = "tarash.tarash_gateway.providers"
ROWS = [
    row
    for name in FOLDERS
    if isinstance((row := shipped()[name.replace("_", "-")]).adapter, str)
    and "_folders:" in row.adapter
]


def test_the_published_schema_is_what_the_format_says() -> None:
    assert PLACE.read_text("utf-8") == written(), "run: python tools/provider_schema.py"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_built_in_row_says_what_its_declaration_says(row: Provider) -> None:
    """It stands in Python too, so that importing the package reads no file."""
    name = row.name
    made = declared_provider(declaration(f"{PACKAGE}.{name.replace('-', '_')}"))
    for fact in ("name", "title", "aliases", "keys", "open_settings"):
        assert getattr(row, fact) == getattr(made, fact), fact

    assert set(row.modalities) == set(made.modalities)
