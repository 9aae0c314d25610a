"""Functions and classes are named with the words of the field."""

from __future__ import annotations

import ast
import re
from pathlib import Path

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
}
"""Words that stand in no name, as patterns: what is said instead."""
KEPT = {
    "_http/_client.py:_exchange": "what a round trip of the client itself is made of",
    "_engine/_submit.py:_exchange": "the one that costs money",
    "_data/_model_info.py:weakness": "the old public name, which warns",
    "providers/_declared/_pricing.py:_asked_at": "where a price is asked for, and no schema",
    "_http/_kinds.py:_looks_like": "what bytes look like",
    "_support/_secrets.py:looks_secret": "what a name looks like",
    "media/_files.py:looks_like_a_path": "what a text looks like",
    "testing/": "the simulator's side of a poll",
}


def test_names_use_the_words_of_the_field() -> None:
    words = re.compile(rf"(?:^|_)(?:{'|'.join(INSTEAD)})(?:_|$)", re.IGNORECASE)
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                named = f"{place}:{node.name}"
                if words.search(node.name) and not named.startswith(tuple(KEPT)):
                    found.append(named)

    assert not found, f"{found}: {INSTEAD}"
