"""Self-hosted servers: what goes out to each, without a key, and what their answers come to."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    HTTPConnectionError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelNotFoundError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Script, Simulator

SERVERS = ("vllm", "sglang", "openai-compatible", "localai")
WITH_JOBS = SERVERS[:-1]
PICTURE = samples.make_png(64, 64, 1)
FAST = {"min_poll_interval": 0.01}
FULL = {
    "prompt": "a fox runs",
    "duration_seconds": 4,
    "aspect_ratio": "16:9",
    "resolution": "720p",
    "negative_prompt": "blur",
    "seed": 42,
}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SERVERS) as running:
        yield running


def config(simulator: Simulator, provider: str, **changes: Any) -> VideoGenerationConfig:
    settings = {"poll_interval": 0.02, "provider_config": FAST, **changes}
    return VideoGenerationConfig.model_validate(
        {
            "provider": provider,
            "model": "wan-2.2",
            "base_url": simulator.base_url(provider),
            **settings,
        }
    )


def image_config(simulator: Simulator, provider: str) -> ImageGenerationConfig:
    return ImageGenerationConfig(
        provider=provider, model="flux", base_url=simulator.base_url(provider)
    )


def parts_of(body: bytes, content_type: str) -> dict[str, Message]:
    """Return the parts of a form by name, read by the standard library."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + body)
    parts = [part for part in message.walk() if not part.is_multipart()]
    return {str(one.get_param("name", header="content-disposition")): one for one in parts}


@pytest.mark.parametrize("provider", SERVERS)
def test_without_a_key_none_is_sent(simulator: Simulator, provider: str) -> None:
    assert generate_video(config(simulator, provider), VideoGenerationRequest(prompt="a")).video
    assert generate_image(image_config(simulator, provider), ImageGenerationRequest(prompt="a"))
    for request in simulator.requests(provider):
        assert "authorization" not in request.headers


