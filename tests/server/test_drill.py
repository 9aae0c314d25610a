"""The guide's failure drill: a server and a worker on one PostgreSQL, all three killed in turn.

A client with OpenAI's SDK goes on where it was; nothing is lost, and nothing bought twice.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.testing import Script, Simulator
from tests.cluster import Cluster, missing
from tests.server.conftest import MODEL
from tests.server.test_kill import ADMIN, Process

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]


class Worker:
    """`tarash worker` in a process of its own."""

    def __init__(self, ledger: str, variables: dict[str, str]) -> None:
        self._command = ["worker", "--concurrency", "20", "--ledger", ledger]
        self._variables = variables
        self.start()

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tarash.tarash_gateway", *self._command],
            env=self._variables,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """End it as nobody would like to be ended."""
        self._process.kill()
        self._process.wait()


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not is_so():
        threading.Event().wait(0.05)


async def enqueued(ledger: str, provider: str, jobs: int) -> list[str]:
    """Enqueue jobs as another process of the application would; return their ids."""
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", base_url=provider)
    async with Gateway(ledger=ledger) as gateway:
        made = [
            await gateway.enqueue_video_async(
                config, VideoGenerationRequest(prompt=f"queued {one}")
            )
            for one in range(jobs)
        ]
        return [one.id for one in made]


async def ended(ledger: str, job_ids: list[str]) -> list[str]:
    """Wait for jobs; return how they have ended."""
    async with Gateway(ledger=ledger) as gateway:
        handles = [await gateway.resume_async(one) for one in job_ids]
        return [(await one.wait_async()).status for one in handles]


@contextmanager
def both(folder: Path, simulator: Simulator, ledger: str) -> Iterator[tuple[Process, Worker]]:
    """Run a server and a worker."""
    served = Process(folder, simulator, ledger)
    worker = Worker(ledger, served.variables)
    try:
        yield served, worker
    finally:
        worker.kill()
        served.kill()


def drill(folder: Path, ledger: str, crash: Callable[[], Any], jobs: int) -> Counter[str]:
    """Order as many from the server and in the queue, kill everything; return what was bought."""
    with (
        Simulator(["fal"]) as simulator,
        both(folder, simulator, ledger) as (served, worker),
        openai.OpenAI(api_key=ADMIN, base_url=f"{served.url}/v1", max_retries=10) as client,
    ):
        simulator.script("fal", Script(run_seconds=3, stream=False))
        queued = asyncio.run(enqueued(ledger, simulator.base_url("fal"), jobs))
        made = [client.videos.create(model=MODEL, prompt=f"served {one}") for one in range(jobs)]
        until(lambda: simulator.counters("fal").accepted == 2 * jobs)
        served.kill()
        worker.kill()
        crash()
        worker.start()
        served.start()
        crash()
        for one in made:
            assert client.videos.poll(one.id, poll_interval_ms=100).status == "completed"
            assert client.videos.download_content(one.id).read()

        assert asyncio.run(ended(ledger, queued)) == ["completed"] * jobs
        posted = [one for one in simulator.requests("fal") if one.method == "POST"]
        return Counter(one.json()["prompt"] for one in posted)


def expected(jobs: int) -> Counter[str]:
    return Counter([f"{who} {number}" for who in ("queued", "served") for number in range(jobs)])


def test_a_client_goes_on_where_server_worker_and_connections_were_killed(
    postgres_url: str, tmp_path: Path
) -> None:
    import psycopg

    def cut() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid != pg_backend_pid()"
            )

    assert drill(tmp_path, postgres_url, cut, 1) == expected(1)


@pytest.mark.soak
def test_a_client_goes_on_where_the_database_has_crashed_too(tmp_path: Path) -> None:
    if (why := missing()) is not None:
        pytest.skip(why)

    with tempfile.TemporaryDirectory(prefix="tarash-drill-") as folder:
        cluster = Cluster(Path(folder))
        cluster.make()

        def restart() -> None:
            cluster.stop("immediate")
            cluster.start()

        try:
            assert drill(tmp_path, cluster.url, restart, 10) == expected(10)
        finally:
            cluster.stop()
