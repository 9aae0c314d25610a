"""What no file of the repository may contain."""

from __future__ import annotations

import io
import os
import re
import tokenize
from collections.abc import Iterator
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


def comments(path: Path) -> list[str]:
    lines = io.StringIO(path.read_text(encoding="utf-8"))
    return [
        token.string
        for token in tokenize.generate_tokens(lines.readline)
        if token.type == tokenize.COMMENT
    ]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what: str, name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8", errors="replace")
    assert re.findall(FORBIDDEN[what], text) == []


@pytest.mark.parametrize("name", PYTHON_FILES)
def test_nothing_is_patched_with_mocks(name: str) -> None:
    text = PYTHON_FILES[name].read_text(encoding="utf-8")
    assert MOCK not in text
    assert not re.search(r"from unittest\s+import\s.*\bmock\b", text)


@pytest.mark.parametrize("name", PYTHON_FILES)
def test_an_exception_to_a_rule_names_the_rule(name: str) -> None:
    for comment in comments(PYTHON_FILES[name]):
        assert not re.search(r"#\s*type:\s*ignore(?!\[)", comment)
        assert not re.search(r"#\s*noqa(?!:\s*[A-Z]+[0-9]+)", comment, re.IGNORECASE)


def test_the_count_of_ignored_types_is_held() -> None:
    """Lower the number with the last ignore that goes; raising it wants a reason in the review."""
    ignores = [
        f"{name}: {comment}"
        for name, path in PYTHON_FILES.items()
        for comment in comments(path)
        if re.search(r"type:\s*ignore", comment)
    ]
    assert len(ignores) == TYPE_IGNORES, ignores
