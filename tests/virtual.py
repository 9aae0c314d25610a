"""A loop that waits for nothing: where all its tasks sleep, its clock moves on."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def on_virtual_time(made: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on such a loop. There is no network on it, and there are no threads."""

    class Selector(selectors.DefaultSelector):
        skipped = 0.0

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            self.skipped += timeout or 0.0
            return super().select(0)

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return selector.skipped

    selector = Selector()
    with asyncio.Runner(loop_factory=lambda: Loop(selector)) as runner:
        return runner.run(made)