@pytest.mark.parametrize("provider", SERVERS)
@pytest.mark.parametrize("source", ["config", "environment"])
def test_a_key_goes_out_where_one_is_given(
    simulator: Simulator, provider: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"{provider.upper().replace('-', '_')}_API_KEY"
    monkeypatch.setenv(variable, "from-the-environment" if source == "environment" else "")
    given = {"api_key": "from-the-config"} if source == "config" else {}
    simulator.keys[provider] = {f"from-the-{source}"}
    asked = config(simulator, provider, **given)
    assert generate_video(asked, VideoGenerationRequest(prompt="a")).video


@pytest.mark.parametrize("provider", SERVERS)
def test_without_a_server_nothing_is_planned(provider: str) -> None:
    """Never an example's host, nor OpenAI's."""
    with pytest.raises(ValidationError, match=r"base_url=.*TARASH_\w+_BASE_URL") as caught:
        plan_video(
            VideoGenerationConfig(provider=provider, model="any"),
            VideoGenerationRequest(prompt="a"),
        )

    assert (caught.value.code, caught.value.field) == ("no_base_url", "base_url")
    assert caught.value.submission == "not_sent"


@pytest.mark.parametrize("provider", SERVERS)
@pytest.mark.parametrize("written", ["", "/", "/v1", "/v1/", "/v1/v1"])
def test_a_base_url_is_understood_as_users_write_it(provider: str, written: str) -> None:
    asked = VideoGenerationConfig(
        provider=provider, model="any", base_url=f"http://127.0.0.1:9{written}"
    )
    endpoint = plan_video(asked, VideoGenerationRequest(prompt="a")).endpoint
    path = "/video" if provider == "localai" else "/v1/videos"
    if not (provider == "localai" and written == "/v1/v1"):
        assert endpoint == f"http://127.0.0.1:9{path}"


def test_vllm_gets_a_form_with_the_fields_of_its_source(simulator: Simulator) -> None:
    request = VideoGenerationRequest.model_validate(
        {
            **FULL,
            "generate_audio": True,
            "image_list": [{"image": PICTURE, "type": "first_frame"}],
            "extra_params": {"fps": 24, "num_frames": 97, "extra_params": {"key": 1}},
        }
    )
    assert generate_video(config(simulator, "vllm"), request).video
    (job,) = simulator.jobs("vllm")
    parts = parts_of(simulator.requests("vllm")[0].body, job.headers["content-type"])
    told = {name: one.get_payload() for name, one in parts.items() if one.get_filename() is None}
    assert told == {
        "model": "wan-2.2",
        "prompt": "a fox runs",
        "negative_prompt": "blur",
        "seed": "42",
        "size": "1280x720",
        "seconds": "4",
        "generate_sound": "true",
        "fps": "24",
        "num_frames": "97",
        "extra_params": '{"key": 1}',
    }
    assert parts["input_reference"].get_payload(decode=True) == PICTURE


def test_vllm_gets_several_references_under_the_name_of_a_list(simulator: Simulator) -> None:
    other = samples.make_png(64, 64, 2)
    request = VideoGenerationRequest(prompt="a", image_list=[PICTURE, other])
    assert generate_video(config(simulator, "vllm"), request).video
    assert "input_reference[]" in simulator.jobs("vllm")[0].payload


def test_sglang_gets_numbers_in_json(simulator: Simulator) -> None:
    request = VideoGenerationRequest.model_validate(
        {**FULL, "number_of_videos": 2, "extra_params": {"fps": 24, "num_inference_steps": 30}}
    )
    response = generate_video(config(simulator, "sglang"), request)
    (job,) = simulator.jobs("sglang")
    assert job.payload == {
        "model": "wan-2.2",
        "prompt": "a fox runs",
        "negative_prompt": "blur",
        "seed": 42,
        "size": "1280x720",
        "seconds": 4,
        "n": 2,
        "fps": 24,
        "num_inference_steps": 30,
    }
    # Each of them is fetched, and the server's own paths go no further.
    assert len(response.videos) == 2
    assert "file_path" not in response.provider_metadata
    assert "file_path" in response.raw_response
    assert simulator.counters("sglang").results == 2


def test_sglang_gets_a_form_where_there_is_a_file(simulator: Simulator) -> None:
    clip = samples.pick_video().read()
    request = VideoGenerationRequest(prompt="in winter", video=clip, image_list=[PICTURE])
    assert generate_video(config(simulator, "sglang"), request).video
    assert {"input_reference", "video_reference"} <= simulator.jobs("sglang")[0].payload.keys()


def test_localai_gets_its_own_names(simulator: Simulator) -> None:
    request = VideoGenerationRequest.model_validate(
        {**FULL, "image_list": [{"image": PICTURE, "type": "first_frame"}]}
    )
    response = generate_video(config(simulator, "localai"), request)
    (job,) = simulator.jobs("localai")
    assert job.payload["start_image"].startswith("data:image/png;base64,")
    assert (job.payload["seconds"], job.payload["size"]) == ("4", "1280x720")
    assert isinstance(response.video, dict)
    assert response.video["content"][4:8] == b"ftyp"


def test_what_an_image_of_localai_avoids_stands_behind_a_bar(simulator: Simulator) -> None:
    request = ImageGenerationRequest(
        prompt="a kite", negative_prompt="text", aspect_ratio="1:1", image_list=[PICTURE]
    )
    assert generate_image(image_config(simulator, "localai"), request).images
    (job,) = simulator.jobs("localai")
    assert job.payload["prompt"] == "a kite|text"
    assert job.payload["size"] == "1024x1024"
    assert not job.payload["ref_images"][0].startswith("data:")


@pytest.mark.parametrize("provider", ["vllm", "sglang", "localai"])
def test_images_come_in_the_answer_whatever_the_servers_default(
    simulator: Simulator, provider: str
) -> None:
    request = ImageGenerationRequest(prompt="a red kite", size="1024x1024", seed=7, n=2)
    assert len(generate_image(image_config(simulator, provider), request).images) == 2
    assert simulator.jobs(provider)[0].payload["response_format"] == "b64_json"


@pytest.mark.parametrize("sends", ["form", "json"])
def test_a_compatible_server_gets_what_it_reads(simulator: Simulator, sends: str) -> None:
    asked = config(simulator, "openai-compatible", provider_config={**FAST, "sends": sends})
    assert generate_video(asked, VideoGenerationRequest(prompt="a")).video
    (job,) = simulator.jobs("openai-compatible")
    assert job.headers["content-type"].startswith("multipart/" if sends == "form" else "applic")


def test_a_compatible_server_is_told_how_only_in_known_words(simulator: Simulator) -> None:
    asked = config(simulator, "openai-compatible", provider_config={"sends": "xml"})
    with pytest.raises(ValidationError, match="'form' or 'json'"):
        plan_video(asked, VideoGenerationRequest(prompt="a"))


def test_a_failed_job_of_vllm_ends_though_it_is_said_with_a_500(simulator: Simulator) -> None:
    simulator.script("vllm", Script(outcome="failed"))
    with pytest.raises(GenerationFailedError, match="CUDA out of memory") as caught:
        generate_video(config(simulator, "vllm"), VideoGenerationRequest(prompt="a"))

    assert caught.value.raw_response["status"] == "failed"
    assert caught.value.submission == "accepted"


def test_a_500_about_nothing_is_not_the_end_of_the_job(simulator: Simulator) -> None:
    simulator.fail("vllm", "poll", Fault.status(500), times=3)
    assert generate_video(config(simulator, "vllm"), VideoGenerationRequest(prompt="a")).video


async def test_a_finished_job_of_vllm_is_not_deleted_by_a_late_cancel(
    simulator: Simulator,
) -> None:
    simulator.script("vllm", Script(run_seconds=0))
    async with Gateway() as gateway:
        job = await gateway.submit_video_async(
            config(simulator, "vllm"), VideoGenerationRequest(prompt="a")
        )
        assert await job.cancel_async() == "too_late"
        assert (await job.wait_async()).video

    assert not any(one.method == "DELETE" for one in simulator.requests("vllm"))


async def test_a_running_job_of_sglang_is_not_forgotten_by_a_cancel(simulator: Simulator) -> None:
    simulator.script("sglang", Script(outcome="never"), Script())
    async with Gateway() as gateway:
        job = await gateway.submit_video_async(
            config(simulator, "sglang"), VideoGenerationRequest(prompt="a")
        )
        assert await job.cancel_async() == "unsupported"

    assert not any(one.method == "DELETE" for one in simulator.requests("sglang"))


@pytest.mark.parametrize("provider", WITH_JOBS)
@pytest.mark.parametrize("told", ["config", "environment"])
async def test_a_stored_job_is_taken_up_without_a_key(
    simulator: Simulator,
    provider: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variable = f"TARASH_{provider.upper().replace('-', '_')}_BASE_URL"
    asked = config(simulator, provider)
    if told == "environment":
        monkeypatch.setenv(variable, simulator.base_url(provider))
        asked = asked.model_copy(update={"base_url": None})

    simulator.script(provider, Script(run_polls=2))
    ledger = SqliteLedger(tmp_path / "jobs.db")
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.submit_video_async(asked, VideoGenerationRequest(prompt="a"))

    if told == "environment":
        monkeypatch.delenv(variable)  # the ledger has it

    async with Gateway(ledger=SqliteLedger(tmp_path / "jobs.db")) as gateway:
        again = await gateway.resume_async(job.id)
        response: Any = await again.wait_async()
        assert response.video

    assert simulator.counters(provider).submits == 1


@pytest.mark.parametrize("provider", SERVERS)
def test_a_server_that_is_down_is_named(provider: str) -> None:
    asked = VideoGenerationConfig(
        provider=provider, model="any", base_url="http://127.0.0.1:9", max_retries=0
    )
    with pytest.raises(HTTPConnectionError, match=r"127\.0\.0\.1:9") as caught:
        generate_video(asked, VideoGenerationRequest(prompt="a"))

    assert caught.value.submission == "not_sent"
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


@asynccontextmanager
async def language_server() -> AsyncIterator[str]:
    """Serve what a server without media models has: FastAPI's answer to unknown paths."""

    async def unknown(_request: web.Request) -> web.Response:
        return web.json_response({"detail": "Not Found"}, status=404)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", unknown)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("provider", ["vllm", "sglang", "localai"])
async def test_a_server_without_the_route_is_told_of(provider: str) -> None:
    async with language_server() as url, Gateway() as gateway:
        asked = VideoGenerationConfig(provider=provider, model="any", base_url=url)
        with pytest.raises(ModelNotFoundError, match="no such route: check base_url"):
            await gateway.generate_video_async(asked, VideoGenerationRequest(prompt="a"))


@pytest.mark.parametrize(
    ("provider", "role"), [("vllm", "last_frame"), ("sglang", "asset"), ("localai", "style")]
)
def test_an_image_without_a_place_is_refused(provider: str, role: str) -> None:
    asked = VideoGenerationConfig(provider=provider, model="any", base_url="http://127.0.0.1:9")
    request = VideoGenerationRequest.model_validate(
        {"prompt": "a", "image_list": [{"image": PICTURE, "type": role}]}
    )
    with pytest.raises(ValidationError, match=role):
        plan_video(asked, request)


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"aspect_ratio": "16:9"}, "1280x720"),
        ({"resolution": "480p"}, "848x480"),
        ({"aspect_ratio": "9:16", "resolution": "480p"}, "480x848"),
        ({"aspect_ratio": "1:1", "resolution": "1080p"}, "1080x1080"),
        ({"aspect_ratio": "16:9", "extra_params": {"size": "832x480"}}, "832x480"),
        ({}, None),
    ],
)
@pytest.mark.parametrize("provider", SERVERS)
def test_sizes_are_whole_pixels(provider: str, asked: dict[str, Any], size: str | None) -> None:
    settings = VideoGenerationConfig(provider=provider, model="any", base_url="http://127.0.0.1:9")
    request = VideoGenerationRequest.model_validate({"prompt": "a", **asked})
    assert plan_video(settings, request).payload.get("size") == size


def test_an_image_of_a_compatible_server_is_not_told_its_form() -> None:
    asked = ImageGenerationConfig(
        provider="openai-compatible", model="flux", base_url="http://127.0.0.1:9"
    )
    payload = plan_image(asked, ImageGenerationRequest(prompt="a")).payload
    assert payload == {"model": "flux", "prompt": "a", "n": 1}
