"""The command lines of pages and examples are such that the real command line takes them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tarash.tarash_gateway.cli import _app
from tarash.tarash_gateway.testing import Simulator

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.py")),
    *sorted((ROOT / "examples").rglob("*.ipynb")),
]
# A line of a block, as it is pasted into a shell; or a command in the middle of a sentence.
LINE = re.compile(r"^ *(?:\S*/)?tarash +((?!…)[a-z-].*)$", re.MULTILINE)
INLINE = re.compile(r"`tarash\s+((?!…|COMMAND)[^`]+)`")


def commands(page: Path) -> Iterator[str]:
    """Yield what stands behind `tarash` on a page."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    for block in blocks if page.suffix == ".md" else [text]:
        yield from LINE.findall(block)

    yield from INLINE.findall(text)


def parse(command: Any, arguments: list[str]) -> int:
    """Take the arguments as the command line does, and do nothing; return the exit code."""
    for path, one in paths(command).items():
        if not hasattr(one, "commands"):
            one.callback = simulated if path == ("simulate",) else lambda **_: 0

    return int(command(args=arguments, prog_name="tarash", standalone_mode=False) or 0)


def paths(command: Any, before: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Return the commands beneath one, by their names as they are written one after another."""
    found: dict[tuple[str, ...], Any] = {}
    for name, one in getattr(command, "commands", {}).items():
        found |= {(*before, name): one, **paths(one, (*before, name))}

    return found


def simulated(provider: list[str] | None, **_: Any) -> int:
    # It refuses names that are none, and is not started. A file is the reader's own.
    Simulator([name for name in provider or () if not name.endswith(".toml")] or None)
    return 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_command_line_takes_what_is_written(page: Path) -> None:
    refused = []
    named = set(paths(typer.main.get_command(_app.app)))
    for line in commands(page):
        arguments = shlex.split(line, comments=True)
        if tuple(arguments) in named:
            continue  # a sentence speaks of the command, which may want more

        try:
            code = parse(typer.main.get_command(_app.app), arguments)
        except (_app.UsageError, ValueError) as error:
            refused.append(f"{line}: {error}")
        else:
            refused += [f"{line}: {code}"] if code else []

    assert refused == []


def test_there_are_commands_to_look_at() -> None:
    found = {line.split()[0] for page in PAGES for line in commands(page)}
    assert {"video", "image", "jobs", "models", "doctor", "simulate"} <= found
    with pytest.raises(_app.UsageError):
        parse(typer.main.get_command(_app.app), ["simulate", "fal", "--run-seconds", "10"])
