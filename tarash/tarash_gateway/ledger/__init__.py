"""Ledgers: where jobs, intents and operations are written down, by the protocol in `_protocol`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._open import open_ledger
from .memory import MemoryLedger

if TYPE_CHECKING:
    from .postgres import PostgresLedger
    from .sqlite import SqliteLedger

__all__ = ["MemoryLedger", "PostgresLedger", "SqliteLedger", "open_ledger"]


def __getattr__(name: str) -> Any:
    # Whoever keeps no file need not load a database.
    if name == "SqliteLedger":
        from .sqlite import SqliteLedger

        return SqliteLedger

    if name == "PostgresLedger":
        from .postgres import PostgresLedger

        return PostgresLedger

    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
