"""Drives one attempt: build → submit → look until it is done → parse. The only place that sleeps.

A submit leaves at most once unless it certainly bought nothing; an accepted job is never lost to a
failing look. Who is tried next is the orchestrator's business.
"""

from __future__ import annotations

from ._drive import Resources, checked_payload, drive, fitted_call
from ._handlers import handle

__all__ = ["Resources", "checked_payload", "drive", "fitted_call", "handle"]
