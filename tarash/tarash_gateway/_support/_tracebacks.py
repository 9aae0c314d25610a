"""Cuts tracebacks: what HTTP clients and SDKs did, and, where an error leaves us, what we did.

Tools that record errors (Sentry, structlog, rich, loguru) print the variables of each frame. Frames
of ours hold nothing that prints a key; frames of others can't be asked to. And whoever reads an
error in a notebook wants the line that asked and the sentence, not two dozen frames between them.
What an interruption has to say of its job is a note, and more where notes are not shown.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import sys
from collections.abc import Collection, Iterator
from types import TracebackType

OTHERS = frozenset(
    {
        *("aiohttp", "aiohttp_socks", "asyncio", "h11", "http", "httpcore", "httpcore2", "httpx"),
        *("httpx2", "multidict", "python_socks", "requests", "socket", "ssl", "urllib", "urllib3"),
        *("fal_client", "google", "lumaai", "openai", "replicate", "runwayml", "yarl"),
        *("codecs", "encodings", "json", "pydantic"),
    }
)
"""Modules whose frames may hold what was sent, by the first part of their names."""
PACKAGE = __name__.partition("._support")[0]
BETWEEN = OTHERS | {"anyio", "concurrent", "contextlib", "threading"}
"""Modules whose frames lie between the user's code and what went wrong."""


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, its causes and contexts, and those of a group, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop()
        if link is None or id(link) in seen:
            continue

        seen.add(id(link))
        yield link
        inner = link.exceptions if isinstance(link, BaseExceptionGroup) else ()
        waiting += [link.__cause__, link.__context__, *inner]


def trimmed(
    traceback: TracebackType | None, names: Collection[str] = OTHERS, package: str | None = None
) -> TracebackType | None:
    """Return a traceback without the frames of others.

    Args:
        traceback: What to cut.
        names: Modules whose frames go, by the first part of their names.
        package: A package whose frames go, too.
    """
    kept: list[TracebackType] = []
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        is_of_package = package is not None and f"{module}.".startswith(f"{package}.")
        if module.partition(".")[0] not in names and not is_of_package:
            kept.append(traceback)

        traceback = traceback.tb_next

    rebuilt: TracebackType | None = None
    for frame in reversed(kept):
        rebuilt = TracebackType(rebuilt, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)

    return rebuilt


class surfaced:  # noqa: N801  (read as a function, as `contextlib.suppress` is)
    """Leave our frames out of the traceback of an error that goes to the user's code.

    They stay where the package's logger is at DEBUG, and in a cause that nobody foresaw. The user's
    own (of a registered handler, say) always do. A class, since each waiting job holds one, and a
    generator's frame takes a KiB.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, _kind: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Cut; whoever raises it on adds the frames of the callers."""
        if error is None or not _is_for_people(error):
            return

        if logging.getLogger(PACKAGE).isEnabledFor(logging.DEBUG):
            return

        for link in chain_of(error):
            if link is error or _is_of_others(link) or _is_for_people(link):
                link.__traceback__ = trimmed(link.__traceback__, BETWEEN, PACKAGE)


def _is_for_people(error: BaseException) -> bool:
    """Tell whether an error says by itself what there is to know, or somebody has interrupted."""
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        return True

    return any(f"{base.__module__}.".startswith(f"{PACKAGE}.") for base in type(error).__mro__)


def _is_of_others(error: BaseException) -> bool:
    """Tell whether it is one of a client's, an SDK's or the system's own."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in OTHERS


SHOWS_NOTES = (8, 14)
"""The version of IPython that does; Colab has had 7.34 for years."""
_SILENT = (KeyboardInterrupt, asyncio.CancelledError, concurrent.futures.CancelledError)
"""What is raised without a word of its own, and read by nobody but people."""


def add_note(error: BaseException, words: str) -> None:
    """Add a note to an exception; in an old IPython it becomes its text, which is shown."""
    error.add_note(words)
    version = getattr(sys.modules.get("IPython"), "version_info", SHOWS_NOTES)
    if type(error) in _SILENT and not error.args and tuple(version[:2]) < SHOWS_NOTES:
        error.args = (words,)
