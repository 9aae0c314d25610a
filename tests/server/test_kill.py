"""A server that is killed under load: after its restart every job is there, and was bought once."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import KEYS, MODEL

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals"),
    pytest.mark.timeout(900),
]
ADMIN = "admin-key-of-the-tests"
SHORT, LONG = 3, 24
"""Jobs, in the suite and in its long form."""


def free_port() -> int:
    """Return a port that nobody is handed by chance while the server is away."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Process:
    """`tarash serve` in a process of its own, on a port that stays the same."""

    def __init__(self, folder: Path, simulator: Simulator, ledger: str | None = None) -> None:
        self._ledger = ledger or f"sqlite:///{folder / 'jobs.db'}"
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._folder = folder
        kept = {name: one for name, one in os.environ.items() if not name.startswith("TARASH_")}
        names = simulator.providers
        places = {f"TARASH_{name.upper()}_BASE_URL": simulator.base_url(name) for name in names}
        keys = {KEYS[name]: "a:b" for name in names}
        self.variables = {**kept, **keys, **places, "TARASH_ADMIN_KEY": ADMIN}
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "tarash.tarash_gateway", "serve"]
        options = ["--port", str(self._port), "--media", str(self._folder / "media")]
        ledger = ["--ledger", self._ledger]
        self.process = subprocess.Popen(
            [*command, *options, *ledger],
            env=self.variables,
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

    def follow(self, job: str) -> tuple[list[str], str]:
        """Listen to a job until it has ended; return the events' ids, and how it has ended.

        Where the connection is lost, it goes on behind the last event that it has heard.
        """
        heard: list[str] = []
        while True:
            last = {"Last-Event-ID": heard[-1]} if heard else {}
            headers = {"Authorization": f"Bearer {ADMIN}", **last}
            url = f"{self.url}/api/jobs/{job}/events"
            with (
                suppress(httpx.TransportError),
                httpx.stream("GET", url, headers=headers, timeout=60) as answer,
            ):
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        heard.append(line.removeprefix("id: "))
                    elif line.startswith("data: "):
                        status = json.loads(line.removeprefix("data: "))["status"]
                        if status not in ("queued", "in_progress"):
                            return heard, status

            threading.Event().wait(0.05)

    def peak(self) -> int:
        """Return the bytes that it has had in memory at most."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return 1024 * int(next(one for one in lines if one.startswith("VmHWM:")).split()[1])

    def kill(self) -> None:
        """End it as nobody would like to be ended."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["fal"]) as running:
        yield running


def order(served: Process, number: int) -> str:
    """Create with a key of its own, again and again until there is an answer."""
    headers = {"Idempotency-Key": f"order-{number}"}
    body = {"model": MODEL, "prompt": f"Cat {number}"}
    while True:
        with suppress(httpx.TransportError):
            answer = served.ask("POST", "/v1/videos", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["id"])

        threading.Event().wait(0.05)


def test_clients_go_on_where_a_killed_server_was(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script("fal", Script(run_seconds=1.5, stream=False))
    served = Process(tmp_path, simulator)
    made = [order(served, number) for number in range(SHORT)]
    with ThreadPoolExecutor(SHORT) as listeners:
        following = [listeners.submit(served.follow, one) for one in made]
        served.kill()
        served.start()
        assert [order(served, number) for number in range(SHORT)] == made
        for heard, status in (one.result() for one in following):
            assert status == "completed"
            assert len(set(heard)) == len(heard)

    listed = served.ask("GET", "/v1/videos").json()["data"]
    assert {one["id"] for one in listed} == set(made)
    assert simulator.counters("fal").submits == SHORT
    served.kill()


@pytest.mark.soak
def test_no_job_is_lost_and_none_is_bought_twice(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script("fal", Script(run_seconds=2, stream=False))
    served = Process(tmp_path, simulator)
    made: list[str] = []
    with ThreadPoolExecutor(6) as pool, ThreadPoolExecutor(LONG) as listeners:
        orders = [pool.submit(order, served, number) for number in range(LONG)]
        while len(made := [one.result() for one in orders if one.done()]) < LONG // 3:
            threading.Event().wait(0.01)

        following = [listeners.submit(served.follow, one) for one in made]
        served.kill()
        served.start()
        made = [one.result() for one in orders]
        for heard, status in (one.result() for one in following):
            assert status == "completed"
            assert len(set(heard)) == len(heard)

    assert len(set(made)) == LONG
    for one in made:
        _, status = served.follow(one)
        video = served.ask("GET", f"/v1/videos/{one}").json()
        if status == "completed":
            assert served.ask("GET", f"/v1/videos/{one}/content").content[4:8] == b"ftyp"
        else:  # its submit was under way in that moment, and nobody knows what came of it
            assert video["error"]["code"] == "unknown_outcome", video

    listed = served.ask("GET", "/v1/videos?limit=100").json()["data"]
    assert {one["id"] for one in listed} == set(made)
    prompts = [job.payload["prompt"] for job in simulator.jobs("fal")]
    assert len(set(prompts)) == len(prompts)
    served.kill()
