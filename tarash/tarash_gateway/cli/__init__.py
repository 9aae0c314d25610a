"""The command line: `tarash`, or `python -m tarash.tarash_gateway`.

A front door: arguments in, drawing out, and the public functions in between. Nothing of the extra
`cli` is imported before `main` runs, so that a missing one is told in a sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
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
    try:
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
    words = sys.argv[1:] if arguments is None else list(arguments)
    return copy_context().run(run, words)
