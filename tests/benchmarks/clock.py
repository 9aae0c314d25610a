"""An event loop whose time runs faster, so that a minute's waiting takes seconds.

Every `asyncio` and `anyio` sleep on it is shorter, the vendors' too; what a request takes is not,
so that measured in the loop's seconds it looks slower than it is.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable


def loop_factory(speed: float) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes such loops; with 1, ordinary ones."""

    class Selector(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            return super().select(timeout and timeout / speed)

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return super().time() * speed

    return lambda: Loop(Selector())
