"""Small helpers that users and their registered handlers import by name."""

from __future__ import annotations

from ._support._ids import generate_unique_id

__all__ = ["generate_unique_id"]
