"""Warns the user's code of what it should know; a warning never ends a generation.

A warning belongs to the line that asked. Most are found out on another thread or in another task,
so the public functions note that line: `with asked_here()`.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from functools import lru_cache
from types import FrameType
from typing import Any

# Whose frames lie between the user's code and ours.
PACKAGE = __name__.partition("._support")[0]
OURS = f"{PACKAGE}."
BETWEEN = frozenset({"anyio", "asyncio", "concurrent", "contextlib", "threading"})


@dataclass(frozen=True, slots=True)
class Line:
    """What a warning is said to be about."""

    filename: str
    number: int
    module: str
    registry: dict[Any, Any] = field(repr=False)
    """Where Python notes what it has shown for this module."""
    function: str = ""


NOBODY = Line("<tarash_gateway>", 1, PACKAGE, {})
"""Where no line of the user's is known: a name without a source, and always the same."""
_asked: ContextVar[Line | None] = ContextVar("_asked", default=None)
_is_unasked: ContextVar[bool] = ContextVar("_is_unasked", default=False)


class UnknownModelWarning(UserWarning):
    """A model's id is almost a known one, or another provider's, and is sent as it is."""


def warn(message: str, category: type[UserWarning] = UserWarning) -> None:
    """Warn at the line of the user's code that led here; at `NOBODY` if there is none.

    Filters may make errors of warnings; where money may be at stake, that would lose a job.
    """
    line = _find() or _asked.get() or NOBODY
    with suppress(UserWarning):
        warnings.warn_explicit(
            message, category, line.filename, line.number, line.module, line.registry
        )


def asking_line() -> Line | None:
    """Return the line of the user's code that led here, as far as it is known."""
    return _find() or _asked.get()


class asked_here:  # noqa: N801  (read as a function, as `contextlib.suppress` is)
    """Have warnings be about the present line of the user's code, wherever they are found out.

    A line that is known already stays where this has none: in a blocking call's own task. A class,
    since each waiting job holds one, and a generator's frame takes a KiB.
    """

    __slots__ = ("_token",)

    def __init__(self) -> None:
        self._token: Token[Line | None] | None = None

    def __enter__(self) -> None:
        line = _find()
        if line is not None:
            self._token = _asked.set(line)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            with suppress(ValueError):  # a coroutine that nobody ends is closed anywhere
                _asked.reset(self._token)


class nobody_asks:  # noqa: N801  (as `asked_here`)
    """Look for no line of the user's code meanwhile: what a worker does stands in none.

    A walk keeps an object for each frame of the stack as long as the frame, which is as long as a
    job waits: 2 KiB of each.
    """

    __slots__ = ("_token",)

    _token: Token[bool]

    def __enter__(self) -> None:
        self._token = _is_unasked.set(True)

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):  # as `asked_here`
            _is_unasked.reset(self._token)


def _find() -> Line | None:
    """Return the innermost line of the user's code on this stack."""
    if _is_unasked.get():
        return None

    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (whose line is it?)
    last = _first_of_task()
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if _is_asking(name):
            registry = frame.f_globals.setdefault("__warningregistry__", {})
            code = frame.f_code
            return Line(code.co_filename, frame.f_lineno, name, registry, code.co_name)

        if frame is last:
            return None

        frame = frame.f_back

    return None


@lru_cache(maxsize=1024)
def _is_asking(module: str) -> bool:
    """Tell whether the code of a module may be the user's, by its name."""
    is_ours = module == PACKAGE or module.startswith(OURS)
    return not is_ours and module.partition(".")[0] not in BETWEEN


def _first_of_task() -> FrameType | None:
    """Return the frame that the running task began with: below it lies whoever runs the loop."""
    import asyncio

    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs on this thread
        return None

    frame: FrameType | None = getattr(task and task.get_coro(), "cr_frame", None)
    return frame
