"""Traces: a request and the job that it orders are in one, and in the client's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.observability import OpenTelemetryObserver
from tarash.tarash_gateway.server import ServerSettings
from tests.server.conftest import Started

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
MADE = "POST /v1/videos"


class Traced:
    """A server whose spans are kept."""

    def __init__(self, folder: Path) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider()
        observer = OpenTelemetryObserver(self.tracers, self.meters)
        gateway = Gateway(ledger=MemoryLedger(), observers=[observer])
        self.served = Started(gateway, ServerSettings(mock=True, media=folder))

    def stopped(self) -> list[ReadableSpan]:
        """End the server, so that no span is under way, and return all."""
        self.served.stop()
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    made = Traced(tmp_path)
    yield made
    made.meters.shutdown()
    made.tracers.shutdown()


def test_a_job_is_in_the_trace_of_the_request_and_of_its_client(traced: Traced) -> None:
    carried = {"traceparent": f"00-{TRACE}-{SPAN}-01", "x-request-id": "order-7"}
    video = traced.served.create(headers=carried).json()["id"]
    traced.served.until_ended(video)
    spans = traced.stopped()
    (request,) = [one for one in spans if one.name == MADE]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == SPAN
    about = dict(request.attributes or {})
    assert about["http.response.status_code"] == 200
    assert (about["http.route"], about["tarash.request.id"]) == ("/v1/videos", "order-7")

    jobs = [one for one in spans if one.name.startswith("generate_content")]
    driven = {one.context.span_id for one in jobs if one.links}
    assert driven
    for one in jobs:
        assert one.parent is not None
        assert one.parent.span_id == request.context.span_id
        assert f"{one.context.trace_id:032x}" == TRACE

    attempts = [one.parent.span_id for one in spans if one.name == "attempt fal" and one.parent]
    assert attempts
    assert set(attempts) <= driven


def test_what_is_no_trace_begins_one_and_no_span_holds_a_path(traced: Traced) -> None:
    asked = traced.served.ask("GET", "/links/secret-job/1?expires=5&signature=" + "a" * 64)
    assert asked.status_code == 403
    for wrong in ("nonsense", "00-" + "0" * 32 + f"-{SPAN}-01", "\u00e9" * 300):
        headers = {b"traceparent": wrong.encode("latin-1")}
        assert traced.served.http.get("/healthz", headers=headers).status_code == 200

    spans = traced.stopped()
    assert len(spans) == 4
    assert all(one.parent is None for one in spans)
    told = "".join(one.to_json() for one in spans)
    assert "secret-job" not in told
    assert "a" * 64 not in told
