"""Scripts: what a job does between its submit and its end.

Plain data; `_state` runs the clock and counts polls, each wire puts it into its provider's words.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Any, Literal, get_args

Outcome = Literal["completed", "failed", "moderated", "no_media", "lost", "never"]
CancelBehaviour = Literal["queued_ok", "requested", "ignored", "too_late"]
Kind = Literal["video", "image"]
Webhook = Literal["once", "twice", "early", "forged", "never"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What jobs do that are submitted while this script is in force.

    A job goes on by seconds, or by polls. By polls it stands still until its status is asked for,
    so that a test sees every status for certain, however slow the machine: `Script(queue_polls=1,
    run_polls=2)` is queued at the first status request, running at the second and the third, and
    has ended at the fourth. Requests that a fault keeps from the job don't count, nor do status
    streams, results, cancels and lists. Between two polls the job stands where the last one saw it;
    before the first, where the first will see it. Nobody polls while a submit is answered: one that
    answers with the result has it at once, one that may wait for the result doesn't, and none says
    that the job has ended. By seconds, `run_seconds=0` is a job that has ended when its submit is
    answered, and the answer says so where the provider's shows the job.

    Attributes:
        queue_seconds: How long the job waits in the queue.
        run_seconds: How long it runs after that.
        queue_polls: How many status requests find the job in the queue, 0 or more; None: 0 where
            `run_polls` is given, else `queue_seconds` counts.
        run_polls: How many status requests find it running after that, 0 or more; None: 0 where
            `queue_polls` is given, else `run_seconds` counts.
        outcome: `completed`; `failed`; `moderated` (refused for its content); `no_media` (succeeds,
            with a result that holds no media); `lost` (accepted, then unknown to every poll);
            `never` (runs for ever).
        error_status: HTTP status of a failed job's result. None: what fits `error_type`.
        error_type: The provider's word for the failure. None: the provider's usual one.
        error_message: The text of the failure. None: the provider's usual one.
        cancel: What a cancel does. None: it follows from the job's state (in the queue: removed;
            running: requested, and the job ends as cancelled; ended: too late). `queued_ok`:
            removed in any state. `requested`: requested in any state, and the job ends as
            cancelled. `ignored`: answered like `requested`, but the job runs on to its end.
            `too_late`: the job turns out to have ended just before, with its outcome (`never` as
            `completed`).
        stream: Whether the provider's status stream works. False: it isn't there. `silent`: it
            opens, sends one event and then nothing.
        result: The body of a completed job's result, instead of the provider's usual one.
        billable_units: What the result says it costs, where the provider says so. None: it doesn't.
        outputs: How many images a result holds. None: as many as the payload asks for.
        foreign_urls: The URLs in the submit's answer point at the foreign origin.
        kind: What the endpoint makes. None: guessed from its name and the payload.
        webhook: How whoever wants to be called back is called when the job has ended: `once`,
            signed as the provider signs; `twice`; `early`, before the submit is answered; `forged`
            (and never by the provider); `never`.
        webhook_seconds: How long after the job's end.
        queue_looks: The old name of `queue_polls`. Deprecated.
        run_looks: The old name of `run_polls`. Deprecated.
    """

    queue_seconds: float = 0.0
    run_seconds: float = 0.05
    queue_polls: int | None = None
    run_polls: int | None = None
    outcome: Outcome = "completed"
    error_status: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    cancel: CancelBehaviour | None = None
    stream: bool | Literal["silent"] = True
    result: Mapping[str, Any] | None = None
    billable_units: float | None = 1.0
    outputs: int | None = None
    foreign_urls: bool = False
    kind: Kind | None = None
    webhook: Webhook = "once"
    webhook_seconds: float = 0.0
    queue_looks: InitVar[int | None] = None
    run_looks: InitVar[int | None] = None

    @property
    def by_polls(self) -> bool:
        """Whether a job goes on when it is polled, and not with time."""
        return self.queue_polls is not None or self.run_polls is not None

    def __post_init__(self, queue_looks: int | None, run_looks: int | None) -> None:
        for new, old in (("queue_polls", queue_looks), ("run_polls", run_looks)):
            if old is not None:
                message = f"{new.replace('polls', 'looks')} is called {new}; the old name will go"
                warnings.warn(message, DeprecationWarning, stacklevel=3)
                object.__setattr__(self, new, old)

        _check_seconds("queue_seconds", self.queue_seconds)
        _check_seconds("run_seconds", self.run_seconds)
        _check_polls("queue_polls", self.queue_polls)
        _check_polls("run_polls", self.run_polls)
        if self.by_polls and (self.queue_seconds, self.run_seconds) != (0.0, 0.05):
            raise ValueError("Give queue_polls and run_polls, or queue_seconds and run_seconds")

        _check_choice("outcome", self.outcome, get_args(Outcome))
        _check_choice("cancel", self.cancel, (None, *get_args(CancelBehaviour)))
        _check_choice("stream", self.stream, (True, False, "silent"))
        _check_seconds("webhook_seconds", self.webhook_seconds)
        _check_choice("webhook", self.webhook, get_args(Webhook))
        _check_choice("kind", self.kind, (None, *get_args(Kind)))
        if self.outputs is not None and self.outputs < 0:
            raise ValueError(f"outputs must be None or 0 or more, not {self.outputs!r}")


def _check_seconds(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(
            f"{name} must be a finite number, 0 or more, not {value!r}; "
            "a job that never ends is outcome='never'"
        )


def _check_polls(name: str, value: int | None) -> None:
    if value is not None and not (isinstance(value, int) and value >= 0):
        raise ValueError(
            f"{name} must be None or a whole number, 0 or more, not {value!r}; "
            "a job that never ends is outcome='never'"
        )


def _check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")
