"""What the answer to a submit says of the job's end, until it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from ._timeouts import TOLD_SECONDS

if TYPE_CHECKING:
    from .._data._types import JsonObject


@dataclass(slots=True)
class AnsweredEnd:
    """The status of a job that had ended when its submit was answered, if it had."""

    _status: JsonObject | None = None
    _since: float = 0.0

    def keep(self, status: JsonObject) -> None:
        """Keep a status of this moment."""
        self._status, self._since = status, anyio.current_time()

    def take(self) -> JsonObject | None:
        """Return the status, once, while the addresses of its media can be taken to work."""
        status, self._status = self._status, None
        return None if anyio.current_time() - self._since > TOLD_SECONDS else status
