"""Asks once more for what a job that is called done has made, where nothing is there yet.

A provider's machines don't always agree: the status may be ahead of the media that it tells of. So
an end without media and without a reason counts only when it has stood for some polls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._data._events import Polled
from .._data._exchange import ENDED, NO_MEDIA, Operation, Snapshot
from ..exceptions import HTTPError, TarashException
from ._intermediaries import in_its_place, is_error, names_another

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..providers._contract import Adapter
    from ._attempt import Attempt

BLANKS = 3
"""So many further polls have to find nothing."""
BLANK_SECONDS = 10
"""And so much time has to pass, or as many poll intervals."""


class Blanks:
    """What was found empty of one job."""

    def __init__(
        self,
        adapter: Adapter,
        attempt: Attempt,
        operation: Operation,
        clock: Callable[[], float],
    ) -> None:
        """Start without any.

        Args:
            adapter: Whose results they are.
            attempt: Whose job it is.
            operation: The job.
            clock: Returns seconds.
        """
        self._adapter = adapter
        self._attempt = attempt
        self._operation = operation
        self._clock = clock
        self._patience = min(BLANK_SECONDS, BLANKS * attempt.call.config.poll_interval)
        self._since = 0.0
        self._number = 0
        self._is_named = False

    def borne(self, snapshot: Snapshot, *, is_last: bool = False) -> Snapshot:
        """Return a snapshot; in place of an end without media, for a while, that it tells nothing.

        The job counts as done meanwhile: it is not stopped.

        Args:
            snapshot: What a poll says.
            is_last: Whether there may be no further poll.
        """
        self._is_named = self._is_named or snapshot.job_id == self._operation.id
        if names_another(snapshot, self._operation):
            return self._another(snapshot, is_last=is_last)

        blank = self._blank_in(snapshot)
        if blank is None or not (isinstance(blank, HTTPError) or self._counts(is_last=is_last)):
            return snapshot

        status = self._attempt.status or "queued"
        self._attempt.take(Polled(status=status, result_ready=True))
        return Snapshot(status, trouble=blank)

    def _counts(self, *, is_last: bool) -> bool:
        """Tell whether an empty end is to be asked after once more."""
        return not is_last and not self._has_stayed()

    def _has_stayed(self) -> bool:
        now = self._clock()
        self._since = self._since if self._number else now
        self._number += 1
        return self._number > BLANKS and now - self._since >= self._patience

    def _another(self, snapshot: Snapshot, *, is_last: bool) -> Snapshot:
        """Return that nothing is said of the job; its server may know it by another id, though.

        Caches hand out the answer that was for somebody else. Some gateways give the id of whoever
        is behind them, in each answer.
        """
        if not self._is_named and (
            snapshot.status not in ENDED or not self._counts(is_last=is_last)
        ):
            return snapshot

        operation = self._operation
        trouble = HTTPError(
            f"The answer is about the job {snapshot.job_id}, and not about {operation.id}",
            raw_response=snapshot.raw,
            status_code=200,
            retryable=True,
        )
        return Snapshot(self._attempt.status or "queued", trouble=trouble)

    def is_end(self, snapshot: Snapshot) -> bool:
        """Tell whether a snapshot has all of an end: media, or a failure and its reason."""
        if snapshot.status == "failed":
            return snapshot.error is not None and not _is_blank(snapshot.error)

        finished = snapshot.finished
        if finished is None or finished.media:
            return finished is not None

        attempt = self._attempt
        try:
            response = self._adapter.parse(attempt.fitted or attempt.call, finished)
            attempt.read.keep(finished, response)
        except Exception:  # noqa: BLE001  (a poll will say it again, if it is so)
            return False

        return True

    def _blank_in(self, snapshot: Snapshot) -> TarashException | None:
        if snapshot.status == "failed":
            return snapshot.error if _is_blank(snapshot.error) else None

        finished = snapshot.finished
        if finished is None or finished.media:
            return None

        attempt = self._attempt
        try:
            response = self._adapter.parse(attempt.fitted or attempt.call, finished)
            attempt.read.keep(finished, response)
        except TarashException as error:
            if finished.raw is not snapshot.raw and is_error(finished.raw):
                return in_its_place(finished.raw)  # which is none, however long it stays

            return error if _is_blank(error) else None
        except Exception:  # noqa: BLE001  (whoever reads the result tells of it)
            return None

        return None


def _is_blank(error: TarashException | None) -> bool:
    """Tell whether an error says that there are no media, and not why."""
    return error is not None and error.code == NO_MEDIA
