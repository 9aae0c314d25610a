"""Connections to one database: few, for any thread, each wait limited; none goes through a fork.

Not psycopg's own pool: that keeps threads, which a fork loses, and puts no limit on a statement
whose answer never comes.
"""

from __future__ import annotations

import os
import select
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from psycopg import Connection, OperationalError
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from ._errors import LateError

if TYPE_CHECKING:
    from collections.abc import Generator

    from ._address import Address

LARGEST_POOL = 8
"""Connections of one process; more calls wait for each other."""
ANSWER_SECONDS = 5.0
"""How long a connection may be silent while it is waited for; then it is given up."""


class LimitedConnection(Connection[dict[str, Any]]):
    """A connection whose every wait ends, also where the network swallows all that is sent."""

    seconds = ANSWER_SECONDS
    is_checked = False
    """Whether its database was found to have our tables."""

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **options: Any) -> Any:
        """Wait for an answer.

        Raises:
            LateError: It has not come in time.
        """
        return super().wait(_limited(gen, self.seconds), *arguments, **options)


def _limited(gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """Hand a generator of psycopg's on; it is resumed ten times a second at least."""
    until = time.monotonic() + seconds
    try:
        state = next(gen)
        while True:
            ready = yield state
            time_ = time.monotonic()
            if ready:
                until = time_ + seconds  # bytes flow
            elif time_ > until:
                raise LateError(f"no answer came in {seconds:g} seconds")

            state = gen.send(ready)
    except StopIteration as done:
        return done.value
    finally:
        gen.close()


class Pool:
    """The connections of this process to one database."""

    def __init__(
        self, address: Address, largest: int = LARGEST_POOL, seconds: float = ANSWER_SECONDS
    ) -> None:
        """Note the address; nothing is connected before it is needed.

        Args:
            address: The database's.
            largest: The most connections.
            seconds: How long each may be silent while it is waited for.
        """
        self.address = address
        self.largest = largest
        self.seconds = seconds
        self._inherited: list[LimitedConnection] = []
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(self.largest)
        self._idle: list[LimitedConnection] = []
        # Also when the interpreter exits: psycopg warns of connections that nobody has closed.
        self._closing = weakref.finalize(self, _close_all, self._idle, os.getpid())

    @contextmanager
    def connection(self, until: float) -> Iterator[LimitedConnection]:
        """Lend a connection that is no part of a transaction.

        One that comes back in the middle of something, or broken, is closed.

        Args:
            until: The `time.monotonic` at which to stop waiting for one.

        Raises:
            LateError: Others have all of them.
            OperationalError: The database can't be reached, or lets nobody in.
        """
        free = self._free
        if not free.acquire(timeout=max(0.0, until - time.monotonic())):
            raise LateError(f"all {self.largest} connections are busy")

        try:
            connection = self._taken() or connect(self.address, self.seconds)
            try:
                yield connection
            finally:
                self._put_back(connection)
        finally:
            free.release()

    def _taken(self) -> LimitedConnection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None

                connection = self._idle.pop()

            if is_quiet(connection):
                return connection

            close(connection)

    def _put_back(self, connection: LimitedConnection) -> None:
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            close(connection)
            return

        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Close what nobody uses at the moment."""
        with self._lock:
            idle = list(self._idle)
            self._idle.clear()

        for connection in idle:
            close(connection)

    def begin_anew(self) -> None:
        """Go on in a forked child: what was connected is the parent's, which goes on using it."""
        self._inherited += self._idle
        self._closing.detach()
        self._begin()


def connect(address: Address, seconds: float = ANSWER_SECONDS) -> LimitedConnection:
    """Return a new connection, whose every answer comes within so many seconds.

    Raises:
        OperationalError: It can't be made; without the frames that know the password.
    """
    reason = ""
    try:
        made = LimitedConnection.connect(
            **address.options(), autocommit=True, prepare_threshold=None, row_factory=dict_row
        )
    except OperationalError as error:
        reason = address.clean(str(error))
    else:
        made.seconds = seconds
        return made

    raise OperationalError(reason)


def is_quiet(connection: LimitedConnection) -> bool:
    """Tell whether nothing has come over an idle connection, such as the news that it is closed."""
    if connection.closed:
        return False

    try:
        ready, _, _ = select.select([connection.fileno()], [], [], 0)
    except (OSError, ValueError, OperationalError):
        return False  # also a number that `select` does not take: a new one is made

    return not ready


def close(connection: LimitedConnection) -> None:
    """Close a connection, whatever state it is in."""
    with suppress(Exception):
        connection.close()


def _close_all(idle: list[LimitedConnection], pid: int) -> None:
    if pid == os.getpid():
        for connection in idle:
            close(connection)


_pools: WeakSet[Pool] = WeakSet()


def _after_in_child() -> None:
    for pool in list(_pools):
        pool.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
