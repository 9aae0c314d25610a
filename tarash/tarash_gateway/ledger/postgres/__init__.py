"""The ledger in PostgreSQL: for any number of processes and machines.

Transactions are in `_database`, connections in `_pool`; psycopg is imported with this room only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from weakref import WeakSet

from .._stored import StoredLedger, checked_lease
from .._write_batching import WriteBatcher
from ._address import Address, psycopg_of, without_password

if TYPE_CHECKING:
    from ._store import DatabaseStore

__all__ = ["Address", "PostgresLedger", "psycopg_of", "without_password"]

LARGEST_MEDIUM = 100 * 1024 * 1024


class PostgresLedger(StoredLedger):
    """Keeps jobs, intents, operations, and the media of open jobs in a PostgreSQL database.

    Every fact is durable before its call returns. Any number of tasks, threads, event loops,
    processes and machines may use the database at once, by a pooler such as pgbouncer, too. A
    database that restarts is waited for, for 10 s. A forked child goes on as a process of its own.
    """

    max_media_bytes: int

    def __init__(  # noqa: PLR0913  (each by its name)
        self,
        url: str,
        lease_seconds: float = 30,
        *,
        max_media_bytes: int = LARGEST_MEDIUM,
        connections: int = 8,
        answer_seconds: float = 5,
        wait_seconds: float = 10,
    ) -> None:
        """Name the database; it is connected to by the first call, which makes the tables.

        Args:
            url: `postgresql://user:password@host:5432/jobs`, with libpq's options behind `?`.
                The tables are in a schema of their own, `tarash`.
            lease_seconds: Seconds that a process may be silent, by the database's clock, before
                others take its jobs over.
            max_media_bytes: Bytes that each input of a request may have that is kept for its job.
            connections: The most that this process has at a time; calls beyond that wait.
            answer_seconds: Seconds that the database may be silent while it is waited for; then the
                connection is given up, and the same is done on another one.
            wait_seconds: Seconds that a call waits for a database that is away or restarts.

        Raises:
            ValidationError: The URL is none, the lease is no positive number, or psycopg is not
                installed.
        """
        self.lease_seconds = checked_lease(lease_seconds, 30)
        self.address = Address(url)
        del url
        super().__init__(f"ledger {self.address}")
        from ._database import Database
        from ._listener import Listener
        from ._pool import Pool
        from ._store import DatabaseStore

        self.max_media_bytes = max_media_bytes
        self._database = Database(
            self.address,
            pool=Pool(self.address, connections, answer_seconds),
            wait_seconds=wait_seconds,
        )
        self.at_once = connections
        self._store: DatabaseStore = DatabaseStore(
            self._database, self.lease_seconds, max_media_bytes
        )
        self._listener = Listener(self.address)
        self._together = WriteBatcher(
            f"ledger {self.address}",
            self._enqueue_all,
            max(1, connections // 2),
        )
        _ledgers.add(self)

    def __repr__(self) -> str:
        return f"PostgresLedger({str(self.address)!r})"

    @property
    def generation(self) -> int:
        """Grows when the database was replaced by another, a standby or a backup."""
        return self._database.generation

    async def until_changed(self, name: str, seconds: float, deaf_seconds: float) -> None:
        """Wait until a job has changed, as another process says, or the time is over.

        Args:
            name: The job's id; `queue` for jobs that were enqueued.
            seconds: How long at most.
            deaf_seconds: How long at most where no notifications arrive, as behind some poolers.
        """
        await self._listener.wait(name, seconds, deaf_seconds)

    async def hears(self) -> bool:
        """Tell whether notifications arrive; they don't behind some poolers. Takes 6 s at most."""
        return await self._listener.proves()

    async def aclose(self) -> None:
        """Close the connections; the next call makes new ones."""
        self._listener.stop()
        await self._run(self._store.let_go)

    def begin_anew(self) -> None:
        """Go on in a forked child, which is another process."""
        self._database.begin_anew()
        self._listener.begin_anew()


_ledgers: WeakSet[PostgresLedger] = WeakSet()


def _after_in_child() -> None:
    for ledger in list(_ledgers):
        ledger.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
