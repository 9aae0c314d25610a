"""Who hears of the events of an attempt: ledger, log and users' observers. None harms a job."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .._data._events import (
    Accepted,
    Adopted,
    AttemptEvent,
    AttemptStarted,
    CancelAnswered,
    Rejected,
    Submitting,
)
from .._data._policies import NOTED, Observer
from .._support._logging import event as log_event
from .._support._warnings import Line

if TYPE_CHECKING:
    from .._support._portal import Caller
    from ._attempt import Attempt
    from ._lease import Lease


class Observers:
    """The observers of one call.

    One that raises is logged, and the job goes on. What is no `Exception` is no mistake
    (`sys.exit`, say): it ends the call at the next point where a progress callback could.
    """

    def __init__(self, observers: Sequence[Observer], caller: Caller | None = None) -> None:
        """Begin.

        Args:
            observers: Who is called, in this order.
            caller: The thread of a blocking call, which an exit is meant for.
        """
        self._observers = tuple(observers)
        self._caller = caller
        self._exit: BaseException | None = None

    def __bool__(self) -> bool:
        return bool(self._observers)

    def notify(self, event: AttemptEvent) -> None:
        """Call each observer with an event."""
        for observer in self._observers:
            try:
                made = observer(event)
                if inspect.iscoroutine(made):
                    made.close()
                    raise TypeError("an observer is a plain function, and it returned a coroutine")  # noqa: TRY301
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
                log_event(
                    logging.ERROR,
                    "observer_failed",
                    request_id=event.request_id,
                    observer=name_of(observer),
                    error=f"{type(error).__name__}: {error}",
                )
            except BaseException as error:  # noqa: BLE001  (raised by `leave`, where it harms nothing)
                self._exit = self._exit or error

    def conclude(self, about: AttemptEvent, state: str) -> None:
        """Tell those who ask for it where a job stands when a call drives it no further.

        Args:
            about: Says which job.
            state: As in the ledger.
        """
        for observer in self._observers:
            ending = getattr(observer, "concluded", None)
            if ending is not None:
                _harmless(observer, about, partial(ending, about, state))

    def leave(self) -> None:
        """End the call, where an observer has asked for that."""
        error, self._exit = self._exit, None
        if error is None:
            return

        if self._caller is None:
            raise error

        # It is meant for the thread that waits, not for the loop of everybody's calls.
        self._caller.interrupt(error)


def opened(observers: Sequence[Observer], about: AttemptEvent) -> dict[str, str]:
    """Tell those who ask for it that a job begins; return what they want written down with it.

    Args:
        observers: Who may ask: by a method `opened`, which returns names and texts.
        about: Says which job.

    Returns:
        Labels, whose names say that they are no user's.
    """
    facts_of_observers: dict[str, str] = {}
    for observer in observers:
        beginning = getattr(observer, "opened", None)
        if beginning is not None:
            noted = _harmless(observer, about, partial(beginning, about))
            facts_of_observers.update(
                {f"{NOTED}{name}": text for name, text in (noted or {}).items()}
            )

    return facts_of_observers


def _harmless(observer: Observer, about: AttemptEvent, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001  (a mistake in it harms no job)
        log_event(
            logging.ERROR,
            "observer_failed",
            request_id=about.request_id,
            observer=name_of(observer),
            error=f"{type(error).__name__}: {error}",
        )
        return None


def name_of(observer: Observer) -> str:
    """Return what an observer is called in the log."""
    return str(getattr(observer, "__qualname__", type(observer).__name__))


@dataclass(slots=True)
class Audience:
    """Who hears of one attempt's events."""

    lease: Lease | None = None
    """Where they are written down; None for nowhere."""
    observers: Observers | None = None
    line: Line | None = None
    """The line of the user's code that asked, which log records are about."""
    has_ended: bool = False
    """Whether the last event was its end."""


def log_of(attempt: Attempt, event: AttemptEvent) -> None:
    """Log an event that belongs into the log; how an attempt ended is logged by the chain."""
    line = _LINES.get(type(event))
    if line is not None:
        level, name, fields = line(event)
        attempt.log(level, name, **fields)


Said = tuple[int, str, dict[str, Any]]


def _started(event: AttemptStarted) -> Said:
    if event.resumed:
        return logging.INFO, "attempt_resumed", {}

    return logging.INFO, "attempt_started", {}


def _rejected(event: Rejected) -> Said:
    if event.retry_at is None:
        return logging.DEBUG, "submit_failed", {"submission": event.submission}

    error = None if event.error is None else event.error["message"]
    return logging.WARNING, "submit_retried", {"error": error, "pause": event.pause}


def _cancel_answered(event: CancelAnswered) -> Said:
    return logging.INFO, "cancel_answered", {"answer": event.answer}


_LINES: dict[type[AttemptEvent], Callable[[Any], Said]] = {
    AttemptStarted: _started,
    Submitting: lambda event: (logging.DEBUG, "submitting", {"tries": event.tries}),
    Accepted: lambda _: (logging.INFO, "submitted", {}),
    Rejected: _rejected,
    Adopted: lambda _: (logging.WARNING, "job_adopted", {}),
    CancelAnswered: _cancel_answered,
}
