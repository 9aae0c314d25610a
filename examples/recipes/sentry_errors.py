"""Sentry: errors with the values of variables, and without keys.

    pip install ".[fal]" sentry-sdk

Nothing is to be set: keys print masked in our objects, and frames of HTTP clients and SDKs, which
hold headers, are cut from our errors. The log's lines become breadcrumbs, and an attempt that a
fallback has rescued is no ERROR, and so no event.
"""

from __future__ import annotations

import os

import sentry_sdk

from tarash.tarash_gateway import (
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_video,
)

sentry_sdk.init(dsn=os.environ.get("SENTRY_DSN"))
CONFIG = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1")


def make(prompt: str) -> VideoGenerationResponse:
    """Make one video, and report the facts of what went wrong."""
    try:
        return generate_video(CONFIG, VideoGenerationRequest(prompt=prompt))
    except TarashException as error:
        facts = {"submission": error.submission, "billing": error.billing}
        sentry_sdk.set_context("generation", {**facts, "request_id": error.request_id})
        sentry_sdk.set_tag("provider", error.provider)
        sentry_sdk.capture_exception(error)
        raise
