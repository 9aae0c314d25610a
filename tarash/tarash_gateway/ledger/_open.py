"""Turns the URL of a ledger into the ledger: one for each file and process."""

from __future__ import annotations

import os

from .._support._words import with_article
from ..exceptions import ValidationError
from ._contract import Ledger
from .memory import MemoryLedger

EXAMPLES = (
    "use sqlite:///jobs.db (relative to the working directory), sqlite:////var/lib/app/jobs.db "
    "(absolute), postgresql://user:password@host/jobs (for many machines), or memory: (lives as "
    "long as the process)"
)

_ledgers: dict[str, Ledger] = {}


def open_ledger(url: str | os.PathLike[str]) -> Ledger:
    """Return the ledger that a URL names; nothing is read or written before its first call.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` (`~` is the home directory),
            `postgresql://user:password@host:5432/database`, `memory:`, or the `pathlib.Path` of an
            SQLite file.

    Returns:
        The same object for the same file or database in one process, and one memory.

    Raises:
        ValidationError: It is none of these, or what it needs is not installed.
    """
    if isinstance(url, os.PathLike):
        return _file(os.fspath(url))

    if not isinstance(url, str):
        raise ValidationError(
            f"A ledger is given as a URL, a pathlib.Path or an object that keeps one, not as "
            f"{with_article(type(url).__name__)}: {EXAMPLES}"
        )

    if url == "memory:":
        return _ledgers.setdefault(url, MemoryLedger())

    if url.startswith(("postgresql:", "postgres:")):
        from .postgres import PostgresLedger

        return _ledgers.get(url) or _ledgers.setdefault(url, PostgresLedger(url))

    scheme, separator, name = url.partition(":///")
    if scheme != "sqlite" or not separator:
        # Not the whole of it: URLs of other databases carry passwords.
        shown = f"{scheme.partition(':')[0]}:…" if ":" in url else url
        raise ValidationError(f"{shown!r} is not a ledger's URL: {EXAMPLES}")

    if not name or name == ":memory:" or name.endswith("/") or "?" in name or "\0" in name:
        raise ValidationError(
            f"{url!r} names no file, or has options, of which there are none: {EXAMPLES}"
        )

    return _file(name)


def _file(path: str) -> Ledger:
    from .sqlite import SqliteLedger

    ledger = SqliteLedger(path)
    return _ledgers.setdefault(str(ledger.path), ledger)
