"""Our errors are read by their fields: a sentence is for people, and may be said better any day."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import tarash.tarash_gateway

PACKAGE = Path(tarash.tarash_gateway.__file__).parent
OF_TEXT = frozenset(
    {"count", "endswith", "find", "index", "lower", "partition", "removeprefix", "removesuffix",
     "replace", "rpartition", "rsplit", "split", "splitlines", "startswith", "strip"}
)  # fmt: skip
PATTERNS = frozenset({"findall", "finditer", "fullmatch", "match", "search", "sub", "subn"})
ERRORS = frozenset(
    {"cause", "err", "error", "exc", "exception", "failed", "failure", "found", "problem",
     "reason", "refused", "trouble", "warning"}
)  # fmt: skip
ALLOWED = {
    # The driver gives these errors no code.
    "ledger/postgres/_database.py": 1,
    "ledger/postgres/_errors.py": 1,
    # The end of its own message, which it has written itself.
    "_data/_hints.py": 1,
    # The places of a file's mistakes: lines of the sentence, shown as lines.
    "cli/_check_file.py": 1,
    # Others' file systems, whose errors are shortened and explained.
    "media/_stores.py": 1,
    # Rows of versions that kept the advice in the sentence, and not beside it.
    "server/_words.py": 1,
}


def is_sentence(node: ast.AST) -> bool:
    """Tell whether an expression is the sentence of an error: `error.message`, `str(error)`."""
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr="message"):
            return True
        case ast.Attribute(value=of, attr="message"):
            return not ast.unparse(of).endswith("refusal")
        case ast.Call(func=ast.Name(id="str" | "repr"), args=[ast.Name(id=name)]):
            return name in ERRORS
        case ast.Subscript(value=ast.Attribute(attr="args")):
            return True
        case _:
            return False


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr)


def readings(tree: ast.AST) -> Iterator[int]:
    """Yield the lines where a sentence is searched, taken apart or compared."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr=name), args=given):
                by_pattern = name in PATTERNS and any(map(is_sentence, given))
                if by_pattern or (name in OF_TEXT and is_sentence(of)):
                    yield node.lineno
            case ast.Compare(left=left, ops=ops, comparators=[right]):
                is_searched = isinstance(ops[0], ast.In | ast.NotIn) and is_sentence(right)
                other = {True: right, False: left}[is_sentence(left)]
                if is_searched or (is_text(other) and (is_sentence(left) or is_sentence(right))):
                    yield node.lineno
            case _:
                pass


def test_no_code_reads_the_sentence_of_an_error() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := sorted(readings(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert {name: len(lines) for name, lines in found.items()} == ALLOWED, found


def test_each_way_to_read_a_sentence_is_seen() -> None:
    ways = (
        "'gone' in error.message",
        "error.message.startswith('HTTP ')",
        "str(error).split(';')",
        "WORDS.search(failed.error.message)",
        "re.sub(WORDS, '', str(trouble))",
        "error.args[0].lower()",
        "error.message == 'gone'",
    )
    assert [list(readings(ast.parse(way))) for way in ways] == [[1]] * len(ways)
    assert not list(readings(ast.parse("log(error.message); said in refusal.message")))
