"""What is said of declarations elsewhere is what they say: the editors' schema, built-in rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarash.tarash_gateway import providers
from tarash.tarash_gateway.providers import Provider, declared_provider
from tarash.tarash_gateway.providers._folders import declaration
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.providers._shipped import FOLDERS
from tools.provider_schema import PLACE, written

MOST_LINES = 250
"""Of a declared provider, models included; the simulator's wire and a reader of prices are not."""
RAISED = {"kling": (330, "it speaks two APIs, each with names and models of its own")}
"""A raised ceiling: a provider, with its lines and the reason."""
COLUMNS = 120
FOLDED = {"alibaba", "bytedance", "luma", "openrouter"}
"""Files that have longer lines yet: a name may leave this list, and none may come."""
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
    assert (row.schemas and row.schemas.makes) == (made.schemas and made.schemas.makes)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_declared_provider_is_a_small_one(row: Provider) -> None:
    folder = Path(providers.__file__).parent / row.name.replace("-", "_")
    files = [*folder.glob("*.toml"), *folder.glob("*.py")]
    lines = sum(len(one.read_text("utf-8").splitlines()) for one in files if one.stem != "prices")
    assert lines <= RAISED.get(row.name, (MOST_LINES,))[0]
    assert row.name not in RAISED or lines > MOST_LINES, "the ceiling need not be raised any more"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_declared_provider_can_be_read_without_scrolling(row: Provider) -> None:
    file = Path(providers.__file__).parent / row.name / "provider.toml"
    longest = max(map(len, file.read_text("utf-8").splitlines()))
    assert (longest > COLUMNS) is (row.name in FOLDED), f"{file.name} has {longest} columns"
