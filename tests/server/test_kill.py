"""A server that is killed under load: after its restart every job is there, and was bought once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import MODEL

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals"),
    pytest.mark.soak,
    pytest.mark.timeout(900),
]
ADMIN = "admin-key-of-the-tests"
JOBS = 12


class Process:
    """`tarash serve` in a process of its own, on a port that stays the same."""

    def __init__(self, folder: Path, simulator: Simulator) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]

        self.url = f"http://127.0.0.1:{self._port}"
        self._folder = folder
        kept = {name: one for name, one in os.environ.items() if not name.startswith("TARASH_")}
        self._variables = {
            **kept,
            "FAL_KEY": "a:b",
            "TARASH_FAL_BASE_URL": simulator.base_url("fal"),
            "TARASH_ADMIN_KEY": ADMIN,
        }
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "tarash.tarash_gateway", "serve"]
        options = ["--port", str(self._port), "--media", str(self._folder / "media")]
        ledger = ["--ledger", f"sqlite:///{self._folder / 'jobs.db'}"]
        self.process = subprocess.Popen(
            [*command, *options, *ledger],
            env=self._variables,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while True:
            try:
                httpx.get(f"{self.url}/healthz", timeout=60)
            except httpx.TransportError:
                threading.Event().wait(0.05)
            else:
                return self.process

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request as the admin."""
        headers = {"Authorization": f"Bearer {ADMIN}", **options.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **options)

    def kill(self) -> None:
        """End it as nobody would like to be ended."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal"]) as running:
        yield running


def test_no_job_is_lost_and_none_is_bought_twice(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script("fal", Script(run_polls=3, stream=False))
    served = Process(tmp_path, simulator)
    answered: dict[int, str] = {}

    def order(number: int) -> str:
        """Create with a key of its own, again and again until there is an answer."""
        headers = {"Idempotency-Key": f"order-{number}"}
        body = {"model": MODEL, "prompt": f"Cat {number}"}
        while True:
            try:
                answer = served.ask("POST", "/v1/videos", json=body, headers=headers)
            except httpx.TransportError:
                threading.Event().wait(0.05)
                continue

            assert answer.status_code == 200, answer.text
            answered[number] = answer.json()["id"]
            return answered[number]

    with ThreadPoolExecutor(6) as pool:
        orders = [pool.submit(order, number) for number in range(JOBS)]
        while len(answered) < JOBS // 3:
            threading.Event().wait(0.01)

        served.kill()
        served.start()
        made = [one.result() for one in orders]

    assert len(set(made)) == JOBS
    for one in made:
        while (video := served.ask("GET", f"/v1/videos/{one}").json())["status"] in (
            "queued",
            "in_progress",
        ):
            threading.Event().wait(0.05)

        assert video["status"] == "completed", video
        content = served.ask("GET", f"/v1/videos/{one}/content")
        assert content.content[4:8] == b"ftyp"

    listed = served.ask("GET", "/v1/videos?limit=100").json()["data"]
    assert {one["id"] for one in listed} == set(made)
    prompts = [job.payload["prompt"] for job in simulator.jobs("fal")]
    assert sorted(prompts) == sorted(f"Cat {number}" for number in range(JOBS))
    served.kill()
