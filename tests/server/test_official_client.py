"""The official client of OpenAI's, sync and async, against a started server."""

from __future__ import annotations

import openai
import pytest

from tarash.tarash_gateway.media.samples import make_png
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import MODEL, Start, Started


def test_a_video_from_create_to_delete(served: Started, simulator: Simulator) -> None:
    simulator.script("fal", Script(queue_seconds=0.2, run_seconds=0.2))
    client = served.client(served.key())
    video = client.videos.create(model=MODEL, prompt="A cat", seconds="8", size="1280x720")
    assert (video.object, video.status, video.model) == ("video", "queued", MODEL)
    assert (video.seconds, video.size, video.prompt) == ("8", "1280x720", "A cat")
    ended = client.videos.poll(video.id, poll_interval_ms=20)
    assert (ended.id, ended.status, ended.progress) == (video.id, "completed", 100)
    content = client.videos.download_content(video.id).read()
    assert content[4:8] == b"ftyp"
    assert [one.id for one in client.videos.list()] == [video.id]
    deleted = client.videos.delete(video.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (video.id, "video.deleted", True)
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve(video.id)

    sent = simulator.jobs("fal")[0].payload
    assert (sent["duration"], sent["resolution"], sent["aspect_ratio"]) == ("8s", "720p", "16:9")


async def test_the_async_client_does_the_same(served: Started) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key=served.key()) as client:
        video = await client.videos.create_and_poll(model=MODEL, prompt="A cat", seconds="8")
        assert (video.status, video.seconds) == ("completed", "8")
        content = await client.videos.download_content(video.id)
        assert (await content.aread())[4:8] == b"ftyp"
        assert [one.id async for one in client.videos.list()] == [video.id]
        assert (await client.videos.retrieve(video.id)).model == MODEL
        assert (await client.videos.delete(video.id)).deleted


def test_the_server_sets_the_pace_of_the_polls(start: Start, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never", stream=False))
    served = start(poll_seconds=0.25)
    client = served.client()
    created = client.videos.with_raw_response.create(model=MODEL, prompt="A cat")
    assert created.headers["openai-poll-after-ms"] == "250"
    asked = client.videos.with_raw_response.retrieve(created.parse().id)
    assert asked.headers["openai-poll-after-ms"] == "250"


def test_a_list_is_read_page_by_page_in_both_orders(mocked: Started) -> None:
    key = mocked.key()
    client = mocked.client(key)
    made = [client.videos.create(model=MODEL, prompt=f"{n}").id for n in range(5)]
    mocked.create()  # the admin's
    assert [one.id for one in client.videos.list(limit=2)] == made[::-1]
    assert [one.id for one in client.videos.list(limit=2, order="asc")] == made
    page = client.videos.list(limit=2, after=made[3])
    assert ([one.id for one in page.data], page.has_more) == ([made[2], made[1]], True)
    with pytest.raises(openai.BadRequestError):
        client.videos.list(after="no such video")

    assert len(mocked.client().videos.list(limit=100).data) == 6


def test_columns_of_a_form_become_frames(served: Started, simulator: Simulator) -> None:
    url = "https://example.com/{}.png"
    frames = [
        {"frame_type": kind, "image_url": {"url": url.format(kind)}}
        for kind in ("first_frame", "last_frame")
    ]
    served.client().videos.create(
        model="fal/fal-ai/veo3.1/first-last-frame-to-video",
        prompt="A cat",
        extra_body={"frame_images": frames, "generate_audio": False, "seed": 7},
    )
    sent = simulator.jobs("fal")[0].payload
    assert sent["first_frame_url"] == url.format("first_frame")
    assert sent["last_frame_url"] == url.format("last_frame")
    assert (sent["generate_audio"], sent["seed"]) == (False, 7)


@pytest.mark.parametrize("form", ["file", "url", "object"])
def test_an_input_reference_is_the_first_frame(
    served: Started, simulator: Simulator, form: str
) -> None:
    url = "https://example.com/cat.png"
    client = served.client()
    model = "fal/fal-ai/veo3.1/image-to-video"
    if form == "file":
        image = ("cat.png", make_png(1280, 720), "image/png")
        client.videos.create(model=model, prompt="A cat", input_reference=image)
    else:
        given = url if form == "url" else {"image_url": url}
        client.videos.create(model=model, prompt="A cat", extra_body={"input_reference": given})

    sent = simulator.jobs("fal")[-1].payload
    assert sent["image_url"].startswith("data:image/png" if form == "file" else url)


def test_models_are_those_of_the_key(mocked: Started) -> None:
    client = mocked.client(mocked.key(models=["fal/fal-ai/veo3*"]))
    models = [one.id for one in client.models.list()]
    assert MODEL in models
    assert all(one.startswith("fal/fal-ai/veo3") for one in models)
    assert client.models.retrieve(MODEL).id == MODEL
    for other in ("openai/sora-2", "no/such"):
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(other)

    with pytest.raises(openai.PermissionDeniedError):
        client.videos.create(model="openai/sora-2", prompt="A cat")


def test_a_job_is_where_it_was_after_a_restart(
    start: Start, simulator: Simulator, tmp_path: object
) -> None:
    simulator.script("fal", Script(outcome="never", stream=False))
    ledger = f"sqlite:///{tmp_path}/jobs.db"
    first = start(ledger)
    key = first.key()
    video = first.client(key).videos.create(model=MODEL, prompt="A cat")
    first.stop()
    assert simulator.counters("fal").cancels == 0

    second = start(ledger)
    assert second.client(key).videos.retrieve(video.id).status in ("queued", "in_progress")
    assert simulator.counters("fal").accepted == 1
