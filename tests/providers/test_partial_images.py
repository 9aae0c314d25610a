"""Images on the way: in the updates as they come; and what becomes of a stream that breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    generate_image,
    generate_image_async,
    plan_image,
)
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.media.samples import make_png
from tarash.tarash_gateway.testing import Fault, Script, Simulator

BROKEN = {"reset": Fault.reset_after(), "truncate": Fault.truncate()}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["openai"]) as running:
        yield running


def config_for(simulator: Simulator, **fields: Any) -> ImageGenerationConfig:
    return ImageGenerationConfig(
        provider="openai",
        model="gpt-image-2",
        api_key="sk-canary-0123456789",
        base_url=simulator.base_url("openai"),
        **fields,
    )


def request_for(count: int | None = 2, **fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest(prompt="A cat", partial_images=count, **fields)


async def test_images_on_the_way_come_before_the_image(simulator: Simulator) -> None:
    simulator.script("openai", Script(outcome="never"))
    seen: list[Any] = []
    has_both = asyncio.Event()

    async def heard(update: Any) -> None:
        seen.append(update)
        if update.partial_image_index == 1:
            has_both.set()

    making = asyncio.create_task(
        generate_image_async(config_for(simulator), request_for(), on_progress=heard)
    )
    await has_both.wait()  # while the image is never done
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making

    partial = [one for one in seen if one.partial_image is not None]
    assert [one.partial_image_index for one in partial] == [0, 1]
    assert all(one.partial_image["content"].startswith(b"\x89PNG") for one in partial)
    assert {one.partial_image["content_type"] for one in partial} == {"image/png"}
    assert {one.status for one in partial} == {"processing"}
    assert b"PNG" not in repr(partial[0]).encode()


@pytest.mark.parametrize("edits", [False, True])
def test_the_blocking_form_does_the_same(simulator: Simulator, edits: bool) -> None:
    source = {"image_list": [make_png(64, 64)]} if edits else {}
    seen: list[Any] = []
    response = generate_image(
        config_for(simulator), request_for(3, **source), on_progress=seen.append
    )
    assert [one.partial_image_index for one in seen] == [0, 1, 2, None]
    assert seen[-1].status == "completed"
    assert len(response.images) == 1
    assert simulator.counters("openai").submits == 1
    assert response.execution_metadata is not None
    cost = response.execution_metadata.attempts[0].cost
    assert cost is not None
    assert cost.state == "settled"


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_stream_that_breaks_off_is_not_bought_again(
    simulator: Simulator, kind: str
) -> None:
    simulator.fail("openai", "submit", BROKEN[kind], times=None)
    seen: list[Any] = []
    with pytest.raises(TarashException) as raised:
        await generate_image_async(config_for(simulator), request_for(), on_progress=seen.append)

    assert raised.value.submission == "unknown"
    assert simulator.counters("openai").submits == 1
    assert [one.partial_image_index for one in seen[:-1]] in ([0], [])
    assert seen[-1].status == "failed"


async def test_an_image_is_kept_whose_stream_breaks_off_behind_it(simulator: Simulator) -> None:
    simulator.fail("openai", "submit", Fault.truncate())
    streamed = request_for(None, extra_params={"stream": True})  # so that the image comes first
    response = await generate_image_async(config_for(simulator), streamed)
    assert len(response.images) == 1
    assert simulator.counters("openai").submits == 1


async def test_a_refusal_is_one(simulator: Simulator) -> None:
    simulator.fail("openai", "submit", Fault.status(403))
    with pytest.raises(HTTPError) as raised:
        await generate_image_async(config_for(simulator), request_for())

    assert raised.value.submission == "rejected"


@pytest.mark.parametrize("mistake", [ValueError, KeyError])
def test_a_callback_that_raises_loses_nothing(
    simulator: Simulator, mistake: type[Exception]
) -> None:
    def heard(update: Any) -> None:
        if update.partial_image is not None:
            raise mistake

    assert generate_image(config_for(simulator), request_for(), on_progress=heard).images


async def test_a_callback_that_ends_the_call_loses_no_image(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("openai", Script(run_seconds=0.2))
    gateway = Gateway(ledger=f"sqlite:///{tmp_path / 'jobs.db'}")

    def heard(_update: Any) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        await gateway.generate_image_async(config_for(simulator), request_for(1), on_progress=heard)

    (job,) = await gateway.list_jobs_async()
    assert job.submission == "accepted"
    kept: Any = await (await gateway.resume_async(job.id)).wait_async()
    assert len(kept.images) == 1
    assert simulator.counters("openai").submits == 1


async def test_a_handle_tells_of_them_while_it_is_accepted(simulator: Simulator) -> None:
    seen: list[Any] = []
    gateway = Gateway(ledger=MemoryLedger())
    job = await gateway.enqueue_image_async(config_for(simulator), request_for())
    await job.accepted_async(seen.append)
    assert [one.partial_image_index for one in seen] == [0, 1, None]
    assert len((await job.wait_async()).images) == 1


@pytest.mark.parametrize("model", ["gpt-image-1", "gpt-image-1.5", "gpt-image-2.6-flare"])
def test_they_are_asked_for_where_one_image_is_made(model: str) -> None:
    config = ImageGenerationConfig(provider="openai", model=model)
    body = plan_image(config, request_for(5)).payload
    assert (body["stream"], body["partial_images"]) == (True, 3)
    for request in (request_for(2, n=2), request_for(0), request_for(None)):
        assert not {"stream", "partial_images"} & plan_image(config, request).payload.keys()


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "dall-e-3"), ("fal", "fal-ai/flux/dev"), ("together", "any/model")],
)
def test_other_models_leave_them_out_without_a_word(provider: str, model: str) -> None:
    config = ImageGenerationConfig(provider=provider, model=model, strict=True)
    plan = plan_image(config, request_for())
    assert plan.adjustments == ()
    assert "partial_images" not in str(plan.payload)
