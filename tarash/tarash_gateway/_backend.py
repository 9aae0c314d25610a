"""Which event loop runs the asynchronous functions: asyncio's, and no other."""

from __future__ import annotations

import asyncio

from .exceptions import UnsupportedOperationError


def check_loop() -> None:
    """Check that asyncio runs this.

    Raises:
        UnsupportedOperationError: Another library does, such as trio.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise UnsupportedOperationError(
            "The asynchronous functions of Tarash Gateway run on asyncio only, and another library "
            "(trio?) runs this; from there, use the blocking function in a thread: "
            "await trio.to_thread.run_sync(generate_video, config, request)",
            submission="not_sent",
        ) from None
