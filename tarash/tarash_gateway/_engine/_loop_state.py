"""What the watches on one event loop share: how long jobs took, and which status streams are open.

Kept by running loop, as the clients are, and forgotten with it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from anyio.lowlevel import RunVar

from .._http._connection_limit import STREAMS_PER_ORIGIN
from ._poll_schedule import History
from ._shared_polls import SharedPolls

LARGEST = 256
"""Kinds of jobs remembered; the one longest unused makes room."""


@dataclass(slots=True)
class LoopState:
    """What is shared on one loop."""

    histories: OrderedDict[Hashable, History] = field(default_factory=OrderedDict)
    streams: Counter[Hashable] = field(default_factory=Counter)
    shared: dict[Hashable, SharedPolls] = field(default_factory=dict)

    def history(self, kind: Hashable) -> History:
        """Return how long jobs of a kind took so far."""
        history = self.histories.setdefault(kind, History())
        self.histories.move_to_end(kind)
        if len(self.histories) > LARGEST:
            self.histories.popitem(last=False)

        return history

    def take_stream(self, place: Hashable) -> bool:
        """Take one of the streams that a provider's place has; False where none is left."""
        if self.streams[place] >= STREAMS_PER_ORIGIN:
            return False

        self.streams[place] += 1
        return True

    def give_stream(self, place: Hashable) -> None:
        """Give a stream back for another job."""
        self.streams[place] -= 1


_seen: RunVar[LoopState] = RunVar("_seen")


def seen() -> LoopState:
    """Return what is shared on the running loop."""
    try:
        return _seen.get()
    except LookupError:
        made = LoopState()
        _seen.set(made)
        return made
