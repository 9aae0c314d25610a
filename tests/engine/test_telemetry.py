"""Spans and metrics of what a gateway does, by OpenTelemetry."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway._data._events import AttemptEvent
from tarash.tarash_gateway._engine._audience import opened
from tarash.tarash_gateway._engine._limit_rules import group_of
from tarash.tarash_gateway.exceptions import (
    GenerationFailedError,
    TarashException,
    ValidationError,
)
from tarash.tarash_gateway.observability import OpenTelemetryObserver
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tarash.tarash_gateway.webhooks import WebhookEvent
from tests.conftest import Leap, until

KEY = "telemetry-key"
REQUEST = VideoGenerationRequest(prompt="a lighthouse at dawn")


class Seen:
    """What was exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.observer = OpenTelemetryObserver(self.tracers, self.meters)

    def spans(self) -> dict[str, ReadableSpan]:
        return {one.name: one for one in self.exporter.get_finished_spans()}

    def metrics(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        scopes = [] if data is None else data.resource_metrics[0].scope_metrics
        return {one.name: list(one.data.data_points) for scope in scopes for one in scope.metrics}


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = Seen()
    yield made
    made.meters.shutdown()
    made.tracers.shutdown()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal", "replicate"]) as running:
        running.keys["fal"] = {KEY}
        running.script("fal", Script(queue_polls=1, run_polls=1, stream=False))
        yield running


def config(simulator: Simulator, **more: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        api_key=KEY,
        base_url=simulator.base_url("fal"),
        poll_interval=0.02,
        provider_config={"min_poll_interval": 0.01},
        **more,
    )


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int:
    assert span.parent is not None
    return int(span.parent.span_id)


async def test_a_job_is_a_span_with_its_attempts_and_submits(
    simulator: Simulator, seen: Seen
) -> None:
    simulator.fail("fal", "submit", Fault.status(503, retry_after=0))
    gateway = Gateway(observers=[seen.observer])
    tracer = seen.tracers.get_tracer("the application")
    with tracer.start_as_current_span("a request of a user") as outer:
        await gateway.generate_video_async(config(simulator), REQUEST, labels={"user": "42"})

    spans = seen.spans()
    job, attempt = spans["generate_content fal-ai/veo3.1"], spans["attempt fal"]
    submits = [one for one in seen.exporter.get_finished_spans() if one.name == "submit fal"]
    assert parent(job) == outer.get_span_context().span_id
    assert parent(attempt) == job.context.span_id
    assert [parent(one) for one in submits] == [attempt.context.span_id] * 2
    said = attributes(job)
    assert said["gen_ai.operation.name"] == "generate_content"
    assert said["gen_ai.provider.name"] == "fal"
    assert said["gen_ai.request.model"] == "fal-ai/veo3.1"
    assert said["tarash.label.user"] == "42"
    assert said["tarash.job.state"] == "completed"
    assert attributes(attempt)["gen_ai.response.id"] == simulator.jobs("fal")[0].id
    assert attributes(attempt)["tarash.attempt.outcome"] == "completed"
    polls = [one for one in attempt.events if one.name == "poll"]
    assert next(dict(one.attributes or {})["tarash.poll.status"] for one in polls) == "queued"
    assert submits[0].status.status_code is trace.StatusCode.ERROR
    assert submits[1].status.status_code is trace.StatusCode.UNSET


async def test_a_fallback_is_an_attempt_of_the_same_job(simulator: Simulator, seen: Seen) -> None:
    simulator.script("fal", Script(outcome="failed"), Script())
    gateway = Gateway(observers=[seen.observer])
    await gateway.generate_video_async(
        config(simulator, fallback_configs=[config(simulator)]), REQUEST
    )
    finished = seen.exporter.get_finished_spans()
    attempts = [one for one in finished if one.name == "attempt fal"]
    jobs = [one for one in finished if one.name.startswith("generate_content")]
    assert len(jobs) == 1
    assert [attributes(one)["tarash.attempt.number"] for one in attempts] == [1, 2]
    assert {parent(one) for one in attempts} == {jobs[0].context.span_id}
    assert attributes(attempts[0])["error.type"] == "GenerationFailedError"
    numbers = seen.metrics()
    assert sum(one.value for one in numbers["tarash.fallbacks"]) == 1


async def test_who_goes_on_elsewhere_is_linked_to_where_the_job_began(
    simulator: Simulator, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", KEY)
    monkeypatch.setenv("TARASH_FAL_BASE_URL", simulator.base_url("fal"))
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    first = Gateway(ledger=ledger, observers=[seen.observer])
    job = await first.submit_video_async(config(simulator), REQUEST)
    await first.aclose(0)
    (begun,) = [one for one in seen.exporter.get_finished_spans() if "generate" in one.name]
    assert attributes(begun)["tarash.job.state"] == "open"

    other = Seen()  # as in another process
    second = Gateway(ledger=ledger, observers=[other.observer])
    await (await second.resume_async(job.id)).wait_async()
    await second.aclose(0)
    (gone_on,) = [one for one in other.exporter.get_finished_spans() if "generate" in one.name]
    assert gone_on.parent is None
    assert [link.context.span_id for link in gone_on.links] == [begun.context.span_id]
    assert [link.context.trace_id for link in gone_on.links] == [begun.context.trace_id]
    assert attributes(gone_on)["tarash.job.state"] == "completed"
    other.meters.shutdown()
    other.tracers.shutdown()


async def test_numbers_of_a_job(simulator: Simulator, seen: Seen) -> None:
    simulator.fail("fal", "submit", Fault.status(503, retry_after=0))
    gateway = Gateway(observers=[seen.observer])
    await gateway.generate_video_async(config(simulator), REQUEST)
    simulator.script("fal", Script(outcome="failed", stream=False))
    with pytest.raises(GenerationFailedError):
        await gateway.generate_video_async(config(simulator), REQUEST)

    numbers = seen.metrics()
    states = {one.attributes["tarash.job.state"]: one.value for one in numbers["tarash.job.ended"]}
    assert states == {"completed": 1, "failed": 1}
    assert sum(one.value for one in numbers["tarash.job.active"]) == 0
    assert sum(one.value for one in numbers["tarash.submit.retries"]) == 1
    assert sum(one.value for one in numbers["tarash.poll.count"]) >= 2
    assert sum(one.count for one in numbers["gen_ai.client.operation.duration"]) == 2
    assert sum(one.count for one in numbers["tarash.job.queue.duration"]) >= 1
    outcomes = {one.attributes.get("error.type") for one in numbers["tarash.attempt.ended"]}
    assert outcomes == {None, "GenerationFailedError"}
    for points in numbers.values():
        for one in points:
            assert not {"tarash.job.id", "gen_ai.response.id"} & set(one.attributes)


async def test_a_job_that_is_refused_ends_its_span_too(simulator: Simulator, seen: Seen) -> None:
    gateway = Gateway(observers=[seen.observer])
    request = VideoGenerationRequest(prompt="a lighthouse", image_list=["/nowhere/at/all.png"])
    with pytest.raises(ValidationError):
        await gateway.generate_video_async(config(simulator), request)

    (span,) = seen.exporter.get_finished_spans()
    assert attributes(span)["tarash.job.state"] == "refused"


async def test_the_same_key_twice_is_one_job(simulator: Simulator, seen: Seen) -> None:
    gateway = Gateway(observers=[seen.observer])
    for _ in range(2):
        await gateway.generate_video_async(config(simulator), REQUEST, idempotency_key="order-1")

    jobs = [one for one in seen.exporter.get_finished_spans() if "generate" in one.name]
    assert sorted(attributes(one)["tarash.job.state"] for one in jobs) == ["completed", "joined"]


class Unended:
    """Knows which spans have begun and not ended."""

    def __init__(self, tracers: TracerProvider, fails_at: str = "nothing") -> None:
        self.names: dict[int, str] = {}
        self._fails_at = fails_at
        processor = SpanProcessor()
        processor.on_start, processor.on_end = self._start, self._end
        tracers.add_span_processor(processor)

    def _start(self, span: Any, **_context: Any) -> None:
        self.names[span.context.span_id] = span.name

    def _end(self, span: Any) -> None:
        del self.names[span.context.span_id]
        if span.name.startswith(self._fails_at):
            raise OSError("the exporter is away")


async def test_both_attempts_of_a_hedge_end_their_spans(simulator: Simulator, seen: Seen) -> None:
    unended = Unended(seen.tracers)
    simulator.script("fal", Script(run_seconds=60, stream=False), Script(stream=False))
    gateway = Gateway(observers=[seen.observer])
    hedged = config(simulator, hedge_after=0.05, fallback_configs=[config(simulator)])
    await gateway.generate_video_async(hedged, REQUEST)
    finished = seen.exporter.get_finished_spans()
    ended = {
        attributes(one)["tarash.attempt.number"]: attributes(one)["tarash.attempt.outcome"]
        for one in finished
        if one.name == "attempt fal"
    }
    assert ended.keys() == {1, 2}
    assert ended[2] == "completed"
    assert ended[1] != "completed"
    assert sum(one.name == "submit fal" for one in finished) == 2
    assert not unended.names


LATE = ("deadline", "detached", "chain")


@pytest.mark.parametrize("name", ["in the submit", "in a pause", "while it runs"])
async def test_whoever_cancels_leaves_no_span_open(
    simulator: Simulator, seen: Seen, name: str
) -> None:
    unended = Unended(seen.tracers)
    simulator.script("fal", Script(outcome="never", stream=False))
    gateway, may_go = Gateway(observers=[seen.observer]), asyncio.Event()
    if name == "in the submit":
        simulator.fail("fal", "submit", Fault.hold(may_go.is_set))
    elif name == "in a pause":
        simulator.fail("fal", "submit", Fault.status(503, retry_after=60))

    task = asyncio.ensure_future(gateway.generate_video_async(config(simulator), REQUEST))
    await until(lambda: simulator.counters("fal").submits > 0)
    if name == "while it runs":
        await until(lambda: simulator.counters("fal").polls > 0)

    task.cancel()
    may_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not unended.names
    assert seen.exporter.get_finished_spans()


@pytest.mark.parametrize("name", [*LATE, "unknown", "polls used up"])
async def test_every_failure_ends_all_spans(
    simulator: Simulator, seen: Seen, leap: Leap, name: str
) -> None:
    unended = Unended(seen.tracers)
    simulator.script("fal", Script(outcome="never", stream=False))
    gateway, made = Gateway(observers=[seen.observer]), config(simulator, timeout=600)
    if name == "unknown":
        simulator.fail("fal", "submit", Fault.reset_after())

    changes: dict[str, dict[str, Any]] = {
        "detached": {"on_timeout": "detach"},
        "polls used up": {"max_poll_attempts": 1},
        "chain": {"fallback_configs": (made,)},
    }
    made = made.model_copy(update=changes.get(name, {}))
    task = asyncio.ensure_future(gateway.generate_video_async(made, REQUEST))
    counters = partial(simulator.counters, "fal")
    for jobs in range(1, 1 + (2 if name == "chain" else int(name in LATE))):
        await until(partial(lambda jobs: counters().accepted == jobs, jobs))
        await until(partial(lambda polls: counters().polls > polls, counters().polls))
        leap(601)

    with pytest.raises(TarashException):
        await task

    assert not unended.names
    assert seen.exporter.get_finished_spans()


@pytest.mark.parametrize("name", ["handed out", "worked"])
async def test_a_job_in_other_hands_leaves_no_span_open(
    simulator: Simulator, seen: Seen, name: str
) -> None:
    unended = Unended(seen.tracers)
    gateway, made = Gateway(observers=[seen.observer]), config(simulator)
    if name == "handed out":
        await gateway.submit_video_async(made, REQUEST)
    else:
        await gateway.enqueue_video_async(made, REQUEST)
        await gateway.work_async(until_empty=True, api_keys={"fal": KEY})

    assert not unended.names
    assert seen.exporter.get_finished_spans()


async def test_a_job_that_waits_in_the_queue_leaves_no_span_open(
    simulator: Simulator, seen: Seen
) -> None:
    unended = Unended(seen.tracers)
    gateway = Gateway(observers=[seen.observer])
    job = await gateway.enqueue_video_async(config(simulator), REQUEST)
    assert not unended.names
    (asked,) = seen.exporter.get_finished_spans()
    assert attributes(asked)["tarash.job.state"] == "queued"

    await job.wait_async()
    assert not unended.names
    driven = seen.exporter.get_finished_spans()[-1]
    assert attributes(driven)["tarash.job.state"] == "completed"
    assert [one.context.span_id for one in driven.links] == [asked.context.span_id]


@pytest.mark.parametrize("failing", ["generate", "attempt", "submit", "download"])
async def test_an_exporter_that_raises_harms_no_job_and_no_other_span(
    simulator: Simulator, seen: Seen, failing: str
) -> None:
    unended = Unended(seen.tracers, failing)
    response = await Gateway(observers=[seen.observer]).generate_video_async(
        config(simulator), REQUEST
    )
    assert response.video
    assert not unended.names


async def test_what_is_kept_of_a_trace_is_none_of_the_users_labels(
    simulator: Simulator, seen: Seen
) -> None:
    gateway = Gateway(observers=[seen.observer])
    labels = {"user": "42", "traceparent": "the user's own"}
    await gateway.generate_video_async(config(simulator), REQUEST, labels=labels)
    (job,) = await gateway.list_jobs_async()
    assert job.labels == labels
    told = attributes(seen.spans()["generate_content fal-ai/veo3.1"])
    assert {name for name in told if name.startswith("tarash.label.")} == {
        "tarash.label.user",
        "tarash.label.traceparent",
    }
    with pytest.raises(ValidationError, match="observers write down"):
        await gateway.generate_video_async(config(simulator), REQUEST, labels={"observer.x": "1"})


def test_traced_jobs_of_one_user_share_their_turns(seen: Seen) -> None:
    labels = {"user": "42"}
    groups = {
        group_of({**labels, **opened([seen.observer], AttemptEvent(job_id=job))}, None)
        for job in ("1", "2")
    }
    assert groups == {group_of(labels, None)}
    assert group_of(opened([seen.observer], AttemptEvent(job_id="3")), None) == group_of({}, None)


def test_a_webhook_is_a_span(seen: Seen) -> None:
    seen.observer.webhook(WebhookEvent("fal", "job-1", "OK"))
    (span,) = seen.exporter.get_finished_spans()
    assert span.name == "webhook fal"
    assert attributes(span)["gen_ai.response.id"] == "job-1"


async def test_the_state_of_breakers_is_reported(seen: Seen) -> None:
    class Circuit:
        provider, model = "fal", "fal-ai/veo3.1"

        def __init__(self, state: str) -> None:
            self.state = state

    class Down:
        """The model at three hosts: a number has no place for their names, and the worst counts."""

        def health(self) -> list[Circuit]:
            return [Circuit("half_open"), Circuit("open"), Circuit("closed")]

    seen.observer.watch(Down())
    (point,) = seen.metrics()["tarash.breaker.state"]
    assert point.value == 2
    assert dict(point.attributes)["gen_ai.provider.name"] == "fal"


async def test_the_console_shows_it_and_no_secret_and_no_prompt(simulator: Simulator) -> None:
    out = io.StringIO()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out)))
    gateway = Gateway(observers=[OpenTelemetryObserver(tracers)])
    await gateway.generate_video_async(config(simulator), REQUEST)
    tracers.shutdown()
    shown = out.getvalue()
    decoder, place, spans = json.JSONDecoder(), 0, []
    while place < len(shown):
        span, end = decoder.raw_decode(shown, place)
        spans.append(span["name"])
        place = end + 1

    assert spans == ["submit fal", "attempt fal", "generate_content fal-ai/veo3.1"]
    assert KEY not in shown
    assert REQUEST.prompt not in shown


def test_nothing_is_imported_where_nobody_asks_for_it() -> None:
    script = (
        "import sys, tarash.tarash_gateway as t; t.Gateway(); "
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
