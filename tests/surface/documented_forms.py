"""Every form that is documented, for type checkers: `nox -s types` reads it as a user's would."""

from __future__ import annotations

import io
from pathlib import Path

from pydantic import SecretStr

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_video,
    resume_all,
    submit_video,
)

KEY = SecretStr("any-key")
CONFIGS = [
    VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", api_key=KEY),
    VideoGenerationConfig(provider="fal", model="m", save_to=Path("videos"), verify="warn"),
    VideoGenerationConfig(
        provider="fal",
        model="m",
        max_cost="2.50",
        fallback_configs=[VideoGenerationConfig(provider="xai", model="m")],
    ),
]
IMAGES = [
    ImageGenerationConfig(provider="fal", model="m", api_key="any-key", provider_config={"a": 1}),
]
REQUESTS = [
    VideoGenerationRequest(prompt="A cat", image_list=[Path("a.png"), b"bytes", "https://a.com/a"]),
    VideoGenerationRequest(
        prompt="A cat", image_list=[{"image": Path("a.png"), "type": "first_frame"}, b"bytes"]
    ),
    VideoGenerationRequest(prompt="A cat", image_list=[io.BytesIO(b"a")], duration_seconds=8),
    VideoGenerationRequest(prompt="A cat", video=Path("a.mp4"), extra_params={"a": 1}),
    VideoGenerationRequest(prompt="A cat", guidance_scale=3.5, negative_prompt="dogs"),
]
IMAGE_REQUESTS = [
    ImageGenerationRequest(prompt="A cat", image_list=[Path("a.png")], mask_image=b"bytes", n=2),
    ImageGenerationRequest(prompt="A cat", size="1024x1024", guidance_scale=3.5),
]


def use() -> VideoGenerationResponse:
    """Call what is documented."""
    response = generate_video(CONFIGS[0], REQUESTS[0], idempotency_key="a")
    response.save("a.mp4").unlink()
    response.save(Path("a.mp4"), on_exists="number", timeout=60).unlink()
    address = str(response.save_all("s3://bucket/")[0])
    facts: list[object] = [address, response.execution_metadata.attempts[-1].provider]
    submit_video(CONFIGS[0], REQUESTS[0], ledger="sqlite:///jobs.db").wait()
    for job in resume_all("sqlite:///jobs.db", api_keys={"fal": KEY}):
        try:
            for path in job.wait().save_all(Path("videos")):
                path.unlink()
        except TarashException as error:
            facts += [error.execution_metadata.total_attempts, error.hints, error.code]

    return response
