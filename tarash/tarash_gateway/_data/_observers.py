"""What may observe attempts; apart from the events, which a mere import does not need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._events import AttemptEvent

    Observer = Callable[[AttemptEvent], object]
else:
    Observer = Callable[[Any], object]
