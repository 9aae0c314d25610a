"""Ledgers: where jobs, intents and operations are written down, by the protocol in `_records`."""

from __future__ import annotations

from .memory import MemoryLedger

__all__ = ["MemoryLedger"]
