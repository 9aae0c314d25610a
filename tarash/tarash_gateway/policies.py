"""What stands before a purchase, and may delay or refuse it: `Gateway(policies=[...])`."""

from __future__ import annotations

from ._data import _policies
from ._data._events import AttemptEvent
from ._data._policies import Policy, PolicyCall, Target

__all__ = ["Policy", "PolicyCall", "Target"]

# What an annotation of a policy names, and nobody needs who has none.
vars(_policies)["AttemptEvent"] = AttemptEvent
