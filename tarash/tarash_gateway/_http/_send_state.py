"""What is known of the exchange under way: the fact that decides whether money may be gone."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..exceptions import HTTPConnectionError

if TYPE_CHECKING:
    from types import SimpleNamespace

    from ._parts import Parts


@dataclass(slots=True)
class SendState:
    """What is known of the exchange under way.

    `_http` and `_sdk` fill it in; an adapter that sends by other means has to do so itself.
    """

    sent: bool = False
    """Whether the request's head was handed to the connection: from then on it may have arrived."""
    stopped: bool = False
    """Whether nobody wants it any more, so that it must not leave."""
    is_late: Callable[[], bool] | None = None
    """Tells whether it may be somebody else's to send by now; None for never."""
    hear: Callable[[bytes], None] | None = None
    """Is handed the data of each event of an answer that is a stream of events, when it is there;
    None where nobody listens. It raises nothing."""

    def leave(self) -> None:
        """Note that the request leaves now.

        Raises:
            HTTPConnectionError: It must not.
        """
        if self.stopped:
            raise HTTPConnectionError("Stopped before it left", submission="not_sent")

        if self.is_late is not None and self.is_late():
            raise HTTPConnectionError(
                "This process stood still for so long that another may have gone on with the job; "
                "nothing was sent",
                submission="not_sent",
            )

        self.sent = True


class Patience(Protocol):
    """Whoever waits for an answer, and has a limit for it."""

    parts: Parts
    """What came of results whose bodies broke off in earlier polls."""

    def job_is_done(self) -> None:
        """Hear that the provider's status says so: what is left is to fetch the result."""
        ...

    def media_begin(self, *, sized: bool) -> None:
        """Hear that the answer is a finished medium, which takes as long as its bytes flow.

        Args:
            sized: Whether its server says how many there will be.
        """
        ...

    def media_flows(self, came: int, due: int) -> None:
        """Hear how much of it came so far, of how many bytes that are due."""
        ...


current_patience: ContextVar[Patience | None] = ContextVar("current_patience", default=None)
"""Set by the engine around a poll, called by whoever reads the body of its answers."""


def fetching_result() -> None:
    """Say that the job is done, and its result is fetched now.

    An adapter says so before the exchanges that follow a status which says so: should they fail,
    or last longer than there is time, nobody must stop a job that is done and paid for.
    """
    patience = current_patience.get()
    if patience is not None:
        patience.job_is_done()


current_wire: ContextVar[SendState | None] = ContextVar("current_wire", default=None)
"""Set by the engine around a submit, read by the transport."""


async def mark_sent(_session: object, context: SimpleNamespace, _facts: object) -> None:
    """Note that a request's head was handed to the connection; called by its session."""
    wire: SendState | None = context.trace_request_ctx
    if wire is not None:
        wire.leave()
