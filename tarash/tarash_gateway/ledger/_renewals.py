"""When a process has to say again that it is alive; for the ledgers that others share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ._processes import SAID_IN_LEASE, now


class Renewals:
    """What this process has last said of itself, and when."""

    _lease_seconds: float
    _said: tuple[str, datetime] | None = None

    @property
    def own_id(self) -> str:
        """The id of the process that this one is to the others."""
        raise NotImplementedError

    def wants_renewal(self) -> bool:
        """Tell whether it is time to say that this process is alive; True to one who asks."""
        last = self._said
        if last is None or last[0] != self.own_id or not self._is_due():
            return False  # it has held nothing, or has said so just now

        self._said = (last[0], now())
        return True

    def renewal_failed(self) -> None:
        """Let the next one who asks try again."""
        if self._said is not None:
            self._said = (self._said[0], datetime.min.replace(tzinfo=UTC))

    def _is_due(self) -> bool:
        last = self._said
        if last is None or last[0] != self.own_id:
            return True

        # The time of day, as in the lease itself: it goes on while the machine sleeps.
        least = timedelta(seconds=self._lease_seconds / SAID_IN_LEASE)
        return not timedelta(0) <= now() - last[1] < least
