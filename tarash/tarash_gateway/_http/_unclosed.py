"""Lets connections go in silence where nobody closes them: a notebook's loop, a gateway forgotten.

aiohttp prints an error for each at exit, about objects that the user has never heard of. What is
closed as it should be never comes here.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping
from typing import Any

import aiohttp


class Connector(aiohttp.TCPConnector):
    """A connector that prints nothing when it is forgotten; its sockets close themselves."""

    def __del__(self, _warnings: Any = None) -> None:
        """Say nothing."""


def let_go(owner: object, sessions: Mapping[str, aiohttp.ClientSession]) -> None:
    """Detach sessions when their owner is forgotten, or the interpreter exits.

    Args:
        owner: Who should have closed them.
        sessions: The owner's; whatever it holds by then.
    """
    weakref.finalize(owner, _detach, weakref.ref(owner), sessions, asyncio.get_running_loop())


def _detach(
    owner: weakref.ref[object],
    sessions: Mapping[str, aiohttp.ClientSession],
    loop: asyncio.AbstractEventLoop,
) -> None:
    if owner() is not None and loop.is_running():
        return  # at exit, while jobs are still being cancelled in another thread

    for session in sessions.values():
        session.detach()
