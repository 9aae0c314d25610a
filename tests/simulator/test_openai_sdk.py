"""The official SDK runs against the simulator's OpenAI and Azure OpenAI wires."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tarash.tarash_gateway.testing import Script, Simulator
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import read_form

PNG = b"\x89PNG\r\n\x1a\n" + random.Random(4).randbytes(4000) + b"\r\n"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["openai", "azure-openai"]) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[openai.OpenAI]:
    url = f"{simulator.base_url('openai')}/v1"
    with openai.OpenAI(api_key="key", base_url=url, max_retries=0) as made:
        yield made


def files(request: RecordedRequest) -> dict[str, list[bytes]]:
    form = read_form(request)
    assert form is not None
    return {name: [one.content for one in found] for name, found in form.files.items()}


def test_images_are_generated(client: openai.OpenAI) -> None:
    made = client.images.generate(model="gpt-image-2", prompt="A cat", n=2, size="1536x1024")

    assert made.data is not None
    assert len(made.data) == 2
    assert base64.b64decode(made.data[0].b64_json or "").startswith(b"\x89PNG")
    assert made.usage is not None


def test_images_are_edited(client: openai.OpenAI, simulator: Simulator) -> None:
    client.images.edit(model="gpt-image-2", prompt="A cat", image=("a.png", PNG), mask=PNG)
    client.images.edit(model="gpt-image-2", prompt="A cat", image=[PNG, PNG])

    first, second = simulator.requests("openai")
    assert files(first) == {"image": [PNG], "mask": [PNG]}
    assert files(second) == {"image[]": [PNG, PNG]}


@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
def test_a_video_is_made_and_remixed(client: openai.OpenAI, simulator: Simulator) -> None:
    simulator.script("openai", Script(queue_polls=1, run_polls=1), Script(run_polls=0))
    video = client.videos.create(
        model="sora-2", prompt="A cat", seconds="8", size="1280x720", input_reference=PNG
    )
    assert video.status == "queued"
    assert video.seconds == "8"

    done = client.videos.poll(video.id, poll_interval_ms=10)
    assert done.status == "completed"
    assert done.expires_at is not None
    assert client.videos.download_content(video.id).read()[4:8] == b"ftyp"

    remixed = client.videos.remix(video.id, prompt="A dog")
    assert remixed.remixed_from_video_id == video.id
    assert [one.id for one in client.videos.list(limit=1)] == [remixed.id, video.id]
    assert [one.id for one in client.videos.list(order="asc")] == [video.id, remixed.id]
    assert client.videos.delete(video.id).deleted


@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
def test_a_blocked_job_says_so(client: openai.OpenAI, simulator: Simulator) -> None:
    simulator.script("openai", Script(run_polls=0, outcome="moderated"))
    video = client.videos.create(prompt="A cat")
    ended = client.videos.poll(video.id, poll_interval_ms=10)

    assert ended.error is not None
    assert (ended.status, ended.error.code) == ("failed", "moderation_blocked")


def test_errors_come_in_the_envelope(client: openai.OpenAI, simulator: Simulator) -> None:
    simulator.script("openai", Script(run_polls=0, outcome="moderated"))
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="gpt-image-2", prompt="A cat")

    assert caught.value.code == "moderation_blocked"
    simulator.keys["openai"] = {"another"}
    with pytest.raises(openai.AuthenticationError) as refused:
        client.images.generate(model="gpt-image-2", prompt="A cat")

    assert refused.value.code == "invalid_api_key"


def test_azures_client_uses_the_paths_of_deployments(simulator: Simulator) -> None:
    made: Any
    with openai.AzureOpenAI(
        api_key="key",
        api_version="2025-04-01-preview",
        azure_endpoint=simulator.base_url("azure-openai"),
        max_retries=0,
    ) as client:
        made = client.images.generate(model="mine", prompt="A cat")
        client.images.edit(model="mine", prompt="A cat", image=PNG)

    assert made.data[0].b64_json
    paths = [request.path for request in simulator.requests("azure-openai")]
    assert paths == [f"/openai/deployments/mine/images/{one}" for one in ("generations", "edits")]
    assert simulator.requests("azure-openai")[0].headers["api-key"] == "key"


def test_azures_v1_paths_take_a_bearer(simulator: Simulator) -> None:
    url = f"{simulator.base_url('azure-openai')}/openai/v1"
    with openai.OpenAI(api_key="token", base_url=url, max_retries=0) as client:
        assert client.images.generate(model="mine", prompt="A cat").data
