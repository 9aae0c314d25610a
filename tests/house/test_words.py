"""What no file of the repository may contain."""

from __future__ import annotations

import io
import os
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tarash.tarash_gateway

ROOT = Path(__file__).parents[2]
PACKAGE = Path(tarash.tarash_gateway.__file__).parent
TEXT_SUFFIXES = {
    "", ".cfg", ".css", ".html", ".json", ".md", ".py", ".rst", ".sh", ".toml", ".txt", ".yaml",
    ".yml",
}  # fmt: skip
MADE_BY_TOOLS = {"__pycache__", "_build", "build", "dist"}
KEPT_DOT_NAMES = {".ci", ".editorconfig", ".gitignore", ".pre-commit-config.yaml"}

# Written in two halves, so that this file may be looked at like any other.
FORBIDDEN = {
    "a place outside the repository": "\\.\\./" + "shared",
    "a path of somebody's machine": "/(?:work|root)" + "/",
    "an unfinished thought": r"\b(?:TO" + "DO|FIX" + r"ME)\b",
}
MOCK = "unittest" + ".mock"
TYPE_IGNORES = 0


def is_kept(name: str) -> bool:
    return name not in MADE_BY_TOOLS and (not name.startswith(".") or name in KEPT_DOT_NAMES)


def files_below(root: Path) -> Iterator[Path]:
    for directory, subdirectories, names in os.walk(root):
        subdirectories[:] = filter(is_kept, subdirectories)
        yield from (Path(directory, name) for name in names if is_kept(name))


# The package may be installed elsewhere.
FILES = {
    os.path.relpath(path, ROOT): path
    for path in sorted({*files_below(ROOT), *files_below(PACKAGE)})
    if path.suffix in TEXT_SUFFIXES
}
PYTHON_FILES = {name: path for name, path in FILES.items() if path.suffix == ".py"}


@cache
def comments(name: str) -> list[str]:
    lines = io.StringIO(PYTHON_FILES[name].read_text(encoding="utf-8"))
    return [
        token.string
        for token in tokenize.generate_tokens(lines.readline)
        if token.type == tokenize.COMMENT
    ]


# One test for all files: thousands of small ones cost more than what they do.
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    texts = {
        name: path.read_text(encoding="utf-8", errors="replace") for name, path in FILES.items()
    }
    assert [name for name, text in texts.items() if pattern.search(text)] == []


def test_nothing_is_patched_with_mocks() -> None:
    pattern = re.compile(rf"{re.escape(MOCK)}|from unittest\s+import\s.*\bmock\b")
    texts = {name: path.read_text(encoding="utf-8") for name, path in PYTHON_FILES.items()}
    assert [name for name, text in texts.items() if pattern.search(text)] == []


def test_an_exception_to_a_rule_names_the_rule() -> None:
    bare = re.compile(r"#\s*type:\s*ignore(?!\[)|#\s*(?i:noqa)(?!:\s*[A-Z]+[0-9]+)")
    assert [
        f"{name}: {comment}"
        for name in PYTHON_FILES
        for comment in comments(name)
        if bare.search(comment)
    ] == []


def test_the_count_of_ignored_types_is_held() -> None:
    """Lower the number with the last ignore that goes; raising it wants a reason in the review."""
    ignores = [
        f"{name}: {comment}"
        for name in PYTHON_FILES
        for comment in comments(name)
        if re.search(r"type:\s*ignore", comment)
    ]
    assert len(ignores) == TYPE_IGNORES, ignores
