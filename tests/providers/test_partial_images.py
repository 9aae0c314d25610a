"""Images on the way: in the updates as they come; and what becomes of a stream that breaks off."""

from __future__ import annotations

import asyncio
import json
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
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.providers.mock import adapter as mock_adapter
from tarash.tarash_gateway.testing import Fault, Script, Simulator

BROKEN = {"reset": Fault.reset_after(), "truncate": Fault.truncate()}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["openai", "openrouter"]) as running:
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


# --------------------------------------------------------------------------------------- OpenRouter
def routed(simulator: Simulator, **fields: Any) -> ImageGenerationConfig:
    return ImageGenerationConfig(
        provider="openrouter",
        model="openai/gpt-image-1",
        api_key="sk-or-canary",
        base_url=f"{simulator.base_url('openrouter')}",
        **fields,
    )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_router_shows_no_more_than_were_asked_for(simulator: Simulator, count: int) -> None:
    seen: list[Any] = []
    response = generate_image(routed(simulator), request_for(count), on_progress=seen.append)
    (sent,) = [one.json() for one in simulator.requests("openrouter") if one.method == "POST"]
    assert sent["stream"] is True
    assert "partial_images" not in sent  # no field of its says how many
    assert [one.partial_image_index for one in seen] == [*range(count), None]
    assert all(one.partial_image["content"].startswith(b"\x89PNG") for one in seen[:-1])
    assert len(response.images) == 1
    assert response.provider_metadata["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("fields", [{"n": 2}, {"partial_images": 0}, {"partial_images": None}])
def test_a_router_is_asked_for_no_stream_otherwise(
    simulator: Simulator, fields: dict[str, Any]
) -> None:
    request = ImageGenerationRequest(prompt="A cat", **{"partial_images": 2, **fields})
    assert "stream" not in plan_image(routed(simulator), request).payload


def test_a_router_that_has_no_stream_answers_as_without(simulator: Simulator) -> None:
    seen: list[Any] = []
    config = routed(simulator).model_copy(update={"model": "bytedance-seed/seedream-4.5"})
    assert len(generate_image(config, request_for(), on_progress=seen.append).images) == 1
    assert [one.partial_image for one in seen] == [None]


PART = {
    "type": "image_generation.partial_image",
    "b64_json": "iVBORw0KGgo=",
    "partial_image_index": 0,
}
CHUNK = {"type": "image_generation.text_chunk", "phase": "draft", "text": "A cat"}


@pytest.mark.parametrize("told", [[PART], [CHUNK], [PART, CHUNK, PART]], ids=len)
@pytest.mark.parametrize("end", ["", "data: [DONE]\n\n"], ids=["cut", "ended"])
def test_a_routed_stream_without_its_image_is_not_bought_again(
    simulator: Simulator, told: list[Any], end: str
) -> None:
    text = "".join(f"data: {json.dumps(one)}\n\n" for one in told) + end
    kind = {"Content-Type": "text/event-stream"}
    simulator.fail("openrouter", "submit", Fault.status(200, text, kind), times=None)
    with pytest.raises(HTTPError) as raised:
        generate_image(routed(simulator), request_for())

    assert raised.value.submission == "unknown"
    assert simulator.counters("openrouter").submits == 1


@pytest.mark.parametrize("kind", BROKEN)
def test_a_routed_stream_that_breaks_off_is_not_bought_again(
    simulator: Simulator, kind: str
) -> None:
    simulator.fail("openrouter", "submit", BROKEN[kind], times=None)
    with pytest.raises(TarashException) as raised:
        generate_image(routed(simulator), request_for())

    assert raised.value.submission == "unknown"
    assert simulator.counters("openrouter").submits == 1


@pytest.mark.parametrize(
    "event",
    [b"", b"partial_image", b'{"type": "image_generation.partial_image"}', b"[]", b"\xff",
     b'{"type": "image_generation.partial_image", "b64_json": "!"}',
     b'{"type": "image_generation.partial_image", "b64_json": ["x"], "partial_image_index": {}}'],
    ids=len,
)  # fmt: skip
@pytest.mark.parametrize("name", ["openai", "openrouter", "mock"])
def test_an_odd_event_is_none_and_raises_nothing(name: str, event: bytes) -> None:
    adapter: Any = mock_adapter if name == "mock" else shipped()[name].load()
    assert adapter.partial_image(event) is None
