"""Turns events into spans and numbers. Plain functions that never block, on any thread."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, ForwardRef

from .._data._events import (
    Accepted,
    Adopted,
    AttemptEvent,
    AttemptStarted,
    CancelAnswered,
    CancelAsked,
    Polled,
    Rejected,
    Settled,
    Submitting,
    Unknown,
)
from .._data._policies import NOTED
from .._support._extras import how_to_install
from ..exceptions import ValidationError
from . import _names as names
from ._metrics import Metrics

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Link, Span, Tracer, TracerProvider
else:
    # Whoever reads annotations finds out what is meant, also where it is not installed.
    MeterProvider = ForwardRef("MeterProvider", module="opentelemetry.metrics")
    Tracer = ForwardRef("Tracer", module="opentelemetry.trace")
    TracerProvider = ForwardRef("TracerProvider", module="opentelemetry.trace")

MOST = 65_536
"""Jobs that are followed at once; the oldest makes room."""


class _Attempt:
    """One attempt under way."""

    __slots__ = ("result", "span", "submit")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.submit: Span | None = None
        self.result: Span | None = None

    def end(self) -> None:
        """End its spans, the inner ones first."""
        _end(self.result, self.submit, self.span)


class _Followed:
    """One job under way, as far as this process drives it: two attempts at a time, where hedged."""

    __slots__ = ("attempts", "job", "was_begun")

    def __init__(self, job: Span) -> None:
        self.job = job
        self.attempts: dict[int, _Attempt] = {}
        self.was_begun = False
        """Whether it has had an attempt."""

    def end(self) -> None:
        """End its spans, the inner ones first."""
        attempts, self.attempts = self.attempts, {}
        inner = [(attempt.result, attempt.submit, attempt.span) for attempt in attempts.values()]
        _end(*(span for spans in inner for span in spans), self.job)

    def innermost(self) -> Span:
        """Return the span of its latest attempt; its own where none is under way."""
        latest = max(self.attempts, default=None)
        return self.job if latest is None else self.attempts[latest].span


class OpenTelemetryObserver:
    """Spans and metrics of what a gateway does.

    A span for each job (`generate_content …`), in it one for each attempt, in it the submit and the
    fetching of the result; polls, cancels and adoptions are events on the attempt. The trace's
    context is written down with the job, so that whoever goes on with it elsewhere is linked to it.

    Example:
        gateway = Gateway(observers=[OpenTelemetryObserver()])
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        messages: bool = False,
    ) -> None:
        """Begin.

        Args:
            tracer_provider: Where spans go; by default the application's.
            meter_provider: Where numbers go; by default the application's.
            messages: Whether spans have the sentences of errors. Providers repeat prompts in them,
                so by default there are only the error's type and code.

        Raises:
            ValidationError: `opentelemetry-api` is not installed.
        """
        try:
            from opentelemetry import metrics, trace
        except ImportError as error:
            raise ValidationError(
                f"Traces and metrics need the package opentelemetry-api; {how_to_install('otel')}"
            ) from error

        self._tracer: Tracer = trace.get_tracer(names.SCOPE, tracer_provider=tracer_provider)
        meter = (
            metrics.get_meter(names.SCOPE)
            if meter_provider is None
            else meter_provider.get_meter(names.SCOPE)
        )
        self._metrics = Metrics(meter)
        self._has_messages = messages
        self._lock = threading.Lock()
        self._followed: OrderedDict[str, _Followed] = OrderedDict()

    @property
    def tracer(self) -> Tracer:
        """What makes its spans."""
        return self._tracer

    # ----------------------------------------------------------------------- what a gateway calls
    def opened(self, event: AttemptEvent) -> Mapping[str, str]:
        """Begin the span of a job, in the trace of whoever asks for it.

        Args:
            event: Says which job.

        Returns:
            The trace's context, to be written down with the job.
        """
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        with self._lock:
            span = self._follow(event, None, [])
            TraceContextTextMapPropagator().inject(carrier, _under(span))

        return carrier

    def __call__(self, event: AttemptEvent) -> None:
        """Take one event."""
        if event.watched:
            return  # whoever drives the job tells

        self._metrics.count(event)
        with self._lock:
            self._take(event)

    def concluded(self, event: AttemptEvent, state: str) -> None:
        """End the span of a job that this call drives no further.

        Args:
            event: The last of its events, or one that says who it is about.
            state: Where the job stands: `completed`, `failed`, `cancelled`, `unknown`, or `open`;
                `refused` where it was not even opened, `joined` where it was there already, and
                `queued` where it waits for whoever works the queue.
        """
        with self._lock:
            followed = self._followed.get(_key(event))
            if state == "queued" and followed is not None and followed.was_begun:
                return  # a worker of this process was faster, and will say how it ends

            self._followed.pop(_key(event), None)

        self._metrics.end(event, state)
        if followed is None:
            return

        followed.job.set_attribute(names.STATE, state)
        if state in ("failed", "refused", "unknown"):
            _mark_failed(followed.job, state)

        followed.end()

    def webhook(self, event: Any) -> None:
        """Take a webhook: `WebhookInbox(gateway, on_event=telemetry.webhook)`."""
        attributes = {names.PROVIDER: event.provider, names.RESPONSE_ID: event.operation_id}
        with self._lock:
            followed = self._followed.get(event.job_id) if event.job_id else None

        self._metrics.webhooks.add(1, {names.PROVIDER: event.provider})
        context = None if followed is None else _under(followed.innermost())
        more = {"tarash.webhook.status": event.status, "tarash.webhook.is_new": event.is_new}
        with self._tracer.start_as_current_span(
            f"webhook {event.provider}", context, attributes={**attributes, **more}
        ):
            pass

    def watch(self, gateway: Any) -> None:
        """Report the state of a gateway's circuit breakers: 0 closed, 1 half open, 2 open.

        Args:
            gateway: Whose `health` is asked at each collection.
        """
        self._metrics.watch(gateway.health)

    # ----------------------------------------------------------------------------------- its spans
    def _take(self, event: AttemptEvent) -> None:
        match event:
            case AttemptStarted():
                self._start(event)
                return
            case Submitting():
                self._submit(event)
                return

        followed = self._followed.get(_key(event))
        attempt = None if followed is None else followed.attempts.get(event.attempt_number)
        if followed is None or attempt is None:
            return

        match event:
            case Accepted() | Rejected() | Unknown() | Adopted():
                self._answered(attempt, event)
            case Polled():
                self._polled(attempt, event)
            case CancelAsked():
                attempt.span.add_event("cancel asked", {"reason": event.reason})
            case CancelAnswered():
                attempt.span.add_event("cancel answered", {names.CANCEL: event.answer})
            case Settled():
                del followed.attempts[event.attempt_number]
                self._settle(followed.job, attempt, event)
            case _:
                pass

    def _start(self, event: AttemptStarted) -> None:
        followed = self._followed.get(_key(event))
        if followed is None:
            self._gone_on_with(event)
            followed = self._followed[_key(event)]

        attributes = {**names.about(event), names.RESUMED: event.resumed}
        span = self._tracer.start_span(
            f"attempt {event.provider}", _under(followed.job), attributes=attributes
        )
        followed.was_begun = True
        before = followed.attempts.pop(event.attempt_number, None)
        followed.attempts[event.attempt_number] = _Attempt(span)
        if before is not None:
            before.end()

    def _gone_on_with(self, event: AttemptStarted) -> None:
        """Begin the span of what is left of a job, linked to where it began."""
        from opentelemetry import trace

        written = _written(event.labels)
        links = []
        if written is not None:
            links.append(trace.Link(trace.get_current_span(written).get_span_context()))

        self._follow(event, None, links)

    def _follow(self, event: AttemptEvent, context: Context | None, links: list[Link]) -> Span:
        attributes = {**names.about(event), **names.labelled(event.labels)}
        del attributes[names.ATTEMPT]
        span = self._tracer.start_span(
            f"{names.GENERATES} {event.model}", context, attributes=attributes, links=links
        )
        self._followed[_key(event)] = _Followed(span)
        while len(self._followed) > MOST:
            _, oldest = self._followed.popitem(last=False)
            oldest.end()

        return span

    def _submit(self, event: Submitting) -> None:
        from opentelemetry.trace import SpanKind

        followed = self._followed.get(_key(event))
        attempt = None if followed is None else followed.attempts.get(event.attempt_number)
        if attempt is None:
            return

        if attempt.submit is not None:
            attempt.submit.end()

        attributes = {**names.about(event), names.TRIES: event.tries}
        attempt.submit = self._tracer.start_span(
            f"submit {event.provider}",
            _under(attempt.span),
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )

    @staticmethod
    def _answered(attempt: _Attempt, event: AttemptEvent) -> None:
        span, attempt.submit = attempt.submit, None
        if isinstance(event, Accepted | Adopted):
            submission = "accepted"
        else:
            submission = event.submission if isinstance(event, Rejected) else "unknown"

        for recorded in (span, attempt.span):
            if recorded is None:
                continue

            recorded.set_attribute(names.SUBMISSION, submission)
            if event.operation_id:
                recorded.set_attribute(names.RESPONSE_ID, event.operation_id)

        if isinstance(event, Adopted):
            attempt.span.add_event("adopted")

        if span is not None:
            error = getattr(event, "error", None)
            if error is not None:
                _mark_failed(span, error["type"])

            span.end()

    def _polled(self, attempt: _Attempt, event: Polled) -> None:
        values: dict[str, Any] = {"status": event.status, "progress": event.progress}
        values["queue_position"] = event.queue_position
        if event.trouble is not None:
            values |= {"failed": True, "trouble": event.trouble if self._has_messages else None}

        attributes = {
            f"tarash.poll.{name}": value for name, value in values.items() if value is not None
        }
        attempt.span.add_event("poll", attributes)
        if event.result_ready and attempt.result is None and not event.final:
            attempt.result = self._tracer.start_span(
                f"download {event.provider}", _under(attempt.span), attributes=names.about(event)
            )

    def _settle(self, job: Span, attempt: _Attempt, event: Settled) -> None:
        span = attempt.span
        span.set_attribute(names.OUTCOME, event.outcome)
        span.set_attribute(names.BILLING, event.billing)
        if event.cost is not None:
            span.set_attribute(names.COST, float(event.cost.amount))
            span.set_attribute(names.CURRENCY, event.cost.currency)
            span.set_attribute(names.COST_STATE, event.cost.state)

        if event.error is not None:
            reason = event.error.get("message" if self._has_messages else "code")
            _mark_failed(span, event.error["type"], str(reason or ""))
            job.set_attribute(names.ERROR, event.error["type"])

        attempt.end()


def _end(*spans: Span | None) -> None:
    """End spans in this order: each, also where what an application does with one raises."""
    with ExitStack() as stack:
        for span in reversed(spans):
            if span is not None:
                stack.callback(span.end)


def _key(event: AttemptEvent) -> str:
    return event.job_id or event.request_id


def _under(span: Span) -> Context:
    from opentelemetry import trace

    return trace.set_span_in_context(span)


def _written(labels: Mapping[str, str]) -> Context | None:
    """Return the trace's context that a job was written down with."""
    carrier = {
        name.removeprefix(NOTED): value for name, value in labels.items() if name.startswith(NOTED)
    }
    if "traceparent" not in carrier:
        return None

    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    with suppress(ValueError):
        return TraceContextTextMapPropagator().extract(carrier)

    return None


def _mark_failed(span: Span, kind: str, message: str = "") -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute(names.ERROR, kind)
    span.set_status(Status(StatusCode.ERROR, message or kind))
