"""Words that documentation, messages and comments do without, and what to say instead."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tarash.tarash_gateway

ROOT = Path(__file__).parents[2]
PACKAGE = Path(tarash.tarash_gateway.__file__).parent
PLAIN = {
    r"owed?|owes": "unfinished, pending",
    r"wish(?:es)?": "option, requested value",
    r"bends?|bent": "adjust, change",
    r"told": "said, shown, printed",
    r"(?:a|the|each|every|last|no|two|between|after|fewer|more) looks?|looks": "poll",
}
"""Words to avoid, as patterns: what the field says instead."""
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What is recorded from elsewhere, and what was said of releases that are out.
FOREIGN = {"benchmarks.md", "changelog.md"}


@cache
def strings() -> list[tuple[str, str]]:
    """Return what the package may say to its user, by place: its texts, but not its docstrings."""
    return [
        (f"{path.relative_to(PACKAGE)}:{number}", text)
        for path in sorted(PACKAGE.rglob("*.py"))
        for number, text in strings_of(path)
    ]


def strings_of(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        # A single word is a key or a name of somebody's.
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_sentence = " " in node.value.strip() and id(node) not in docstrings
            yield from [(node.lineno, node.value)] if is_sentence else []


@pytest.mark.parametrize("word", PLAIN, ids=PLAIN.values())
def test_pages_and_messages_speak_plainly(word: str) -> None:
    pattern = re.compile(rf"\b(?:{word})\b", re.IGNORECASE)
    found = [
        f"{page.relative_to(ROOT)}:{number}: {line}"
        for page in PAGES
        if page.name not in FOREIGN
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    found += [f"{place}: {text}" for place, text in strings() if pattern.search(text)]
    assert found == []


def remarks() -> list[tuple[str, str]]:
    """Return the comments and docstrings of the package by place, without what they quote."""
    return [
        (f"{path.relative_to(PACKAGE)}:{number}", re.sub(r"`[^`]*`", "", text))
        for path in sorted(PACKAGE.rglob("*.py"))
        for number, text in remarks_of(path.read_text(encoding="utf-8"))
    ]


def remarks_of(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                for at, line in enumerate(docstring.splitlines()):
                    yield node.lineno + at, line


def test_comments_speak_plainly() -> None:
    # One test for all words: reading the package is what takes time.
    pattern = re.compile(rf"\b(?:{'|'.join(PLAIN)})\b", re.IGNORECASE)
    assert [f"{place}: {text}" for place, text in remarks() if pattern.search(text)] == []
