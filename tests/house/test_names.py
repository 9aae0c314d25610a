"""Functions and classes are named with the words of the field."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tarash.tarash_gateway

PACKAGE = Path(tarash.tarash_gateway.__file__).parent
INSTEAD = {
    r"look|looks|looked": "poll, read, examine",
    r"wish|wishes": "requested value",
    r"bend|bent": "adapt",
    r"owed": "unfinished, pending",
    r"goodbye|last_words": "cancellation_note, record_outcome",
    r"hear_out": "await_inflight_response",
    r"shelf": "archive",
    r"relatives|doubts?|weakness": "alternatives, same_family, schema_warning",
    r"beat": "heartbeat",
    r"asked_at": "schema_source",
    r"exchange|gate": "round_trip, connection_slot",
    r"told": "what is done with it: kept, shown, declared",
    r"tell|tells|spoken|farewell": "notify, record, log, print_line, error_text, conclude",
    r"desk|passage|postbox|leaving|member": "ToolService, BreakerPermit, PollSubscriber …",
    r"pace|finished|bell|reach": "PollSchedule, RawResult, Wakeup, FetchPolicy",
}
"""Words that stand in no name, as patterns: what is said instead."""
KEPT = {
    "_http/_client.py:_exchange": "what a round trip of the client itself is made of",
    "_engine/_submit.py:_exchange": "the one that costs money",
    "_data/_model_info.py:weakness": "the old public name, which warns",
    "providers/_declared/_learning.py:_asked_at": "where a price is asked for, and no schema",
    "_http/_sniff.py:_looks_like": "what bytes look like",
    "_support/_secrets.py:looks_secret": "what a name looks like",
    "media/_files.py:looks_like_a_path": "what a text looks like",
    "_http/_connector.py:_was_spoken_to": "a server that has answered",
    "cli/_generate.py:_check_leaving": "what `--detach` is refused with",
    "providers/_declared/_stages.py:_tells": "what schemas tell",
    "testing/": "the simulator's side of a poll",
    "media/_saving.py:reach_of": "how far a place reaches",
    "server/_authorization.py:check_pace": "how often a key may ask",
}
MODULES = frozenset(
    {
        "_around", "_callers", "_desk", "_entrances", "_explained", "_facts", "_front", "_fronts",
        "_gates", "_going_on", "_kinds", "_later", "_leaving", "_lightened", "_marks", "_meant",
        "_member", "_near", "_pauses", "_polling", "_polls", "_postbox", "_recalled", "_terms",
        "_together", "_turns", "_watch",
    }
)  # fmt: skip
"""Names that no module has any more: each says less than what it was renamed to."""
VAGUE = frozenset({"found", "told", "said", "facts"})
"""Names of variables that say where a value comes from, and not what it is."""
OF_PARAMETERS = VAGUE - {"facts"}
"""Names that no parameter has either: `facts: Facts` says what it is, and `**facts` are some."""
ROOMS = sorted(
    path.relative_to(PACKAGE).parts[0]
    for path in PACKAGE.iterdir()
    if path.suffix == ".py" or (path / "__init__.py").is_file()
)


def test_names_use_the_words_of_the_field() -> None:
    words = re.compile(rf"(?:^|_)(?:{'|'.join(INSTEAD)})(?:_|$)", re.IGNORECASE)
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                named = f"{place}:{node.name}"
                if words.search(_in_words(node.name)) and not named.startswith(tuple(KEPT)):
                    found.append(named)

    assert not found, f"{found}: {INSTEAD}"


def test_modules_are_named_by_what_they_hold() -> None:
    assert [path for path in sorted(PACKAGE.rglob("*.py")) if path.stem in MODULES] == []


@pytest.mark.parametrize("room", ROOMS)
def test_variables_say_what_they_are(room: str) -> None:
    place = PACKAGE / room
    vague = [
        f"{path.relative_to(PACKAGE).as_posix()}:{line}: {name}"
        for path in sorted(place.rglob("*.py") if place.is_dir() else [place])
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for line, name in _vague_in(function)
    ]
    assert vague == []


def _vague_in(function: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in VAGUE:
            yield node.lineno, node.id
        elif isinstance(node, ast.arg) and node.arg in OF_PARAMETERS:
            yield node.lineno, node.arg


def _in_words(name: str) -> str:
    """Return a name with its words apart: a class's begin with capitals."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
