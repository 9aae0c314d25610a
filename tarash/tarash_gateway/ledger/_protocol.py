"""What every ledger promises; what some promise beside it is in `_contract`.

A ledger keeps facts and settles races; what follows from them is for the engine to decide. Every
method may be called from several tasks, threads and event loops at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from .._data._exchange import Operation
from .._data._types import JsonObject, Submission
from ._record_types import Intent, JobRecord, JobState, Outcome


class Ledger(Protocol):
    """Where jobs, intents and operations are written down, so that a crash loses nothing.

    Each call returns only when its fact would survive what the ledger promises to survive. A
    holder is a name that whoever drives a job makes up for this drive, and holds within its process
    only; it counts as alive while its process calls `renew` at least every `lease_seconds`.
    """

    lease_seconds: float
    """How long a holder may be silent before another may take its jobs over."""

    @property
    def generation(self) -> int:
        """Grows when what this is kept in was found to be removed, or replaced by something else.

        Whoever drives a job makes sure then that the job is in it.
        """
        ...

    async def open(
        self, job: JobRecord, owner_id: str, media: Mapping[str, bytes]
    ) -> JobRecord | None:
        """Write down a new job, held by `owner_id`.

        Args:
            job: The job; its entries, state, result and `held` are not looked at.
            owner_id: Who drives it.
            media: The bytes that its request refers to, by their SHA-256; each is stored once,
                and dropped when no open job refers to it any more.

        Returns:
            None, or the job that has this idempotency key already: then nothing was written.
        """
        ...

    async def intend(self, intent: Intent, owner_id: str) -> bool | None:
        """Write down a submit before it leaves, also before each further try of a refused one.

        Returns:
            False where `owner_id` does not hold the job; None where the job is not known.
        """
        ...

    async def note(
        self,
        intent_id: str,
        owner_id: str,
        heard: JsonObject,
        submission: Submission | None = None,
    ) -> bool | None:
        """Write down what was heard of a submit whose attempt goes on.

        Args:
            intent_id: The intent's.
            owner_id: Who drives its job.
            heard: Facts, in addition to those that were noted before.
            submission: How the submit ended, where that was heard.

        Returns:
            False where `owner_id` does not hold the job any more, None where the intent is not
            known: then nothing was written.
        """
        ...

    async def accept(self, intent_id: str, operation: Operation, *, adopted: bool = False) -> bool:
        """Write down the job that came of it, whoever holds it by now.

        Args:
            intent_id: The intent's.
            operation: What the provider made of it.
            adopted: Whether it was found in the provider's list, and may be another intent's.

        Returns:
            False where it is adopted and another intent's already: then nothing was written.
        """
        ...

    async def receive(self, intent_id: str, content: bytes) -> None:
        """Write down the result that answered a submit, whoever holds its job by now.

        It is kept as the request's media are, until the job is closed: `media` returns it by the
        SHA-256 that is noted as `received`. An intent that is not known, or whose job has ended, is
        ignored.

        Args:
            intent_id: The intent's.
            content: The result.
        """
        ...

    async def settle(self, intent_id: str, submission: Submission | None, outcome: Outcome) -> None:
        """Write down how an attempt ended; an intent that nobody knows is ignored.

        What was written before stays, unless it is `detached` or `unknown`, or `stopped` and now
        `completed`; a stop that comes after the end is noted beside it, as heard (`stopped`).

        Args:
            intent_id: The intent's.
            submission: How the submit ended; None where it did not come to one.
            outcome: How the attempt ended.
        """
        ...

    async def close(
        self,
        job_id: str,
        owner_id: str,
        state: JobState,
        result: JsonObject | None = None,
        *,
        free_key: bool = False,
    ) -> bool | None:
        """Write down how a job ended, and let go of it. `open` lets go of it only.

        Args:
            job_id: The job's.
            owner_id: Who drove it.
            state: Where it stands from now on.
            result: What there is to tell whoever asks for it again.
            free_key: Whether its idempotency key may be used by another job from now on.

        Returns:
            False where `owner_id` does not hold the job any more: then nothing was written, and
            whoever took it over has the last word. None where the job is not known.
        """
        ...

    async def keep(self, job_id: str, owner_id: str, result: JsonObject | None) -> bool | None:
        """Write down that a job is open, whatever it was before, and let go of it.

        Args:
            job_id: The job's.
            owner_id: Who drove it.
            result: What it came to, where nobody has got that yet.

        Returns:
            As `close`.
        """
        ...

    async def claim(self, job_id: str, owner_id: str) -> bool | None:
        """Hold a job, in whatever state.

        Returns:
            False where another living holder does; None where the job is not known.
        """
        ...

    async def renew(self) -> None:
        """Say that the holders of this process are alive; cheap when it was said just now."""
        ...

    async def get(self, job_id: str) -> JobRecord | None:
        """Return a job; None where it is not known."""
        ...

    async def find(
        self, provider: str | None, operation_id: str, host: str = ""
    ) -> JobRecord | None:
        """Return the job that an operation belongs to; None where it is not known.

        Args:
            provider: Whose operation it is; None for anybody's, of which the newest counts.
            operation_id: The operation's.
            host: Where it was submitted; jobs whose host is not known count, too.
        """
        ...

    async def jobs(self, *, states: Sequence[JobState] = (), limit: int = 1000) -> list[JobRecord]:
        """Return jobs, newest first: those in one of the states, or all."""
        ...

    async def forget(self, job_id: str) -> bool:
        """Drop a job, in whatever state, with its media; its idempotency key is free then.

        Args:
            job_id: The job's.

        Returns:
            False where a living holder drives it, or nobody knows it: then nothing was dropped.
        """
        ...

    async def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to.

        Raises:
            KeyError: They are not there.
        """
        ...

    async def aclose(self) -> None:
        """Let go of files and connections; the next call opens them again."""
        ...
