"""What keeps polls of one job from being answered: each reported once, the last of all at the end.

An answer about an exchange says nothing of the job, which is paid for. So nothing here ends a job;
what a provider goes on denying ends the wait for it.
"""

from __future__ import annotations

import logging
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from .._data._hints import check_dashboard, raise_limit, use_operation
from .._data._hints import text_of_hints as said_of
from .._http._answer import TooLargeResultError, shorten
from .._support._warnings import warn
from ..exceptions import AuthenticationError, HTTPConnectionError, HTTPError, TarashException
from ._intermediaries import UnnamedFailureError
from ._statuses import GONE, status_of
from ._timeouts import DENIALS, DENIED_SECONDS, LARGEST_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._data._exchange import Operation, Snapshot
    from .._support._secrets import Secrets
    from ._attempt import Attempt


NO_KEY = "no_key"
"""The code of an error that says that there are no credentials, so that nothing was asked."""
UNFORESEEN = "adapter_failed"
"""The code of an error that an adapter did not mean to raise: whoever asks again gets it again."""


class _Streak:
    """Polls in a row that came to the same."""

    def __init__(self) -> None:
        self.count = 0
        self._since = 0.0

    def end(self) -> None:
        """Begin anew with the next one."""
        self.count = 0

    def add(self, now: float) -> float:
        """Count one more; return the seconds since the first."""
        self._since = self._since if self.count else now
        self.count += 1
        return now - self._since


def unforeseen_failure(error: Exception, secrets: Secrets) -> TarashException:
    """Return what an exception comes to that nobody foresaw: no word about the job.

    A connection may come back by itself, whoever failed to say what it was.
    """
    words = secrets.text(str(error))
    code = None if isinstance(error, OSError) else UNFORESEEN
    return HTTPConnectionError(
        f"Unforeseen {type(error).__name__} while looking at the job: {words}", code=code
    )


