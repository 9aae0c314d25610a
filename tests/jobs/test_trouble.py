"""Ledgers that can't be written: nothing is submitted without its intent on disk."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    TarashException,
    VideoGenerationRequest,
    VideoGenerationUpdate,
    generate_video,
    generate_video_async,
    resume_all,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.conftest import until
from tests.jobs.conftest import BY_NAME, KEY, config_for, finish, job
from tests.jobs.processes import Zygote, records
from tests.ledger.test_file import spoil

FAL = BY_NAME["fal-video-veo3.1"]
NEVER = Script(outcome="never", stream=False)
REQUEST = VideoGenerationRequest(prompt="A cat")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter: those of tests are closed to them."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def content(path: Path) -> bytes:
    return path.read_bytes()


def replace(path: Path) -> None:
    """Put another file in the place of a ledger."""
    path.unlink()
    path.write_bytes(b"no database at all, " * 1000)


@pytest.mark.parametrize("way", ["generate", "handle"])
@pytest.mark.parametrize("point", ["before open", "before intend"])
def test_a_full_disk_stops_the_submit(
    point: str, way: str, zygote: Zygote, simulator: Simulator, path: Path
) -> None:
    asked = job(FAL, simulator, "second", key="order", by_handle=way == "handle")
    said = zygote.start("starved", path=str(path), job=asked, point=point).join()
    first, full, again = [one for one in said if "response" in one or "error" in one]
    assert "response" in first
    assert (full["error"], full["submission"]) == ("StorageError", "not_sent")
    assert str(path) in full["message"]
    assert "disk" in full["message"]
    # With room again, the same key makes the job, once.
    assert "response" in again, again
    assert simulator.counters("fal").submits == 2
    assert [one.state for one in records(path)] == ["completed", "completed"]


@pytest.mark.parametrize("point", ["before accept", "before settle", "before close"])
def test_a_disk_that_is_full_after_the_submit_loses_nothing(
    point: str, zygote: Zygote, simulator: Simulator, path: Path
) -> None:
    asked = job(FAL, simulator, "second", key="order")
    said = zygote.start("starved", path=str(path), job=asked, point=point).join()
    _, full, again = [one for one in said if "response" in one or "error" in one]
    assert full["response"] == simulator.jobs("fal")[1].id
    assert simulator.counters("fal").submits == 2
    if point == "before accept":  # nobody but the caller has heard of it
        assert again["submission"] == "unknown"
    else:
        assert again["response"] == full["response"]


def test_a_file_that_may_not_be_written_stops_the_submit(
    zygote: Zygote, simulator: Simulator, open_folder: Path
) -> None:
    path = open_folder / "jobs.db"
    asked = job(FAL, simulator, "second", key="order")
    said = zygote.start("forbidden", path=str(path), job=asked).join()
    first, *refused = [one for one in said if "response" in one or "error" in one]
    assert "response" in first
    assert len(refused) == 2
    for one in refused:
        assert one["submission"] == "not_sent"
        assert "can't be written" in one["message"]
        assert str(path) in one["message"]

    assert simulator.counters("fal").submits == 1


@pytest.mark.parametrize("damage", ["header", "middle", "zeroes", "cut", "text"])
async def test_a_damaged_file_stops_the_submit_and_is_left_alone(
    damage: str, simulator: Simulator, path: Path
) -> None:
    config = config_for(FAL, simulator)
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        for number in range(20):
            asked = VideoGenerationRequest(prompt=f"{number} {'cat ' * 2000}")
            await gateway.submit_video_async(config, asked)

        await gateway.aclose(grace=5)

    spoil(path, damage)
    before = content(path)
    submits = simulator.counters("fal").submits
    gateway = Gateway(ledger=SqliteLedger(path))
    calls: list[Any] = [
        gateway.generate_video_async(config, REQUEST),
        gateway.generate_video_async(config, REQUEST, idempotency_key="order"),
        gateway.submit_video_async(config, REQUEST),
        gateway.resume_all_async(),
        gateway.resume_async("any"),
    ]
    for call in calls:
        with pytest.raises(TarashException, match="damaged") as caught:
            await call

        assert str(path) in caught.value.message
        assert "Restore" in caught.value.message

    await gateway.aclose(grace=5)
    assert simulator.counters("fal").submits == submits
    assert content(path) == before


async def test_a_job_under_way_survives_its_ledger(simulator: Simulator, path: Path) -> None:
    """The file breaks while a job runs, and while one has only been handed out."""
    simulator.script("fal", NEVER)
    config = config_for(FAL, simulator)
    gateway = Gateway(ledger=SqliteLedger(path))
    job_at_hand = await gateway.submit_video_async(config, REQUEST)
    replace(path)
    assert (await job_at_hand.status_async()).status == "processing"
    before = simulator.counters("fal").polls
    waiting = asyncio.ensure_future(job_at_hand.wait_async())
    await until(lambda: simulator.counters("fal").polls > before)
    made = finish(simulator, "fal")
    assert (await waiting).request_id == made
    assert simulator.counters("fal").submits == 1
    await gateway.aclose()


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("stream", [True, False])
def test_a_process_that_leaves_in_a_callback_leaves_its_job_owed(
    simulator: Simulator,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    blocking: bool,
    stream: bool,
) -> None:
    """As a closed terminal does it; and a resume without the key takes nothing away."""
    monkeypatch.delenv("FAL_KEY", raising=False)
    simulator.script("fal", Script(run_polls=3, stream=stream))
    config = config_for(FAL, simulator, on_timeout="detach")
    ledger = f"sqlite:///{path}"

    def leave(update: VideoGenerationUpdate) -> None:
        if update.status == "processing":
            sys.exit(1)

    def make() -> None:
        if blocking:
            generate_video(config, REQUEST, leave, ledger=ledger)
        else:
            asyncio.run(generate_video_async(config, REQUEST, leave, ledger=ledger))

    with pytest.raises(SystemExit):
        make()

    (keyless,) = resume_all(ledger)
    with pytest.raises(AuthenticationError):
        keyless.wait()

    (owed,) = resume_all(ledger, api_keys={"fal": KEY})
    assert owed.wait().request_id == simulator.jobs("fal")[0].id
    assert simulator.counters("fal").submits == 1
    assert resume_all(ledger) == []


def test_leaving_in_a_callback_stops_the_job_as_ctrl_c_does(
    simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(outcome="never", queue_polls=1_000_000))

    def leave(update: VideoGenerationUpdate) -> None:
        if update.queue_position is not None:
            sys.exit(1)

    made = generate_video_async(
        config_for(FAL, simulator), REQUEST, leave, ledger=f"sqlite:///{path}"
    )
    with pytest.raises(SystemExit):
        asyncio.run(made)

    assert simulator.counters("fal").cancels == 1
    assert [record.state for record in records(path)] == ["cancelled"]
