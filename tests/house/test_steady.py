"""What no test may do that has to pass on a machine that does ten other things.

A limit that may pass before the test has seen what it waits for, and a time that is compared with
another: both fail by the speed of the machine. `tests/conftest.py` has what to do instead: count,
let jobs go by looks, leap over limits.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
ELSEWHERE = ("benchmarks", "live")
"""Where time itself is measured, or is not ours."""
SHORTEST_LIMIT = 20
CLOCKS = {"monotonic", "perf_counter", "time"}
MEANT = re.compile(r"#.*\bwaited for\b")
"""A comment on the line of a limit that the test lets pass, since it can't leap over it."""
FILES = {
    path.relative_to(TESTS).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(TESTS.rglob("*.py"))
    if path.relative_to(TESTS).parts[0] not in ELSEWHERE
}


def limits(tree: ast.AST) -> Iterator[tuple[int, float]]:
    """Yield the line and the seconds of each `timeout` that is given as a number."""
    for node in ast.walk(tree):
        pairs: list[tuple[object, ast.expr]] = []
        if isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            keys = [getattr(key, "value", None) for key in node.keys]
            pairs = list(zip(keys, node.values, strict=True))

        for name, value in pairs:
            if name != "timeout" or not isinstance(value, ast.Constant):
                continue

            if isinstance(value.value, int | float):
                yield value.lineno, value.value


def test_a_limit_is_none_that_a_slow_machine_reaches() -> None:
    short = [
        f"{name}, line {line}: {seconds}"
        for name, text in FILES.items()
        for line, seconds in limits(ast.parse(text))
        if 0 < seconds < SHORTEST_LIMIT and not MEANT.search(text.splitlines()[line - 1])
    ]
    assert short == []


def test_no_times_are_compared() -> None:
    clocks = [
        f"{name}, line {node.lineno}: time.{node.attr}"
        for name, text in FILES.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCKS
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
    ]
    assert clocks == []
