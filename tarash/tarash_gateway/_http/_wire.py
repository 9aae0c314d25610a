"""What is known of the exchange under way: the fact that decides whether money may be gone."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from ..exceptions import HTTPConnectionError


@dataclass(slots=True)
class Wire:
    """What is known of the exchange under way.

    `_http` and `_sdk` fill it in; an adapter that sends by other means has to do so itself.
    """

    sent: bool = False
    """Whether the request's head was handed to the connection: from then on it may have arrived."""
    stopped: bool = False
    """Whether nobody wants it any more, so that it must not leave."""
    is_late: Callable[[], bool] | None = None
    """Tells whether it may be somebody else's to send by now; None for never."""

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


current_wire: ContextVar[Wire | None] = ContextVar("current_wire", default=None)
"""Set by the engine around a submit, read by the transport."""
