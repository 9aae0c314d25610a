"""Ledgers: where intents and operations are written down, by the contract's protocol."""

from __future__ import annotations

from .memory import Entry, MemoryLedger

__all__ = ["Entry", "MemoryLedger"]
