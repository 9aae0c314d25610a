"""What a server under a signal leaves behind at the provider and in the ledger: nothing running."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway.ledger import open_ledger
from tarash.tarash_gateway.testing import Script, Simulator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and handed-over sockets")

ROOT = Path(__file__).parents[2]

SERVICE = """
import sys
from contextlib import asynccontextmanager
import uvicorn
from fastapi import FastAPI
import tarash.tarash_gateway as gateway
from tarash.tarash_gateway import *

config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", poll_interval=0.1)
request = VideoGenerationRequest(prompt="A cat")
maker = Gateway() if sys.argv[2] == "gateway" else gateway

@asynccontextmanager
async def lifespan(app):
    yield
    await maker.aclose(grace=0)

app = FastAPI(lifespan=lifespan)

@app.get("/coroutine")
async def coroutine():
    await maker.generate_video_async(config, request)

@app.get("/function")
def function():
    maker.generate_video(config, request)

uvicorn.run(app, fd=int(sys.argv[1]), timeout_graceful_shutdown=1, log_level="critical")
"""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal"]) as running:
        running.script("fal", Script(outcome="never"))
        yield running


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; pytest's own timeout ends what never does."""
    while not condition():
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "maker"),
    [(signal.SIGTERM, "gateway"), (signal.SIGINT, "functions")],
)
def test_a_server_that_is_ended_by_a_signal_stops_the_jobs_of_every_route(
    simulator: Simulator, tmp_path: Path, number: signal.Signals, maker: str
) -> None:
    place = f"sqlite:///{tmp_path / 'jobs.db'}"
    environment = {
        **os.environ,
        "FAL_KEY": "canary-key-of-the-tests",
        "TARASH_FAL_BASE_URL": simulator.base_url("fal"),
        "TARASH_LEDGER": place,
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, str(listener.fileno()), maker],
            cwd=ROOT if (ROOT / "tarash").exists() else None,
            env=environment,
            pass_fds=[listener.fileno()],
        )
        clients = [_ask(listener, path) for path in ("/coroutine", "/function")]
        try:
            until(lambda: len(simulator.jobs("fal")) == len(clients) or process.poll() is not None)
            until(lambda: simulator.counters("fal").polls > 4 or process.poll() is not None)
            process.send_signal(number)
            process.wait(120)
        finally:
            process.kill()
            process.wait()
            for client in clients:
                client.close()

    assert [job.cancel_requested for job in simulator.jobs("fal")] == [True, True]
    assert simulator.counters("fal").cancels == 2
    assert asyncio.run(_outcomes(place)) == ["stopped", "stopped"]  # asked to stop, that is


async def _outcomes(place: str) -> list[str | None]:
    ledger = open_ledger(place)
    try:
        return [entry.outcome for job in await ledger.jobs() for entry in job.entries]
    finally:
        await ledger.aclose()


def _ask(listener: socket.socket, path: str) -> socket.socket:
    """Send a request that nobody waits for; it lies in the queue until there is a server."""
    client = socket.create_connection(listener.getsockname())
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client
