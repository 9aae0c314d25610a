"""A PostgreSQL that is killed: before a submit it stops the call, later it withholds nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tarash.tarash_gateway import Gateway, StorageError, VideoGenerationRequest
from tarash.tarash_gateway.ledger import PostgresLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.cluster import Cluster
from tests.conftest import until
from tests.jobs.conftest import BY_NAME, config_for, finish

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]
ORDER = "order"
REQUEST = VideoGenerationRequest(prompt="A lighthouse")
FAL = BY_NAME["fal-video-veo3.1"]
NEVER = Script(outcome="never", stream=False)


def kill(cluster: Cluster) -> None:
    """Kill a server and all of its processes, as a machine that loses power."""
    server = int((cluster.data / "postmaster.pid").read_text(encoding="ascii").split()[0])
    os.kill(server, signal.SIGSTOP)  # so that no process of its is missed
    own = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii").split()
    for process in (server, *map(int, own)):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def revive(cluster: Cluster) -> None:
    """Start a server again, as soon as what was killed has let go of its memory."""
    for _ in range(20):
        with suppress(RuntimeError):
            cluster.start()
            return

    raise AssertionError("it does not come back")


async def state_of(cluster: Cluster) -> list[tuple[str, list[str | None]]]:
    """Return how the ledger says that the jobs stand."""
    ledger = PostgresLedger(cluster.url)
    try:
        jobs = await ledger.jobs(limit=9)
    finally:
        await ledger.aclose()

    return [(one.state, [entry.outcome for entry in one.entries]) for one in jobs]


async def test_nothing_is_bought_while_it_is_dead(cluster: Cluster, simulator: Simulator) -> None:
    async with Gateway(ledger=PostgresLedger(cluster.url, wait_seconds=0.5)) as gateway:
        await gateway.resume_all_async()
        kill(cluster)
        with pytest.raises(StorageError, match="can't be reached") as caught:
            await gateway.generate_video_async(config_for(FAL, simulator), REQUEST)

    assert caught.value.submission == "not_sent"
    assert simulator.counters("fal").submits == 0


@pytest.mark.parametrize("returns", ["while it runs", "after its end"])
async def test_what_was_accepted_is_delivered_and_written_down_later(
    cluster: Cluster, simulator: Simulator, returns: str
) -> None:
    simulator.script("fal", NEVER)
    config = config_for(FAL, simulator)
    async with Gateway(ledger=PostgresLedger(cluster.url, wait_seconds=0.5)) as gateway:
        work = asyncio.ensure_future(
            gateway.generate_video_async(config, REQUEST, idempotency_key=ORDER)
        )
        await until(lambda: simulator.counters("fal").polls >= 1)
        kill(cluster)
        if returns == "while it runs":
            await asyncio.to_thread(revive, cluster)

        made = finish(simulator, "fal")
        assert (await work).request_id == made
        if returns != "while it runs":
            await asyncio.to_thread(revive, cluster)

        done = [("completed", ["completed"])]
        while await state_of(cluster) != done:  # noqa: ASYNC110  (it is in another process)
            await asyncio.sleep(0.2)

    async with Gateway(ledger=PostgresLedger(cluster.url)) as gateway:
        again = await gateway.generate_video_async(config, REQUEST, idempotency_key=ORDER)

    assert again.request_id == made
    assert simulator.counters("fal").submits == 1
