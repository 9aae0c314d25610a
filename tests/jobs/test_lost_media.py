"""A ledger whose folder of media is gone: what was accepted is delivered, nothing bought amiss."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    TarashException,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.contract.cases import BYTES, JOBS, Case, by_key, wire_of
from tests.jobs.conftest import BY_NAME, KEY, config_for

FAL, RUNWAY = BY_NAME["fal-video-veo3.1"], BY_NAME["runway-video-gen4.5"]
MODEL = "fal-ai/veo3.1/image-to-video"
PNG = samples.make_png(64, 64, 5)
PICTURE = {"content": PNG, "content_type": "image/png"}
REQUEST = VideoGenerationRequest.model_validate(
    {
        "prompt": "A cat",
        "duration_seconds": 8,
        "image_list": [{"image": PICTURE, "type": "first_frame"}],
    }
)
WITH_BYTES = [case for case in JOBS if case.pictures == BYTES and case.credentials is by_key]
"""Those that are sent bytes, and need no more than a key: no ledger keeps an access token."""
KEYS = {"fal": KEY, "runway": KEY}


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _move(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def _replace(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder")


def _damage(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"other bytes")


LOSSES: dict[str, Callable[[Path], None]] = {
    one.__name__[1:]: one for one in (_remove, _empty, _move, _replace, _damage)
}


async def begun(case: Case, simulator: Simulator, path: Path, **changes: Any) -> str:
    """Submit a job with a picture in one process; return its id."""
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        config = config_for(case, simulator, **changes)
        submit: Any = getattr(gateway, f"submit_{case.kind}_async")
        request = REQUEST if case is FAL else case.with_images(case.images[0])
        job = await submit(config, request, idempotency_key="order")
        return str(job.id)


@pytest.mark.parametrize("way", ["resume", "resume_all", "key"])
@pytest.mark.parametrize("loss", LOSSES)
async def test_an_accepted_job_is_delivered_without_its_media(
    loss: str, way: str, simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(run_polls=2, stream=False))
    job_id = await begun(FAL, simulator, path, model=MODEL)
    LOSSES[loss](path.with_name("jobs.db-media"))
    response: Any
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        if way == "key":
            config = config_for(FAL, simulator, model=MODEL)
            response = await gateway.generate_video_async(config, REQUEST, idempotency_key="order")
        else:
            (job,) = (
                await gateway.resume_all_async(api_keys=KEYS)
                if way == "resume_all"
                else [await gateway.resume_async(job_id, api_keys=KEYS)]
            )
            assert (await job.status_async()).status in ("queued", "processing")
            response = await job.wait_async()

    assert response.status == "completed"
    (made,) = simulator.jobs("fal")
    assert response.request_id == made.id


@pytest.mark.parametrize("case", WITH_BYTES, ids=str)
async def test_no_provider_needs_media_to_be_asked_after_a_job(case: Case, path: Path) -> None:
    with Simulator([wire_of(case.provider)]) as simulator:
        await asked_after_without_media(case, simulator, path)


async def asked_after_without_media(case: Case, simulator: Simulator, path: Path) -> None:
    simulator.script(case.provider, Script(run_polls=2, stream=False))
    changes = {} if case.images[0].model is None else {"model": case.images[0].model}
    await begun(case, simulator, path, **changes)
    shutil.rmtree(path.with_name("jobs.db-media"))
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        (job,) = await gateway.resume_all_async(api_keys={case.provider: KEY})
        assert (await job.wait_async()).status == "completed"

    assert simulator.counters(case.provider).submits == 1


async def test_a_fallback_is_not_bought_without_the_media(simulator: Simulator, path: Path) -> None:
    simulator.script("fal", Script(run_polls=2, outcome="failed", stream=False))
    fallback = config_for(RUNWAY, simulator)
    job_id = await begun(FAL, simulator, path, model=MODEL, fallback_configs=[fallback])
    folder = path.with_name("jobs.db-media")
    folder.rename(path.with_name("elsewhere"))
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        job = await gateway.resume_async(job_id, api_keys=KEYS)
        with pytest.raises(GenerationFailedError, match=r"runway gen4.5 was not tried: .* media"):
            await job.wait_async()

    assert simulator.counters("runway").submits == 0


async def test_a_retry_is_not_sent_without_the_media_and_is_when_they_are_back(
    simulator: Simulator, path: Path
) -> None:
    """The process ended in the pause before the second try: nothing was accepted yet."""
    simulator.fail("fal", "submit", Fault.status(429))
    config = config_for(FAL, simulator, model=MODEL, max_retries=0)
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        with pytest.raises(TarashException):
            await gateway.generate_video_async(config, REQUEST, idempotency_key="order")

        response = await gateway.generate_video_async(config, REQUEST, idempotency_key="order")

    assert response.status == "completed"
    assert simulator.counters("fal").accepted == 1


async def test_the_same_order_puts_lost_media_back(simulator: Simulator, path: Path) -> None:
    simulator.script("fal", Script(outcome="never", stream=False))
    await begun(FAL, simulator, path, model=MODEL)
    folder = path.with_name("jobs.db-media")
    shutil.rmtree(folder)
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        config = config_for(FAL, simulator, model=MODEL)
        job = await gateway.submit_video_async(config, REQUEST, idempotency_key="order")
        assert job.operation is not None

    assert [one.read_bytes() for one in folder.iterdir()] == [PNG]
    assert simulator.counters("fal").submits == 1
