"""Small rooms: how long a file and a function may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tarash.tarash_gateway

PACKAGE = Path(tarash.tarash_gateway.__file__).parent
FILE_LINES = 400
FUNCTION_LINES = 60
# A raised ceiling: a file's path, or `path::function`, with its lines and the reason.
RAISED: dict[str, tuple[int, str]] = {}

FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Yield the qualified name and the length of each function, decorators left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1
            yield from functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def test_files_and_functions_stay_small() -> None:
    lengths: dict[str, int] = {}
    for name, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        lengths[name] = len(text.splitlines())
        lengths |= {f"{name}::{inner}": length for inner, length in functions(ast.parse(text))}

    too_long = {
        place: length
        for place, length in lengths.items()
        if length > RAISED.get(place, (FUNCTION_LINES if "::" in place else FILE_LINES,))[0]
    }
    assert too_long == {}


@pytest.mark.parametrize("place", RAISED)
def test_a_raised_ceiling_is_still_needed(place: str) -> None:
    name, _, function = place.partition("::")
    text = FILES[name].read_text(encoding="utf-8")
    if function:
        assert dict(functions(ast.parse(text)))[function] > FUNCTION_LINES
    else:
        assert len(text.splitlines()) > FILE_LINES


def test_a_module_says_what_it_is_for() -> None:
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
    assert [name for name, tree in trees.items() if not ast.get_docstring(tree)] == []
