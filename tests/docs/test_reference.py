"""The tables of the reference: what a class's fields are, as whoever reads it would write it."""

from __future__ import annotations

import inspect
import runpy
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import tarash.tarash_gateway as gateway

EXTENSION = Path(__file__).parents[2] / "docs" / "_extensions" / "docstrings.py"
DATA = [
    shown
    for name in gateway.__all__
    if inspect.isclass(shown := getattr(gateway, name)) and issubclass(shown, BaseModel)
]


@pytest.fixture(scope="module")
def table() -> Any:
    return runpy.run_path(str(EXTENSION))["_table"]


@pytest.mark.parametrize("shown", DATA, ids=lambda shown: shown.__name__)
def test_a_type_is_written_as_its_author_would(shown: type[BaseModel], table: Any) -> None:
    shown.model_rebuild()  # by then pydantic has read the names
    rows = "\n".join(table(shown))
    insides = ("Annotated", " at 0x", "FieldInfo", "typing.", "NoneType", "tarash.tarash_gateway.")
    assert [word for word in insides if word in rows] == []
