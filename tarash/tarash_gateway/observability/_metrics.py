"""The numbers: how many, how long, how much; by provider, model and kind only."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .._data._events import (
    Accepted,
    Adopted,
    AttemptEvent,
    AttemptStarted,
    Polled,
    Rejected,
    Settled,
)
from . import _names as names

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

MOST = 65_536
STATES = {"closed": 0, "half_open": 1, "open": 2}


class Metrics:
    """What is counted and measured."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.duration = meter.create_histogram(
            names.DURATION,
            unit="s",
            description="From the submit of a job to its end",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self.queued = meter.create_histogram(
            "tarash.job.queue.duration",
            unit="s",
            description="From the acceptance of a job to the poll that saw it run",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self.active = meter.create_up_down_counter(
            "tarash.job.active", unit="{job}", description="Jobs that this process drives now"
        )
        self.ended = meter.create_counter(
            "tarash.job.ended", unit="{job}", description="Jobs by the state that they were left in"
        )
        self.attempts = meter.create_counter(
            "tarash.attempt.ended", unit="{attempt}", description="Attempts by their outcome"
        )
        self.polls = meter.create_counter("tarash.poll.count", unit="{poll}")
        self.retries = meter.create_counter(
            "tarash.submit.retries", unit="{submit}", description="Submits that left again"
        )
        self.fallbacks = meter.create_counter(
            "tarash.fallbacks", unit="{attempt}", description="Attempts after the first of a job"
        )
        self.cost = meter.create_counter(
            "tarash.cost", unit="1", description="What attempts have cost, by currency"
        )
        self.webhooks = meter.create_counter("tarash.webhook.count", unit="{webhook}")
        self._lock = threading.Lock()
        self._accepted: OrderedDict[tuple[str, int], float] = OrderedDict()
        self._active: set[str] = set()

    def watch(self, health: Callable[[], Iterable[Any]]) -> None:
        """Report breakers at each collection; of a model at several hosts, the worst."""
        from opentelemetry.metrics import Observation

        def observe(_options: Any) -> list[Observation]:
            worst: dict[tuple[str, str], int] = {}
            for breaker in health():
                name, state = (breaker.provider, breaker.model), STATES.get(breaker.state, 0)
                worst[name] = max(state, worst.get(name, 0))

            return [
                Observation(state, {names.PROVIDER: provider, names.MODEL: model})
                for (provider, model), state in worst.items()
            ]

        self._meter.create_observable_gauge(
            "tarash.breaker.state",
            [observe],
            description="0 closed, 1 half open, 2 open",
        )

    def count(self, event: AttemptEvent) -> None:
        """Count an event."""
        attributes = names.counted(event)
        match event:
            case AttemptStarted():
                self._begin(event, attributes)
            case Rejected() if event.retry_at is not None:
                self.retries.add(1, attributes)
            case Accepted() | Adopted():
                self._accept(event)
            case Polled():
                self._poll(event, attributes)
            case Settled():
                self._settle(event, attributes)
            case _:
                pass

    def _begin(self, event: AttemptStarted, attributes: dict[str, str]) -> None:
        if event.attempt_number > 1 and not event.resumed:
            self.fallbacks.add(1, attributes)

        with self._lock:
            is_new = _key(event) not in self._active
            self._active.add(_key(event))

        if is_new:
            self.active.add(1, {names.OUTPUT: event.kind})

    def _accept(self, event: AttemptEvent) -> None:
        with self._lock:
            self._accepted[_key(event), event.attempt_number] = event.elapsed
            if len(self._accepted) > MOST:
                self._accepted.popitem(last=False)

    def _poll(self, event: Polled, attributes: dict[str, str]) -> None:
        self.polls.add(1, attributes)
        if event.status == "queued":
            return

        with self._lock:
            accepted = self._accepted.pop((_key(event), event.attempt_number), None)

        if accepted is not None:
            self.queued.record(max(0.0, event.elapsed - accepted), attributes)

    def _settle(self, event: Settled, attributes: dict[str, str]) -> None:
        with self._lock:
            self._accepted.pop((_key(event), event.attempt_number), None)

        failed = {} if event.error is None else {names.ERROR: event.error["type"]}
        self.attempts.add(1, {**attributes, names.OUTCOME: event.outcome, **failed})
        self.duration.record(
            event.elapsed, {**attributes, names.OPERATION: names.GENERATES, **failed}
        )
        if event.cost is not None:
            priced = {names.CURRENCY: event.cost.currency, names.COST_STATE: event.cost.state}
            self.cost.add(float(event.cost.amount), {**attributes, **priced})

    def end(self, event: AttemptEvent, state: str) -> None:
        """Count a job that this call drives no further."""
        with self._lock:
            was_active = _key(event) in self._active
            self._active.discard(_key(event))

        if was_active:
            self.active.add(-1, {names.OUTPUT: event.kind})
            self.ended.add(1, {**names.counted(event), names.STATE: state})


def _key(event: AttemptEvent) -> str:
    return event.job_id or event.request_id
