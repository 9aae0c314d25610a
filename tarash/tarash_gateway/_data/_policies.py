"""What may stand before a purchase, and what may observe it. Plain data, and a protocol.

The events are imported by type checkers only: a mere import of the package does not need them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ._types import Kind

if TYPE_CHECKING:
    from ._configs import ImageGenerationConfig, VideoGenerationConfig
    from ._events import AttemptEvent
    from ._requests import ImageGenerationRequest, VideoGenerationRequest

    Observer = Callable[[AttemptEvent], object]
else:
    Observer = Callable[[Any], object]

NOTED = "observer."
"""Begins the names of labels that an observer, and not the user, has written down with a job."""


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the user's own labels of a job."""
    return {name: value for name, value in labels.items() if not name.startswith(NOTED)}


@dataclass(frozen=True, slots=True)
class Target:
    """Where an attempt goes.

    Attributes:
        provider: The provider's name.
        model: The model's id.
        base_url: The host that is asked; empty for a registered handler that names none.
        account: Stands for the credentials: equal for calls that go to the same place with the same
            key, within this process. The key can't be made of it.
    """

    provider: str
    model: str
    base_url: str = ""
    account: str = ""


def _nobody_listens(_position: int | None) -> None:
    """Take the place of a call's progress, for a call that a test makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCall:
    """What an attempt is about to buy, or has bought already.

    Attributes:
        job_id: The job's id in its ledger, as events carry it.
        attempt_number: Which attempt of its job it is, from 1, as events carry it.
        kind: What is made.
        config: Who makes it.
        request: What to make, as the user asked for it.
        resumed: Whether the attempt goes on with a job that may have been bought before. It does
            not wait for the policy, and can't be refused.
        mocked: Whether the mock answers, which costs nothing.
    """

    job_id: str = ""
    attempt_number: int = 1
    kind: Kind = "video"
    config: VideoGenerationConfig | ImageGenerationConfig
    request: VideoGenerationRequest | ImageGenerationRequest
    resumed: bool = False
    mocked: bool = False
    _report: Callable[[int | None], None] = field(default=_nobody_listens, repr=False)
    _attempt: Any = field(default=None, repr=False)

    def queued(self, position: int | None = None) -> None:
        """Show the user that the attempt waits: a progress update with the status `queued`.

        Returns at once, and may be called from any thread.

        Args:
            position: Its place among those that wait, from 1; None where that is not known.
        """
        self._report(position)

    @property
    def may_still_run(self) -> bool:
        """Whether the provider may be making it at this moment, as far as is known.

        When a policy is left, it says whether a job goes on that nobody waits for here: after
        `submit_video`, or after a deadline with `on_timeout="detach"`.
        """
        return self._attempt is not None and bool(self._attempt.unsafe)


class Policy(Protocol):
    """What decides whether and when an attempt may buy: `Gateway(policies=[...])`.

    A subclass overrides what it needs; an object that has both methods need not be a subclass. One
    policy serves calls of several event loops, each in a thread of its own: the blocking functions
    share one, and each `asyncio.run` is another.
    """

    def admit(self, target: Target, call: PolicyCall) -> AbstractAsyncContextManager[Any]:
        """Return what is entered before the attempt writes anything down, and left at its end.

        While entering waits, nothing has been bought, and the attempt's `timeout` has not begun.
        To refuse, raise `PolicyRefusedError`: with `retryable` (the default) the chain goes on with
        its next config. Leaving is never cut short by a cancellation, and never sees the attempt's
        errors: those arrive as events. An attempt that another config follows has been left before
        that one is entered.

        Args:
            target: Where the attempt goes.
            call: What it is about to buy. With `call.resumed`, it is under way already: it is
                entered beside it to be counted, and whatever it raises is logged.

        Raises:
            PolicyRefusedError: Nothing may be bought; usually raised when it is entered.
        """
        del target, call
        return nullcontext()

    def observe(self, event: AttemptEvent) -> None:
        """Learn from an event of an attempt, which need not have been admitted.

        Called as observers are: on the thread of the event loop, where it must not block. After
        `submit_video` there is no `Settled` until somebody waits for the job.

        Args:
            event: What has happened.
        """
        del event
