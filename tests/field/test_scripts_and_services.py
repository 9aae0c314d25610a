"""What people reported of scripts, notebooks and services around providers, played here.

Each test names the report that it replays as repository#number.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
    generate_image,
    generate_video,
    plan_image,
    plan_video,
    submit_video,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tarash.tarash_gateway.testing._wire import read_form
from tests.media.raw import Asked, answer, serving

KEY = "id:a-secret-key"
FAST: dict[str, Any] = {"poll_interval": 0.02, "provider_config": {"min_poll_interval": 0.01}}
CAT = VideoGenerationRequest(prompt="A cat")


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "tomato").save(buffer, "PNG")
    return buffer.getvalue()


def webp() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "tomato").save(buffer, "WEBP")
    return buffer.getvalue()


def video(provider: str, model: str, **facts: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(provider=provider, model=model, api_key=KEY, **(FAST | facts))


def test_an_output_that_is_a_data_uri_of_no_type_is_saved_as_what_it_is(tmp_path: Path) -> None:
    """replicate/replicate-python#377: `data:application/octet-stream;base64,UklGR…` came back."""
    uri = f"data:application/octet-stream;base64,{base64.b64encode(webp()).decode()}"
    body = {
        "id": "abc123", "status": "succeeded", "output": [uri], "error": None,
        "urls": {"get": "", "cancel": ""},
    }  # fmt: skip

    def answers(_asked: Asked, _before: int) -> Iterator[bytes]:
        yield answer(json.dumps(body).encode(), "201 Created", content_type="application/json")

    with serving(answers) as server:
        config = ImageGenerationConfig(
            provider="replicate", model="black-forest-labs/flux-schnell", api_key="r8_secret",
            base_url=server.url, **FAST,
        )  # fmt: skip
        made = generate_image(config, ImageGenerationRequest(prompt="A parrot"))

    made.save(tmp_path / "parrot.{ext}")
    assert [path.name for path in tmp_path.iterdir()] == ["parrot.webp"]


@pytest.mark.parametrize("form", ["bytes", "without a name", "with a wrong name"])
def test_every_file_of_an_edit_has_the_type_of_its_bytes(form: str) -> None:
    """anasfik/openai#216, Comfy-Org/ComfyUI#9329: octet-stream was sent, and refused."""
    given: Any = png() if form == "bytes" else io.BytesIO(png())
    if form == "with a wrong name":
        given.name = "picture.bin"

    with Simulator(["openai"]) as simulator:
        config = ImageGenerationConfig(
            provider="openai",
            model="gpt-image-2",
            api_key=KEY,
            base_url=simulator.base_url("openai"),
        )
        generate_image(
            config, ImageGenerationRequest(prompt="A hat", image_list=[{"image": given}])
        )
        (sent,) = simulator.requests("openai")

    form_sent = read_form(sent)
    assert form_sent is not None
    assert b"Content-Type: image/png" in sent.body
    assert b"octet-stream" not in sent.body


def test_a_file_that_was_sent_once_can_be_sent_again() -> None:
    """openai/openai-cookbook#2903: the second edit with the same open file sent nothing."""
    opened = io.BytesIO(png())
    with Simulator(["openai"]) as simulator:
        config = ImageGenerationConfig(
            provider="openai",
            model="gpt-image-2",
            api_key=KEY,
            base_url=simulator.base_url("openai"),
        )
        for _ in range(2):
            request = ImageGenerationRequest(prompt="A hat", image_list=[{"image": opened}])
            generate_image(config, request)

        sizes = {len(one.body) for one in simulator.requests("openai")}

    assert min(sizes) > len(png())


def test_a_model_that_needs_an_image_says_so_before_it_is_asked() -> None:
    """backblaze-labs/genblaze#226: gen4_turbo without an image ended in the SDK's raw error."""
    with pytest.raises(ValidationError, match="image"):
        plan_video(video("runway", "gen4_turbo"), CAT)

    planned = plan_video(
        video("runway", "gen4.5"), VideoGenerationRequest(prompt="A cat", aspect_ratio="9:16")
    )
    assert planned.payload["ratio"] == "720:1280"


