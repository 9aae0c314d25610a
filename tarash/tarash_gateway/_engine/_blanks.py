"""Asks once more for what a job that is called done has made, where nothing is there yet.

A provider's machines don't always agree: the status may be ahead of the media that it tells of. So
an end without media and without a reason counts only when it has stood for some polls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._data._events import Polled
from .._data._exchange import NO_MEDIA, Snapshot
from ..exceptions import GenerationFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..exceptions import TarashException
    from ..providers._contract import Adapter
    from ._attempt import Attempt

BLANKS = 3
"""So many further polls have to find nothing."""
BLANK_SECONDS = 10
"""And so much time has to pass, or as many poll intervals."""


class Blanks:
    """What was found empty of one job."""

    def __init__(self, adapter: Adapter, attempt: Attempt, clock: Callable[[], float]) -> None:
        """Start without any.

        Args:
            adapter: Whose results they are.
            attempt: Whose job it is.
            clock: Returns seconds.
        """
        self._adapter = adapter
        self._attempt = attempt
        self._clock = clock
        self._patience = min(BLANK_SECONDS, BLANKS * attempt.call.config.poll_interval)
        self._since = 0.0
        self._number = 0

    def borne(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot; in place of an end without media, for a while, that it tells nothing.

        The job counts as done meanwhile: it is not stopped.
        """
        blank = self._blank_in(snapshot)
        if blank is None:
            return snapshot

        now = self._clock()
        self._since = self._since if self._number else now
        self._number += 1
        if self._number > BLANKS and now - self._since >= self._patience:
            return snapshot

        status = self._attempt.status or "queued"
        self._attempt.take(Polled(status=status, result_ready=True))
        return Snapshot(status, trouble=blank)

    def is_end(self, snapshot: Snapshot) -> bool:
        """Tell whether a snapshot has all of an end: media, or a failure and its reason."""
        if snapshot.status == "failed":
            return snapshot.error is not None and not _is_blank(snapshot.error)

        finished = snapshot.finished
        if finished is None or finished.media:
            return finished is not None

        attempt = self._attempt
        try:
            self._adapter.parse(attempt.fitted or attempt.call, finished)
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
            self._adapter.parse(attempt.fitted or attempt.call, finished)
        except GenerationFailedError as error:
            return error if _is_blank(error) else None
        except Exception:  # noqa: BLE001  (whoever reads the result tells of it)
            return None

        return None


def _is_blank(error: TarashException | None) -> bool:
    """Tell whether an error says that there are no media, and not why."""
    return error is not None and error.code == NO_MEDIA
