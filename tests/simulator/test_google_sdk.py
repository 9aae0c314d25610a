"""The official SDK can't tell the simulator from Google."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator

pytest.importorskip("google.genai")

from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

KEY = "canary"
# The SDK's own session, which our adapter doesn't use.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class Aiohttp:DeprecationWarning")


def options(simulator: Simulator) -> types.HttpOptions:
    return types.HttpOptions(
        base_url=simulator.base_url("google"), retry_options=types.HttpRetryOptions(attempts=1)
    )


@pytest.fixture
async def gemini(simulator: Simulator) -> AsyncIterator[Any]:
    simulator.keys["google"] = {KEY}
    client = genai.Client(vertexai=False, api_key=KEY, http_options=options(simulator))
    yield client.aio
    await client.aio.aclose()
    client.close()


@pytest.fixture
async def vertex(simulator: Simulator) -> AsyncIterator[Any]:
    simulator.keys["google"] = {KEY}
    make: Any = Credentials
    client = genai.Client(
        vertexai=True,
        project="a-project",
        location="us-central1",
        credentials=make(token=KEY),
        http_options=options(simulator),
    )
    yield client.aio
    await client.aio.aclose()
    client.close()


async def ended(client: Any, job_id: str) -> Any:
    found = await client.interactions.get(job_id)
    while found.status in ("queued", "in_progress"):
        await asyncio.sleep(0.02)
        found = await client.interactions.get(job_id)

    return found


async def test_an_interaction(simulator: Simulator, gemini: Any) -> None:
    simulator.script("google", Script(run_polls=1))
    wanted = {"type": "video", "delivery": "uri", "duration": "8s"}
    made = await gemini.interactions.create(
        model="gemini-omni-1.1-flash", input="A kite", background=True, response_format=wanted
    )
    assert made.status == "in_progress"
    done = await ended(gemini, made.id)
    assert done.status == "completed"
    assert done.output_video.uri.endswith(f"/files/{made.id}")
    assert simulator.jobs("google")[0].payload["response_format"] == wanted

    file = await gemini.files.get(name=f"files/{made.id}")
    assert file.state == types.FileState.ACTIVE
    assert (await gemini.files.download(file=file.name))[4:8] == b"ftyp"


async def test_a_cancelled_interaction(simulator: Simulator, gemini: Any) -> None:
    simulator.script("google", Script(outcome="never"))
    made = await gemini.interactions.create(
        model="gemini-omni-1.1-flash", input="A kite", background=True
    )
    assert (await gemini.interactions.cancel(made.id)).status == "cancelled"
    assert (await gemini.interactions.get(made.id)).status == "cancelled"


async def test_an_operation(simulator: Simulator, vertex: Any) -> None:
    config = types.GenerateVideosConfig(number_of_videos=2, duration_seconds=8)
    operation = await vertex.models.generate_videos(
        model="veo-3.1-generate-001",
        source=types.GenerateVideosSource(prompt="A kite"),
        config=config,
    )
    while not operation.done:
        await asyncio.sleep(0.02)
        operation = await vertex.operations.get(operation)

    assert len(operation.response.generated_videos) == 2
    assert operation.response.generated_videos[0].video.video_bytes[4:8] == b"ftyp"
    assert simulator.counters("google").submits == 1


async def test_filtered_videos(simulator: Simulator, vertex: Any) -> None:
    simulator.script("google", Script(outcome="moderated", run_polls=0))
    operation = await vertex.models.generate_videos(
        model="veo-3.1-generate-001", source=types.GenerateVideosSource(prompt="A kite")
    )
    operation = await vertex.operations.get(operation)
    assert operation.response.rai_media_filtered_count == 1
    assert not operation.response.generated_videos


async def test_images(simulator: Simulator, gemini: Any, vertex: Any) -> None:
    for client in (gemini, vertex):
        response = await client.models.generate_content(
            model="gemini-3.1-flash-image", contents="A kite"
        )
        part = response.candidates[0].content.parts[0]
        assert part.inline_data.data.startswith(b"\x89PNG")

    simulator.script("google", Script(outcome="moderated"))
    response = await gemini.models.generate_content(
        model="gemini-3.1-flash-image", contents="A kite"
    )
    assert response.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT


async def test_errors(simulator: Simulator, gemini: Any) -> None:
    simulator.fail("google", "submit", Fault.status(429))
    with pytest.raises(errors.ClientError) as caught:
        await gemini.models.generate_content(model="gemini-3.1-flash-image", contents="A kite")

    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert simulator.counters("google").submits == 1


async def test_the_newer_half_of_the_sdk_pays_up_to_five_times(simulator: Simulator) -> None:
    """What the simulator is for: by default, the SDK sends a paid POST again."""
    quick = types.HttpOptions(
        base_url=simulator.base_url("google"),
        retry_options=types.HttpRetryOptions(initial_delay=0.01, max_delay=0.01, jitter=0),
    )
    client = genai.Client(vertexai=False, api_key=KEY, http_options=quick)
    simulator.fail("google", "submit", Fault.foreign_body(status=500), times=4)
    await client.aio.interactions.create(model="gemini-omni-1.1-flash", input="A kite")
    assert simulator.counters("google").accepted == 5
    await client.aio.aclose()
    client.close()


async def test_a_file_is_uploaded_and_worked_through(gemini: Any, simulator: Simulator) -> None:
    content = b"\x00\x00\x00\x18ftypmp42" + bytes(999)
    config = types.UploadFileConfig(mime_type="video/mp4")
    file = await gemini.files.upload(file=io.BytesIO(content), config=config)
    assert (file.state.name, file.mime_type, file.size_bytes) == ("PROCESSING", "video/mp4", 1011)

    states = [(await gemini.files.get(name=file.name)).state.name for _ in range(2)]
    assert states == ["PROCESSING", "ACTIVE"]
    assert simulator.counters("google").uploads == 1
