"""What an interruption has to say of its job: a note, and more where notes are not shown."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys

SHOWS_NOTES = (8, 14)
"""The version of IPython that does; Colab has had 7.34 for years."""
_SILENT = (KeyboardInterrupt, asyncio.CancelledError, concurrent.futures.CancelledError)
"""What is raised without a word of its own, and read by nobody but people."""


def tell(error: BaseException, words: str) -> None:
    """Add a note to an exception; in an old IPython it becomes its text, which is shown."""
    error.add_note(words)
    version = getattr(sys.modules.get("IPython"), "version_info", SHOWS_NOTES)
    if type(error) in _SILENT and not error.args and tuple(version[:2]) < SHOWS_NOTES:
        error.args = (words,)