class Troubles:
    """The troubles with one job."""

    def __init__(
        self, attempt: Attempt, operation: Operation, pace: float, clock: Callable[[], float]
    ) -> None:
        """Start without any.

        Args:
            attempt: Whose log they go to.
            operation: The job.
            pace: Seconds that two polls are apart at least: a slow provider is given more time.
            clock: Returns seconds.
        """
        self.last: TarashException | None = None
        """What the last poll met with; None where it was answered."""
        self._attempt = attempt
        self._operation = operation
        self._patience = max(DENIED_SECONDS, DENIALS * pace)
        self._clock = clock
        self.unknown: str | None = None
        """The last status of the job, where it is a word that nobody knows."""
        self._told: set[str] = set()
        self._denials = _Streak()
        self._failures = _Streak()
        self._unnamed = _Streak()

    @property
    def provider(self) -> str:
        """Whose job it is."""
        return self._operation.provider

    @property
    def is_denied(self) -> bool:
        """Whether the last poll was answered with a denial of the job."""
        return self.last is not None and self._denials.count > 0

    def none(self) -> None:
        """Note that a poll was answered."""
        self.last = None
        self._denials.count = self._failures.count = self._unnamed.count = 0

    def status(self, snapshot: Snapshot) -> Snapshot:
        """Note a job's status; return what is said of it: an unknown word is said once."""
        self.unknown = word = snapshot.unknown
        if word is None:
            return snapshot

        if f"status {word}" in self._told or len(self._told) >= LARGEST_MEMORY:
            return replace(snapshot, unknown=None)

        self._told.add(f"status {word}")
        self._attempt.log(logging.WARNING, "status_unknown", status=word)
        sentence = unknown_word(self._operation.provider, word)
        warn(f"{sentence}; it is polled on")
        return replace(snapshot, unknown=sentence)

    def record(self, trouble: TarashException, *, denied: bool) -> bool:
        """Note what kept a poll from being answered.

        Args:
            trouble: What it was.
            denied: Whether it is the job itself that the provider denies.

        Returns:
            Whether it is reported for the first time.

        Raises:
            HTTPError: The provider has denied the job for so long that nobody need wait any more;
                or its result is larger than what may be read of it.
            AuthenticationError: There is no key here to ask with, and none will come by itself.
            TarashException: The adapter itself has failed for as long; or as long as that, an error
                was in the place of the job which may be the job's.
        """
        if isinstance(trouble, TooLargeResultError):
            raise self._too_large(trouble) from trouble

        if trouble.code == NO_KEY:
            raise self._keyless(trouble) from trouble

        if trouble.code != UNFORESEEN:
            self._failures.end()

        self.last = trouble
        is_new = trouble.message not in self._told and len(self._told) < LARGEST_MEMORY
        self._told.add(trouble.message)
        if is_new:
            self._attempt.log(logging.WARNING, "look_failed", error=trouble.message)

        made: Callable[[TarashException, float], TarashException]
        if denied or status_of(trouble) in GONE:
            streak, made = self._denials, self._denied
        elif isinstance(trouble, UnnamedFailureError):
            streak, made = self._unnamed, self._failure
        elif trouble.code == UNFORESEEN:
            streak, made = self._failures, self._failed
        else:
            return is_new  # which neither confirms a denial nor takes it back

        span = streak.add(self._clock())
        if streak.count >= DENIALS and span >= self._patience:
            raise made(trouble, span) from trouble

        return is_new

    def _keyless(self, trouble: TarashException) -> AuthenticationError:
        return AuthenticationError(
            f"The job {self._operation.id} can't be polled from here: {trouble.message}. It may go "
            "on and be billed, and stays unfinished",
            retryable=False,
            code=NO_KEY,
            hints=[use_operation("resume_all and the same idempotency key go on with it")],
        )

    def _too_large(self, trouble: TarashException) -> HTTPError:
        fetch = (
            ", and fetch it with the same idempotency key, or by the token of its handle and that "
            "config (from_token)"
        )
        return HTTPError(
            f"The job {self._operation.id} is done and paid for. {trouble.summary}. It stays "
            f"unfinished: resume({self._operation.id!r}, max_media_bytes=...) fetches it with a "
            "larger limit",
            status_code=status_of(trouble),
            retryable=False,
            code="too_large_result",
            hints=[raise_limit("max_media_bytes", fetch)],
        )

    def _failed(self, trouble: TarashException, span: float) -> TarashException:
        operation = self._operation
        return TarashException(
            f"The job {operation.id} can't be polled: the adapter of {operation.provider} has "
            f"failed at each poll for {span:.0f} s ({trouble.message}), which is a fault of its "
            "own. The job may go on and be billed, and stays unfinished",
            retryable=False,
            code=UNFORESEEN,
            hints=[
                use_operation(
                    "once that is mended, resume_all and the same idempotency key go on with it"
                ),
                check_dashboard("see the provider's dashboard"),
            ],
        )

    def _failure(self, trouble: TarashException, span: float) -> TarashException:
        """Return the failure that was reported for so long, by an answer that doesn't say whose."""
        operation = self._operation
        failed = copy(cast("UnnamedFailureError", trouble).verdict)
        hints = (
            use_operation("resume_all and the same idempotency key go on with it"),
            check_dashboard("see the provider's dashboard"),
        )
        failed.message += (
            f". For {span:.0f} s {operation.provider} has said so without saying of which job, so "
            f"the job {operation.id} stays unfinished, and may go on and be billed{said_of(hints)}"
        )
        failed.args, failed.hints = (failed.message,), hints
        return failed

    def _denied(self, trouble: TarashException, span: float) -> HTTPError:
        operation = self._operation
        what, bill = f"the job {operation.id}", "It may have been billed"
        if self._attempt.done:
            what, bill = f"the result of {what}, which it calls done,", "It is paid for"

        return HTTPError(
            f"{operation.provider} has denied {what} for {span:.0f} s: {trouble.message}. {bill}, "
            "and stays unfinished",
            raw_response=trouble.raw_response,
            status_code=status_of(trouble),
            retryable=False,
            code="job_denied",
            hints=[
                use_operation("resume_all and the same idempotency key go on with it"),
                check_dashboard("see the provider's dashboard"),
            ],
        )


def unknown_word(provider: str, word: str) -> str:
    """Return what to say of a status that nobody knows."""
    return f"{provider} says {word!r} of the job, which is no status that is known here"


def text_of_troubles(troubles: Troubles | None) -> str:
    """Return what to add to the verdict of a deadline: what the last poll met with, if anything."""
    if troubles is None:
        return ""

    if troubles.last is not None:
        return f" (the last poll: {shorten(troubles.last.message)})"

    return (
        ""
        if troubles.unknown is None
        else f" ({unknown_word(troubles.provider, troubles.unknown)})"
    )
