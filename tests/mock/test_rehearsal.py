"""The mock makes what would be sent: shape, length and sound after they were bent to the model."""

from __future__ import annotations

import io
from typing import Any, cast

import av
import pytest
from PIL import Image

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    MockResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Simulator

MOCK = MockConfig(enabled=True, responses=[MockResponse(output_type="content")])
VIDEOS = [
    ("fal", "fal-ai/veo3.1"),
    ("runway", "gen4.5"),
    ("google", "gemini-omni-1.2-flash"),
    ("luma", "ray-2"),
    ("xai", "grok-imagine-video"),
    ("fal", "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"),
]


@pytest.mark.parametrize("ratio", ["1:1", "9:16", "21:9"])
@pytest.mark.parametrize(("provider", "model"), VIDEOS)
def test_a_video_is_what_would_be_sent(provider: str, model: str, ratio: str) -> None:
    config = VideoGenerationConfig(provider=provider, model=model, mock=MOCK, verify="raise")
    request = VideoGenerationRequest(
        prompt="x",
        aspect_ratio=ratio,
        duration_seconds=5 if provider == "luma" else 8,
        generate_audio=True,
    )
    response = generate_video(config, request)  # which compares it with what was sent
    bent = {one.field: one.sent for one in response.adjustments}
    assert response.aspect_ratio == bent.get("aspect_ratio", ratio)
    assert response.probe().has_audio == ("generate_audio" not in bent)


@pytest.mark.parametrize(
    ("provider", "model", "seconds"),
    [
        ("fal", "fal-ai/veo3.1", 8),
        ("fal", "fal-ai/hunyuan-video", 5),  # 129 frames
        ("openrouter", "minimax/hailuo-2.3", 5),
        ("fal", "any/new", 5),
        ("replicate", "google/veo-3.1", 8),
    ],
)
def test_a_length_that_nobody_asked_for_is_the_models_own(
    provider: str, model: str, seconds: int
) -> None:
    config = VideoGenerationConfig(provider=provider, model=model, mock=MOCK)
    response = generate_video(config, VideoGenerationRequest(prompt="x"))
    assert response.duration == seconds  # the nearest of the clips: 5, 8 and 10 s


@pytest.mark.parametrize("clip", samples.videos(), ids=lambda clip: clip.name)
def test_a_clip_with_sound_has_the_same_pictures(clip: samples.Sample) -> None:
    def pictures(content: bytes) -> list[bytes]:
        with cast("Any", av.open(io.BytesIO(content))) as file:
            return [bytes(packet) for packet in file.demux(video=0) if packet.size]

    heard = clip.read(sound=True)
    assert pictures(heard) == pictures(clip.read())
    with cast("Any", av.open(io.BytesIO(heard))) as file:
        (sound,) = file.streams.audio
        assert sound.codec_context.name == "aac"
        heard_for = sum(int(frame.samples) for frame in file.decode(sound)) / 44100
        assert abs(heard_for - clip.duration) < 0.1


def test_an_image_has_the_size_that_would_be_sent() -> None:
    config = ImageGenerationConfig(provider="openai", model="gpt-image-1-mini", mock=MOCK)
    response = generate_image(config, ImageGenerationRequest(prompt="x", size="1920x1080"))
    assert [(one.field, one.sent) for one in response.adjustments] == [("size", "1536x1024")]
    assert (response.provider_metadata["width"], response.provider_metadata["height"]) == (
        1536,
        1024,
    )


@pytest.mark.parametrize("kind", ["url", "content"])
def test_an_image_says_that_it_is_a_mock_and_of_what(kind: Any) -> None:
    mock = MockConfig(enabled=True, seed=1, responses=[MockResponse(output_type=kind)])
    config = ImageGenerationConfig(provider="fal", model="fal-ai/flux/dev", mock=mock)
    made = generate_image(config, ImageGenerationRequest(prompt="A cat", size="512x512", seed=7))
    label = ("MOCK fal fal-ai/flux/dev", "A cat")
    assert made.probe().size == len(samples.make_png(512, 512, 7, label))


@pytest.mark.parametrize("seconds", [5, 8, 10])
@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("fal", "fal-ai/wan/v2.7/text-to-video"),
        ("google", "gemini-omni-1.2-flash"),
        ("replicate", "bytedance/seedance-1-pro"),
        ("luma", "ray-2"),
        ("xai", "grok-imagine-video"),
    ],
)
def test_the_simulator_makes_the_length_that_was_sent(
    provider: str, model: str, seconds: int
) -> None:
    with Simulator([provider]) as simulator:
        config = VideoGenerationConfig(
            provider=provider,
            model=model,
            api_key="any:key",
            base_url=simulator.base_url(provider),
            poll_interval=0.05,
        )
        request = VideoGenerationRequest(prompt="x", duration_seconds=seconds)
        response = generate_video(config, request)
        sent = next(
            (one.sent for one in response.adjustments if one.field == "duration_seconds"), seconds
        )
        assert abs((response.probe().duration or 0) - float(sent)) <= 1


def test_pictures_open_everywhere() -> None:
    with Image.open(io.BytesIO(samples.make_png(600, 400, 1, ("MOCK", "x")))) as picture:
        picture.verify()