@pytest.mark.parametrize(
    "said",
    [
        'promptImage: Unsupported Content-Type response header: "binary/octet-stream".',
        "Invalid parameter 'promptText'",
    ],
)
def test_what_runway_refuses_is_told_in_its_words_and_sent_once(said: str) -> None:
    """runwayml/sdk-python#81, runwayml/sdk-node#99: a bare 400 hid what was wrong."""
    with Simulator(["runway"]) as simulator:
        simulator.fail("runway", "submit", Fault.status(400, {"error": said}), times=None)
        config = video("runway", "gen4.5", base_url=simulator.base_url("runway"))
        with pytest.raises(ValidationError) as caught:
            generate_video(config, CAT)

        assert simulator.counters("runway").submits == 1

    assert said in str(caught.value)
    assert caught.value.submission == "rejected"


def test_a_vertex_job_goes_on_in_another_process_by_its_name_alone() -> None:
    """backblaze-labs/genblaze#136, vercel/ai#12003, googleapis/js-genai#1074: by name."""
    settings = {
        "gcp_project": "p", "location": "us-central1", "access_token": "ya29.token-12345",
        "min_poll_interval": 0.01,
    }  # fmt: skip
    with Simulator(["google"]) as simulator:
        simulator.script("google", Script(run_polls=1))
        config = video(
            "google", "veo-3.1-generate-001", base_url=simulator.base_url("google"),
            provider_config=settings,
        )  # fmt: skip
        token = submit_video(config, CAT).to_token()
        again = VideoJob.from_token(token, config)
        assert again.wait().video
        assert simulator.counters("google").submits == 1
        polled = [one.path for one in simulator.requests("google") if "fetchPredict" in one.path]

    assert polled


@pytest.mark.parametrize(("asked", "begins"), [(None, "v1beta1/"), ("v1", "v1/")])
def test_the_version_of_vertex_can_be_chosen(asked: str | None, begins: str) -> None:
    """googleapis/python-genai#2079: a project for which only v1 worked."""
    config = video(
        "google", "veo-3.1-generate-001", api_version=asked,
        provider_config={"gcp_project": "p", "access_token": "t"},
    )  # fmt: skip
    assert f"googleapis.com/{begins}" in plan_video(config, CAT).endpoint


@pytest.mark.parametrize("size", ["1280x0", "0x720", "-1x720", "1280x", "x"])
def test_a_size_without_an_area_is_refused(size: str) -> None:
    """BitMind-AI/bitmind-subnet#304: a height of 0 ended in ZeroDivisionError."""
    with pytest.raises(ValueError, match="size"):
        plan_image(
            ImageGenerationConfig(provider="fal", model="fal-ai/flux/dev"),
            ImageGenerationRequest(prompt="A cat", size=size),
        )


def test_a_deadline_hands_over_the_job_and_buys_no_other() -> None:
    """11cafe/jaaz#244, AtlasCloudAI/atlascloud_comfyui#27: `TimeoutError()` and the money gone."""
    with Simulator(["fal"]) as simulator:
        simulator.script("fal", Script(queue_seconds=600))
        config = video(
            "fal", "fal-ai/veo3.1", base_url=simulator.base_url("fal"), max_poll_attempts=2,
            on_timeout="detach",
        )  # fmt: skip
        with pytest.raises(TimeoutError) as caught:
            generate_video(config, CAT)

        assert simulator.counters("fal").submits == 1

    assert caught.value.operation is not None
    assert str(caught.value.request_id) in str(caught.value.operation)


async def test_a_blocking_call_in_a_thread_leaves_the_loop_to_others() -> None:
    """Kludex/starlette#2972, video-db/Director#111: a blocking call, or a loop within a loop."""
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    with Simulator(["fal"]) as simulator:
        simulator.script("fal", Script(queue_seconds=0.3))
        config = video("fal", "fal-ai/veo3.1", base_url=simulator.base_url("fal"))
        beating = asyncio.create_task(beat())
        made = await asyncio.to_thread(generate_video, config, CAT)
        beating.cancel()

    assert made.video
    assert beats >= 3


def test_connections_that_fail_after_a_submit_buy_nothing_twice() -> None:
    """Comfy-Org/ComfyUI#12372: 'server disconnected', tried again, and credits lost each time."""
    with Simulator(["fal"]) as simulator:
        simulator.fail("fal", "submit", Fault.reset_after(), times=None)
        config = video("fal", "fal-ai/veo3.1", base_url=simulator.base_url("fal"), timeout=20)
        with pytest.raises(TarashException) as caught:
            generate_video(config, CAT)

        assert simulator.counters("fal").accepted == 1

    assert caught.value.submission == "unknown"
