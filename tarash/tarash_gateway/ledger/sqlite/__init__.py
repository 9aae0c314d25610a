"""The ledger in a SQLite file: what is written survives a crash, and processes may share it.

Transactions are in `_file`; what it shares with a database of another make, a level above.
"""

from __future__ import annotations

import os
from pathlib import Path

from .._stored import StoredLedger, checked_lease
from .._write_batching import WriteBatcher
from ._store import FileStore

__all__ = ["SqliteLedger"]


class SqliteLedger(StoredLedger):
    """Keeps jobs, intents and operations in a file, and the media of open jobs beside it.

    Every fact is on disk before its call returns. Any number of tasks, threads, event loops and
    processes of one machine may use the file at once; a network drive won't do. A forked child
    goes on as a process of its own.
    """

    def __init__(self, path: str | os.PathLike[str], lease_seconds: float = 15) -> None:
        """Name the file; it is made, or opened, by the first call.

        Args:
            path: The file; missing folders are made. Its media are in `<path>-media`.
            lease_seconds: Seconds that a process may be silent before others take its jobs over.
                One that is known to have ended is not waited for.

        Raises:
            ValidationError: The lease is no positive number.
        """
        self.lease_seconds = checked_lease(lease_seconds, 15)
        # Where it really is: what stands beside the file is beside no link to it.
        self.path = Path(os.path.realpath(Path(path).expanduser()))
        super().__init__(f"ledger {self.path}")
        self._store: FileStore = FileStore(self.path, self.lease_seconds)
        self._together = WriteBatcher(f"ledger {self.path}", self._enqueue_all, at_once=1)

    @property
    def generation(self) -> int:
        """Grows when the file was found to be removed or replaced while it was open."""
        return self._store.generation

    async def aclose(self) -> None:
        """Let go of the file; the next call opens it again."""
        await self._run(self._store.let_go)
