"""The command line: `tarash`, or `python -m tarash.tarash_gateway`.

A front door: arguments in, drawing out, and the public functions in between. Nothing of the extra
`cli` is imported before `main` runs, so that a missing one is reported in a sentence.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context

from .._support._extras import how_to_install

__all__ = ["main"]

NEEDED = ("rich", "typer")
USAGE = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows the command's name; by default that of the process.

    Returns:
        The exit code; `tarash --help` and the documentation list them.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    with _ended_by_sigterm(words):
        return _main(words, is_own=arguments is None)


def _main(words: list[str], *, is_own: bool) -> int:
    try:
        with _uncollected(keep=is_own):
            from ._app import run
    except KeyboardInterrupt:
        print("error: Interrupted", file=sys.stderr)
        return INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise

        print(
            f"error: the command line needs {error.name}, which is not installed: "
            f"{how_to_install('cli')}",
            file=sys.stderr,
        )
        return USAGE

    # In a context of its own: what one command notes of itself is not for the next one.
    return copy_context().run(run, words)


@contextmanager
def _uncollected(*, keep: bool) -> Iterator[None]:
    """Collect no garbage meanwhile: modules are none, and were looked through many times.

    Args:
        keep: Whether what is there afterwards is not looked through later on either: it stays for
            as long as the process, which is the command's own.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if keep:
            gc.freeze()

        if was_on:
            gc.enable()


@contextmanager
def _ended_by_sigterm(words: list[str]) -> Iterator[None]:
    """Let a worker that has taken nothing up yet end well, too: by 0, not by the signal."""
    try:
        is_ours = words[:1] == ["worker"] and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)) if is_ours else None
    except ValueError:  # in another thread than the main one, which signals don't reach
        before = None

    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
