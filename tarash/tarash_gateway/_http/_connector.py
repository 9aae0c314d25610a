"""The connector of our sessions."""

from __future__ import annotations

import select
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler


class Connector(aiohttp.TCPConnector):
    """A connector that lends no kept connection on which something came unasked.

    aiohttp takes whatever was sent meanwhile for the answer to the next request: a second copy of
    an answer would give one caller the job of another, a proxy's parting 503 would let a submit be
    repeated that was accepted.

    It prints nothing when it is forgotten; its sockets close themselves.
    """

    def __init__(self, **options: Any) -> None:
        """Make one; the options are aiohttp's."""
        super().__init__(**options)
        self._lent: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's own signature)
    ) -> Any:
        """Return a connection for a request: a new one, or one that has been silent since."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or protocol not in self._lent:
                # A new one may have been greeted by now: TLS sends its tickets after the handshake.
                if protocol is not None:
                    self._lent.add(protocol)

                return connection

            if not _was_spoken_to(protocol):
                return connection

            connection.close()

    def __del__(self, _warnings: Any = None) -> None:
        """Say nothing."""


def _was_spoken_to(protocol: ResponseHandler) -> bool:
    """Tell whether something came over an idle connection: an answer to nothing, or its end."""
    if protocol.should_close or protocol.transport is None:
        return True

    socket = protocol.transport.get_extra_info("socket")
    number = -1 if socket is None else socket.fileno()
    return number >= 0 and _is_readable(number)


def _is_readable(number: int) -> bool:
    """Tell whether the system holds something that the event loop has not come round to read."""
    if sys.platform == "win32":
        return bool(select.select([number], [], [], 0)[0])

    poll = select.poll()  # which takes numbers above 1,023, too
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
