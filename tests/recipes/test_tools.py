"""Recipes for tools, pages and telemetry, in processes of their own."""

from __future__ import annotations

import json

from tarash.tarash_gateway.testing import Script
from tests.recipes.conftest import KEY, RECIPES, Place

MCP = """
import asyncio, json
from mcp import Client
from mcp_server import server

async def main():
    async with Client(server) as client:
        tools = {one.name: one for one in (await client.list_tools()).tools}
        order = {"request": {"prompt": "A cat"}, "order": "first"}
        tokens = [await client.call_tool("order_video", order) for _ in range(2)]
        token = tokens[0].content[0].text
        status = {"status": "queued"}
        while status["status"] in ("queued", "processing"):
            answer = await client.call_tool("video_status", {"token": token})
            status = answer.structured_content
            status = status.get("result", status)

        files = {"request": {"prompt": "A", "image_list": ["/etc/hostname"]}, "order": "second"}
        refused = await client.call_tool("order_video", files)
        print(json.dumps([sorted(tools), status, refused.is_error, refused.content[0].text]))

asyncio.run(main())
"""
LANGCHAIN = """
import asyncio, json
import langchain_tool
from langchain_tool import CONFIG, make_video

langchain_tool.CONFIG = CONFIG.model_copy(update={"allow_private_urls": True})
first = make_video.invoke({"prompt": "A cat", "duration_seconds": 8})
second = asyncio.run(make_video.ainvoke({"prompt": "A dog"}))
blank = make_video.invoke({"prompt": " "})
print(json.dumps([first, second, blank, sorted(make_video.args)]))
"""
TRACES = """
import json
from typing import Any
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
from opentelemetry_traces import make

make("A cat")
done = spans.get_finished_spans()
(ours,) = [one for one in done if one.name == "video"]
under = [one for one in done if one.parent and one.parent.span_id == ours.context.span_id]
print(json.dumps([len(under), [one.to_json() for one in done]]))
"""
SENTRY = """
import json, sentry_sdk
from sentry_sdk.transport import Transport

class Kept(Transport):
    events = []

    def capture_envelope(self, envelope):
        self.events.append(envelope.serialize().decode("utf-8", "replace"))

import sentry_errors

sentry_sdk.init(dsn="http://a@127.0.0.1/1", transport=Kept)
try:
    sentry_errors.make("A cat")
except sentry_errors.TarashException as error:
    sentry_sdk.flush()
    print(json.dumps([type(error).__name__, Kept.events]))
"""
STREAMLIT = """
import json, sys
from streamlit.testing.v1 import AppTest

page = AppTest.from_file(sys.argv[1], default_timeout=60).run()
page.text_input[0].input("A cat")
page.button[0].click().run()
assert not page.exception, page.exception
seen = []
while not (videos := page.get("video")):
    page.run()  # as each tick, and each click on the page does
    seen += [one.value for one in page.info]

print(json.dumps([videos[0].proto.url, len(seen)]))
"""
GRADIO = """
import asyncio, json
from gradio_app import order, page, watch

async def main():
    token = await order("A cat")
    state, video = "", None
    while video is None and state != "failed":
        state, video = await watch(token)

    return [state, video, await watch("")]

print(json.dumps([*asyncio.run(main()), len(page.fns)]))
"""


def last_line(said: str) -> list[object]:
    found: list[object] = json.loads(said.splitlines()[-1])
    return found


def test_an_order_over_mcp_is_one_job_and_reads_no_file(place: Place) -> None:
    tools, status, is_error, why = last_line(place.said("-c", MCP))
    assert tools == ["order_video", "video_status"]
    assert isinstance(status, dict)
    assert status["status"] == "completed"
    assert status["video"].startswith("http")
    assert is_error is True
    assert "file" in str(why)
    assert place.counters.submits == 1


def test_langchain_invokes_the_tool_both_ways_and_hands_errors_to_the_model(place: Place) -> None:
    first, second, blank, arguments = last_line(place.said("-c", LANGCHAIN))
    assert len(place.saved()) == len({first, second}) == 2
    assert "prompt" in str(blank)
    assert arguments == ["aspect_ratio", "duration_seconds", "prompt"]


def test_requests_are_spans_under_the_one_of_the_application(place: Place) -> None:
    count, spans = last_line(place.said("-c", TRACES))
    assert isinstance(count, int)
    assert count >= 3  # submit, poll, result
    assert KEY not in str(spans)


def test_an_event_of_sentry_has_the_facts_and_no_key(place: Place) -> None:
    place.simulator.script("fal", Script(outcome="failed", run_polls=0))
    error, events = last_line(place.said("-c", SENTRY))
    assert error == "GenerationFailedError"
    assert isinstance(events, list)
    assert any('"submission":"accepted"' in str(one).replace(" ", "") for one in events)
    assert KEY not in str(events)


def test_a_page_of_streamlit_that_is_run_again_orders_once(place: Place) -> None:
    app = str(RECIPES / "streamlit_app.py")
    url, _ = last_line(place.said("-c", STREAMLIT, app))
    assert str(url).startswith("http")
    assert place.counters.submits == 1


def test_gradio_orders_once_and_asks_after_it(place: Place) -> None:
    state, video, nothing, _ = last_line(place.said("-c", GRADIO))
    assert state == "completed"
    assert str(video).startswith("http")
    assert nothing == ["Nothing is ordered.", None]
    assert place.counters.submits == 1
