"""OpenTelemetry: a span for each generation, and one for each HTTP request under it.

    pip install ".[fal]" opentelemetry-sdk opentelemetry-instrumentation-aiohttp-client

The instrumentation of aiohttp sees what the gateway sends over its own connections, polls
included. Context passes into the gateway's background loop, so blocking calls are traced as well.
Addresses of results may be signed: the filter takes their query away.
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from yarl import URL  # noqa: TC002  (at run time, for whoever reads annotations)

from tarash.tarash_gateway import (
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_video,
)

CONFIG = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1")
tracer = trace.get_tracer("videos")


def without_query(url: URL) -> str:
    """Return an address without what may be a signature."""
    return str(url.with_query(None))


AioHttpClientInstrumentor().instrument(url_filter=without_query)


def make(prompt: str) -> VideoGenerationResponse:
    """Make one video in a span of its own."""
    with tracer.start_as_current_span("video") as span:
        response = generate_video(CONFIG, VideoGenerationRequest(prompt=prompt))
        span.set_attribute("video.request_id", response.request_id)
        return response
