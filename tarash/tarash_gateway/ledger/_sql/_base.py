"""What the calls of a ledger need of its database; each kind of database has its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..._data._types import Submission
    from .._processes import Process

Result = TypeVar("Result")


class Row(Protocol):
    """A row of any database: its columns by name."""

    def keys(self) -> Any:
        """Return the names of the columns."""
        ...

    def __getitem__(self, name: str, /) -> Any: ...


class Transaction(Protocol):
    """What may be done in one transaction."""

    in_doubt: bool
    """Whether the same was tried before, and may have been done."""
    after: list[Callable[[], Any]]
    """What to do once it is done."""
    is_silent: bool
    """Whether nobody is to be notified."""

    def all(self, query: str, *values: Any) -> Sequence[Row]:
        """Return the rows of a query."""
        ...

    def first(self, query: str, *values: Any) -> Row | None:
        """Return the first row of a query; None where there is none."""
        ...

    def run(self, query: str, *values: Any) -> int:
        """Change something; return in how many rows."""
        ...

    def lock(self, *words: str) -> None:
        """Let nobody else who asks for a lock of this name go on until the transaction ends."""
        ...


class Base(ABC):
    """One database, and the process that this one is to the others."""

    def __init__(self, lease_seconds: float) -> None:
        """Take how long a process may be silent, in seconds."""
        self._lease_seconds = lease_seconds

    @property
    @abstractmethod
    def process(self) -> Process:
        """The process that this one is to the others; another one in a forked child."""

    @abstractmethod
    def _write(
        self,
        work: Callable[[Transaction], Result],
        submission: Submission | None = None,
        *,
        in_doubt: Submission | None = None,
    ) -> Result:
        """Do something in one transaction, which is durable on return.

        Args:
            work: What to do; maybe done again where nobody can tell whether it was done.
            submission: How a submit ended that a failure is about.
            in_doubt: The same where nobody can tell in the end whether it was done; None for the
                same word.
        """

    @abstractmethod
    def _read(
        self, work: Callable[[Transaction], Result], submission: Submission | None = None
    ) -> Result:
        """See everything as it is at one moment."""

    @abstractmethod
    def _readable(self) -> AbstractContextManager[None]:
        """Say of rows that are made into records what a transaction says of itself."""

    @abstractmethod
    def _prepared(
        self, media: Mapping[str, bytes], submission: Submission | None
    ) -> AbstractContextManager[Callable[[Transaction, str], None]]:
        """Make ready to keep bytes; what is given keeps them for a job, in its transaction."""

    @abstractmethod
    def _drop_media(self, transaction: Transaction, job_id: str) -> None:
        """Let go of a job's bytes, and drop those that no other job needs."""
