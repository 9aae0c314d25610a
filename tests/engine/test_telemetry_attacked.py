"""Telemetry under attack: nothing is sampled, exporters block, errors repeat prompts and keys."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from tarash.tarash_gateway import Gateway, VideoGenerationRequest
from tarash.tarash_gateway.exceptions import TarashException
from tarash.tarash_gateway.observability import OpenTelemetryObserver
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.engine.test_telemetry import (
    KEY,
    REQUEST,
    Seen,
    attributes,
    config,
    parent,
    seen,
    simulator,
)

__all__ = ["seen", "simulator"]

SECRET_PROMPT = "the unreleased car of our client"
FEW = {"gen_ai.provider.name", "gen_ai.request.model", "gen_ai.output.type"}
TOLD = FEW | {
    "gen_ai.operation.name",
    "error.type",
    "tarash.attempt.outcome",
    "tarash.job.state",
    "tarash.cost.currency",
    "tarash.cost.state",
}


async def test_where_nothing_is_sampled_jobs_are_made_and_counted(
    simulator: Simulator, seen: Seen
) -> None:
    unsampled = TracerProvider(sampler=ALWAYS_OFF)
    gateway = Gateway(observers=[OpenTelemetryObserver(unsampled, seen.meters)])
    assert (await gateway.generate_video_async(config(simulator), REQUEST)).video
    assert seen.exporter.get_finished_spans() == ()
    assert sum(one.value for one in seen.metrics()["tarash.job.ended"]) == 1
    unsampled.shutdown()


class Blocked:
    """An exporter whose collector does not answer."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.exported: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.goes_on.wait()
        self.exported += [one.name for one in spans]
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close nothing."""


async def test_an_exporter_that_blocks_holds_up_no_job(simulator: Simulator) -> None:
    exporter = Blocked()
    tracers, plain = TracerProvider(), cast("Any", exporter)
    tracers.add_span_processor(
        BatchSpanProcessor(plain, schedule_delay_millis=1, max_export_batch_size=1)
    )
    gateway = Gateway(observers=[OpenTelemetryObserver(tracers)])
    try:
        made = [gateway.generate_video_async(config(simulator), REQUEST) for _ in range(5)]
        assert all(one.video for one in await asyncio.gather(*made))
        assert exporter.exported == []
    finally:
        exporter.goes_on.set()
        await asyncio.to_thread(tracers.shutdown)

    assert exporter.exported.count("generate_content fal-ai/veo3.1") == 5


def shown(spans: Sequence[ReadableSpan]) -> str:
    return "\n".join(one.to_json() for one in spans)


REPEATED = f"{SECRET_PROMPT} with {KEY} is not allowed"
FAILURES: dict[str, Any] = {
    "refused": Fault.status(422, body={"detail": REPEATED}),
    "down": Fault.status(503, body={"detail": REPEATED}),
    "failed": Script(outcome="failed", error_message=REPEATED, stream=False),
    "moderated": Script(outcome="moderated", error_message=REPEATED, stream=False),
}


@pytest.mark.parametrize("messages", [False, True])
@pytest.mark.parametrize("failure", FAILURES)
async def test_what_an_error_repeats_is_in_no_span_unless_that_is_asked_for(
    simulator: Simulator, seen: Seen, failure: str, messages: bool
) -> None:
    what = FAILURES[failure]
    if isinstance(what, Script):
        simulator.script("fal", what)
    else:
        simulator.fail("fal", "submit", what, times=None)

    observer = OpenTelemetryObserver(seen.tracers, seen.meters, messages=messages)
    request = VideoGenerationRequest(prompt=SECRET_PROMPT)
    with pytest.raises(TarashException):
        await Gateway(observers=[observer]).generate_video_async(
            config(simulator, max_retries=0), request
        )

    text = shown(seen.exporter.get_finished_spans())
    assert "error.type" in text
    assert KEY not in text
    assert (SECRET_PROMPT in text) is messages


@pytest.mark.parametrize("messages", [False, True])
async def test_so_is_what_a_poll_that_failed_has_said(
    simulator: Simulator, seen: Seen, messages: bool
) -> None:
    simulator.fail("fal", "poll", Fault.status(500, body={"detail": REPEATED}))
    observer = OpenTelemetryObserver(seen.tracers, seen.meters, messages=messages)
    await Gateway(observers=[observer]).generate_video_async(config(simulator), REQUEST)
    polls = [one for one in seen.spans()["attempt fal"].events if one.name == "poll"]
    assert sum("tarash.poll.failed" in dict(one.attributes or {}) for one in polls) == 1
    text = shown(seen.exporter.get_finished_spans())
    assert KEY not in text
    assert (SECRET_PROMPT in text) is messages


async def test_numbers_are_as_few_however_many_jobs_there_are(
    simulator: Simulator, seen: Seen
) -> None:
    """Nobody's id, label, prompt or sentence tells one number from another."""
    simulator.script(
        "fal",
        *(
            Script(outcome=outcome, error_message=f"no {number}", stream=False)
            for number in range(10)
            for outcome in ("completed", "failed", "moderated")
        ),
    )
    gateway = Gateway(observers=[seen.observer])
    calls = [
        gateway.generate_video_async(
            config(simulator),
            VideoGenerationRequest(prompt=f"a lighthouse {number}"),
            labels={"user": str(number)},
        )
        for number in range(30)
    ]
    await asyncio.gather(*calls, return_exceptions=True)
    ids = {one.id for one in simulator.jobs("fal")}
    for name, points in seen.metrics().items():
        assert len(points) <= 3, name
        for one in points:
            told = dict(one.attributes)
            assert told.keys() <= TOLD, name
            assert not ids & {str(value) for value in told.values()}


def test_a_blocking_call_is_in_the_trace_of_its_thread(simulator: Simulator, seen: Seen) -> None:
    gateway = Gateway(observers=[seen.observer])
    tracer = seen.tracers.get_tracer("the application")
    with tracer.start_as_current_span("a request of a user") as outer:
        gateway.generate_video(config(simulator), REQUEST)

    job = seen.spans()["generate_content fal-ai/veo3.1"]
    assert parent(job) == outer.get_span_context().span_id
    assert json.loads(job.to_json())["context"]["trace_id"].endswith(
        f"{outer.get_span_context().trace_id:x}"
    )
    assert attributes(job)["tarash.job.state"] == "completed"
    gateway.close(0)
