"""A process stands still in the middle of a write: others are told, and buy nothing twice.

They wait 10 s for the lock, so this is for the long run.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tarash.tarash_gateway import Gateway, StorageError, VideoGenerationRequest
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import until
from tests.jobs.conftest import BY_NAME, KEY, config_for, finish

FAL = BY_NAME["fal-video-veo3.1"]
REQUEST = VideoGenerationRequest(prompt="A cat")
WRITING = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE jobs SET kind = kind")
print("in the middle", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
connection.execute("COMMIT")
print("done", flush=True)
"""


@contextmanager
def standing_still(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process stop in the middle of its write, until it is let go on."""
    command = [sys.executable, "-c", WRITING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "in the middle\n"
        try:
            yield child
        finally:
            child.send_signal(signal.SIGCONT)
            assert child.stdout.readline() == "done\n"


@pytest.mark.soak
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes can't be stopped here")
@pytest.mark.parametrize("refused", [True, False])
async def test_a_job_under_way_is_delivered_and_a_new_one_is_not_sent(
    refused: bool, simulator: Simulator, path: Path
) -> None:
    simulator.script("fal", Script(outcome="never", stream=False))
    config = config_for(FAL, simulator)
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        work = asyncio.ensure_future(
            gateway.generate_video_async(config, REQUEST, idempotency_key="order")
        )
        await until(lambda: simulator.counters("fal").polls > 0)
        with standing_still(path):
            if refused:
                simulator.fail("fal", "poll", Fault.status(503), times=3)

            finish(simulator, "fal")
            with pytest.raises(StorageError, match="suspended in the middle of a write") as caught:
                await gateway.generate_video_async(config, REQUEST)

            assert caught.value.submission == "not_sent"
            response = await work
            assert response.status == "completed"

        again = await gateway.generate_video_async(config, REQUEST, idempotency_key="order")
        assert again.request_id == response.request_id

    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        for job in await gateway.resume_all_async(api_keys={"fal": KEY}):
            await job.wait_async()

        assert await gateway.resume_all_async(api_keys={"fal": KEY}) == []

    assert simulator.counters("fal").submits == 1
    assert simulator.counters("fal").cancels == 0
