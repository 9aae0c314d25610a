"""Draws the rooms of the package from the import contracts: `python tools/rooms.py`.

It fills the table in docs/contributing.md, from the layers in pyproject.toml and the first line of
each room's docstring; a test holds the page in step.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import tarash.tarash_gateway

ROOT = Path(__file__).parents[1]
PACKAGE = Path(tarash.tarash_gateway.__file__).parent
PAGE = ROOT / "docs" / "contributing.md"
BEGIN, END = "<!-- generated: rooms -->", "<!-- end -->"


def layers() -> list[list[str]]:
    """Return the names on each floor, from the top down."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    return [re.findall(r"\w+", floor) for floor in contracts[0]["layers"]]


def purpose(name: str) -> str:
    """Return the first line of a room's docstring."""
    path = PACKAGE / name / "__init__.py"
    path = path if path.exists() else PACKAGE / f"{name}.py"
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0]


def table() -> str:
    """Return the table of the rooms."""
    rows = [
        f"| {floor} | `{name}` | {purpose(name)} |"
        for floor, names in enumerate(reversed(layers()))
        for name in names
    ]
    return "\n".join(["| floor | room | what it is for |", "| --- | --- | --- |", *reversed(rows)])


def filled(page: str) -> str:
    """Return the page with its table made anew."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
