"""Finds models that end in a project's own files. Reads files and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path

from .._data._model_info import RetiredUse
from ._lifecycle import LIFECYCLES, ending, lifecycle
from ._sources import names, with_dates

SUFFIXES = frozenset(
    {".py", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".env", ".txt", ".md", ".js", ".ts"}
)
SKIPPED = frozenset({"node_modules", "__pycache__", "dist", "build", "site-packages"})
LARGEST_BYTES = 1_000_000
ID = re.compile(r"""["'`=:\s]((?:[\w.-]+/)*[\w.-]+)(?=["'`,\s)\]}]|$)""")
PROVIDER = re.compile(r"""provider["']?\s*[=:]\s*["']?([\w-]+)""")
LINES_AROUND = 4
Owners = Callable[[str], Mapping[str, bool]]
WORD = re.compile(r"[a-z]+\d*[a-z]*", re.IGNORECASE)
"""An id that may be anything else as well: `aleph` is a letter, `veo3` an extra of this package."""
AS_MODEL = re.compile(r"""model\w*["']?\s*(?:[=:]\s*(?:[\[({].*)?)?$""", re.IGNORECASE)
"""What stands before a word that is meant as a model: `model=`, `"model": `, `MODELS = [`."""


def check_files(place: Path, today: date | None = None, within: int = 0) -> Iterator[RetiredUse]:
    """Yield every place in a file, or in the files of a folder, that names a model that ends.

    Args:
        place: A file, or a folder that is searched in full, hidden folders left out.
        today: The day to judge by.
        within: Days from then on that count as its end, too.
    """
    owners = _finder()
    for path in sorted(_files(place)):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue

        yield from _in_text(text, path, owners, today, within)


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return

    for path in place.rglob("*"):
        inside = path.relative_to(place).parts
        hidden = any(part.startswith(".") or part in SKIPPED for part in inside[:-1])
        text = path.suffix in SUFFIXES or path.name.startswith(".env")
        if not hidden and text and path.is_file() and path.stat().st_size <= LARGEST_BYTES:
            yield path


def _in_text(
    text: str, path: Path, owners: Owners, today: date | None, within: int
) -> Iterator[RetiredUse]:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        seen: set[str] = set()
        for match in ID.finditer(f" {line}"):
            model, before = match[1], match.string[: match.start(1)]
            meant = {} if model in seen else owners(model)
            provider = _provider(model, meant, lines, number, before) if meant else None
            note = ending(provider, model, today, within) if provider is not None else None
            if provider is not None and note is not None:
                seen.add(model)
                yield RetiredUse(
                    path=str(path), line=number + 1, provider=provider, model=model, note=note
                )


def _finder() -> Owners:
    """Return what finds the providers at which a model ends.

    It says of each whether the model is its own or passed on to it.
    """
    described = names()
    own = (*LIFECYCLES, *with_dates())

    @cache  # files have the same words again and again
    def owners(model: str) -> dict[str, bool]:
        hosts = described if model.partition("/")[0] in described else ()
        ends = {name: lifecycle(name, model) for name in dict.fromkeys((*own, *hosts))}
        return {name: not value.is_passed_on for name, value in ends.items() if value is not None}

    return owners


def _provider(
    model: str, owners: Mapping[str, bool], lines: list[str], number: int, before: str
) -> str | None:
    """Return the provider that a line's model is meant for: named near by, else the only one."""
    near = lines[max(0, number - LINES_AROUND) : number + LINES_AROUND + 1]
    named = [mention for line in near for mention in PROVIDER.findall(line)]
    if named:
        return next((name for name in named if name in owners), None)

    before = before.rstrip("\"'` ")
    meant = AS_MODEL.search(before) or before.endswith(tuple(f"{name}:" for name in owners))
    if WORD.fullmatch(model) and not meant:
        return None

    plain = [name for name, own in owners.items() if own and not name.startswith("azure")]
    return plain[0] if len(plain) == 1 else None
