"""What a result was read as when its poll was judged: it is not read twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._data._exchange import RawResult, Response


class LastReading:
    """The last result of an attempt that was read, and what it was read as."""

    def __init__(self) -> None:
        self._kept: tuple[RawResult, Response] | None = None

    def keep(self, finished: RawResult, response: Response) -> None:
        """Remember what a result was read as."""
        self._kept = finished, response

    def take(self, finished: RawResult) -> Response | None:
        """Return what this very result was read as, once; None where another was read last."""
        kept, self._kept = self._kept, None
        return kept[1] if kept is not None and kept[0] is finished else None
