"""Lets connections go in silence where nobody closes them: a notebook's loop, a gateway forgotten.

aiohttp prints an error for each at exit, about objects that the user has never heard of. What is
closed as it should be never comes here.
"""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    import aiohttp


class Sockets:
    """The sockets of one event loop's connections, which end with it, however it ends.

    A connection can only be closed on its loop; on a closed one it waits for the garbage collection
    of the loop itself, which may be long in coming.
    """

    def __init__(self) -> None:
        self._open: WeakSet[socket.socket] = WeakSet()

    def make(self, address: tuple[Any, ...]) -> socket.socket:
        """Return a new socket for an address, as aiohttp asks for it."""
        made = socket.socket(*address[:3])
        self._open.add(made)
        return made

    def close(self) -> None:
        """Close what is still open."""
        for one in list(self._open):
            one.close()


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
