"""What stands before a purchase, and may delay or refuse it: `Gateway(policies=[...])`."""

from __future__ import annotations

from ._data._policies import Policy, PolicyCall, Target

__all__ = ["Policy", "PolicyCall", "Target"]
