"""The server under load, beside the LiteLLM proxy; prints the table of the server's guide.

    python -m tests.benchmarks.server [--litellm PYTHON] [--requests 300] [--waiting 1000]

Both stand before one simulated OpenAI, each in a process of its own, and are asked by one client
with the same requests. PYTHON is one that has `litellm[proxy]`; without it, ours is measured alone.
Absolute figures are this machine's; what carries over are the ratios of one run.

What follows is about ours alone: clients that wait by server-sent events, and a server that is
killed while jobs are ordered and listened to.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.benchmarks.beside import ROOT
from tests.benchmarks.simulation import Simulation

KEY = "sk-of-the-benchmark-0123456789"
AT_ONCE = 16
RUNNING = ("queued", "in_progress")
PERCENTILE = 95
STEPS = ("create", "poll", "content")


class Server:
    """A server in a process of its own, on a port that stays the same. A context manager."""

    def __init__(self, command: list[str], variables: dict[str, str], model: str) -> None:
        self._variables = variables
        self._port = _free_port()
        self._command = [*command, "--port", str(self._port)]
        self.model = model
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, http: aiohttp.ClientSession) -> None:
        """Start it, and wait until it answers."""
        kept = {name: one for name, one in os.environ.items() if not name.startswith("TARASH_")}
        self._process = await asyncio.to_thread(
            subprocess.Popen,
            self._command,
            env={**kept, **self._variables},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"{self.url}/v1/models") as answer:
                    if answer.status == 200:
                        return

            if self._process.poll() is not None:
                raise RuntimeError(f"it did not start: {' '.join(self._command)}")

            await asyncio.sleep(0.1)

    def memory(self) -> float:
        """Return what it holds, in KiB."""
        assert self._process is not None
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8").splitlines()
        return float(next(line for line in lines if line.startswith("VmRSS:")).split()[1])

    def busy(self) -> float:
        """Return how long it has kept a processor busy, in seconds."""
        assert self._process is not None
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()


def _free_port() -> int:
    while True:
        port = random.randrange(20_000, 32_000)  # nobody is handed one of these by chance
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def ours(folder: Path, urls: dict[str, str]) -> Server:
    """Return our server, with a ledger in a file."""
    return Server(
        [
            *(sys.executable, "-m", "tarash.tarash_gateway", "serve"),
            *("--media", str(folder / "media"), "--ledger", f"sqlite:///{folder / 'jobs.db'}"),
        ],
        {
            "OPENAI_API_KEY": KEY,
            "TARASH_OPENAI_BASE_URL": urls["openai"],
            "FAL_KEY": "a:b",
            "TARASH_FAL_BASE_URL": urls["fal"],
            "TARASH_ADMIN_KEY": KEY,
        },
        "openai/sora-2",
    )


def litellm(folder: Path, python: str, urls: dict[str, str]) -> Server:
    """Return the LiteLLM proxy, without a database: it keeps nothing."""
    settings = {
        "model_list": [
            {
                "model_name": "sora-2",
                "litellm_params": {
                    "model": "openai/sora-2",
                    "api_base": f"{urls['openai'].removesuffix('/v1')}/v1",
                    "api_key": KEY,
                },
            }
        ],
        "general_settings": {"master_key": KEY},
    }
    path = folder / "litellm.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")  # YAML takes JSON
    command = [str(Path(python).with_name("litellm")), "--config", str(path), "--host", "127.0.0.1"]
    return Server(command, {}, "sora-2")


class Load:
    """Requests to one server, some at a time, and how long each has taken."""

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self._server = server
        self._http = http
        self.jobs: list[str] = []

    async def create(self, number: int) -> None:
        """Order a video."""
        asked = {"model": self._server.model, "prompt": f"Cat {number}", "seconds": "4"}
        async with self._http.post(f"{self._server.url}/v1/videos", json=asked) as answer:
            self.jobs.append((await _json(answer))["id"])

    async def poll(self, number: int) -> None:
        """Ask where one of them stands."""
        job = self.jobs[number % len(self.jobs)]
        async with self._http.get(f"{self._server.url}/v1/videos/{job}") as answer:
            await _json(answer)

    async def content(self, number: int) -> None:
        """Fetch one of them."""
        job = self.jobs[number % len(self.jobs)]
        async with self._http.get(f"{self._server.url}/v1/videos/{job}/content") as answer:
            answer.raise_for_status()
            await answer.read()

    async def ended(self) -> None:
        """Wait until all have ended."""
        for job in self.jobs:
            while True:
                async with self._http.get(f"{self._server.url}/v1/videos/{job}") as answer:
                    if (await _json(answer))["status"] not in RUNNING:
                        break

                await asyncio.sleep(0.1)


async def _json(answer: aiohttp.ClientResponse) -> Any:
    if not answer.ok:
        raise RuntimeError(f"{answer.status}: {(await answer.text())[:500]}")

    return await answer.json()


async def timed(work: Callable[[int], Awaitable[None]], count: int) -> tuple[float, float]:
    """Return how many were answered a second, and in how many milliseconds 95 of 100 were."""
    numbers = iter(range(count))
    taken: list[float] = []

    async def worker() -> None:
        for number in numbers:
            begun = time.perf_counter()
            await work(number)
            taken.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    rate = count / (time.perf_counter() - begun)
    return rate, statistics.quantiles(taken, n=100)[PERCENTILE - 1] * 1000


Figures = tuple[float, float, float]
"""Answers a second, milliseconds of 95 of 100, and milliseconds of the processor for each."""


async def measure(server: Server, requests: int) -> dict[str, Figures]:
    """Return what each step comes to."""

    async def step(work: Callable[[int], Awaitable[None]], count: int) -> Figures:
        before = server.busy()
        rate, most = await timed(work, count)
        return rate, most, (server.busy() - before) / count * 1000

    async with _client() as http:
        await server.start(http)
        try:
            warm = Load(server, http)
            await timed(warm.create, AT_ONCE)
            load = Load(server, http)
            found = {"create": await step(load.create, requests)}
            await load.ended()
            found["poll"] = await step(load.poll, requests * 3)
            await timed(load.content, len(load.jobs))  # each for the first time
            found["content"] = await step(load.content, requests)
        finally:
            server.stop()

    return found


@contextlib.asynccontextmanager
async def _client() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {KEY}"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        connector=connector, headers=headers, timeout=timeout
    ) as session:
        yield session


class Listener:
    """A client that waits for a job by server-sent events, and comes back where it is cut off."""

    def __init__(self, http: aiohttp.ClientSession, url: str, job: str) -> None:
        self._http = http
        self._url = f"{url}/api/jobs/{job}/events"
        self.heard: list[str] = []
        self.hears = asyncio.Event()
        self.status = ""

    async def run(self) -> None:
        """Listen until the job has ended."""
        while self.status in ("", *RUNNING):
            last = {"Last-Event-ID": self.heard[-1]} if self.heard else {}
            with contextlib.suppress(aiohttp.ClientError):
                async with self._http.get(self._url, headers=last) as answer:
                    answer.raise_for_status()
                    await self._listen(answer)

            await asyncio.sleep(0.1)

    async def _listen(self, answer: aiohttp.ClientResponse) -> None:
        async for line in answer.content:
            if line.startswith(b"id: "):
                self.heard.append(line.decode().strip())
            elif line.startswith(b"data: "):
                self.status = json.loads(line[6:])["status"]
                self.hears.set()


async def order(http: aiohttp.ClientSession, server: Server, number: int) -> str:
    """Order a video that takes its time; again and again until there is an answer.

    Returns its id; an empty one where the server was killed between its note of a submit and the
    answer, and says that nobody knows whether that was bought.
    """
    asked = {"model": "fal/fal-ai/veo3.1", "prompt": f"Cat {number}"}
    headers = {"Idempotency-Key": f"order-{number}"}
    while True:
        with contextlib.suppress(aiohttp.ClientConnectionError):
            url = f"{server.url}/v1/videos"
            async with http.post(url, json=asked, headers=headers) as answer:
                if answer.status == 502:
                    error = (await answer.json())["error"]
                    if error["submission"] == "unknown":
                        return ""

                return str((await _json(answer))["id"])

        await asyncio.sleep(0.05)


async def measure_waiting(server: Server, waiting: int) -> float:
    """Return what a client that waits takes of the server, in KiB."""
    async with _client() as http:
        await server.start(http)
        try:
            jobs = [await order(http, server, number) for number in range(10)]
            first = [Listener(http, server.url, job) for job in jobs]
            tasks = [asyncio.create_task(one.run()) for one in first]
            await asyncio.gather(*(one.hears.wait() for one in first))
            before = server.memory()
            more = [Listener(http, server.url, jobs[n % len(jobs)]) for n in range(waiting)]
            tasks += [asyncio.create_task(one.run()) for one in more]
            await asyncio.gather(*(one.hears.wait() for one in more))
            taken = (server.memory() - before) / waiting
            for task in tasks:
                task.cancel()

            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            server.stop()

    return taken


async def measure_killed(server: Server, simulation: Simulation, jobs: int) -> dict[str, int]:
    """Kill a server under load; return what became of its jobs, and of those who listened."""
    simulation.script("fal", 3)
    async with _client() as http:
        await server.start(http)
        try:
            # Each has a name of its own in this run: the ledger may know others.
            begin = secrets.randbelow(10**9)
            tasks = [asyncio.create_task(order(http, server, begin + n)) for n in range(jobs)]
            while sum(one.done() for one in tasks) < jobs // 2:  # noqa: ASYNC110  (no event here)
                await asyncio.sleep(0.01)

            done = [one.result() for one in tasks if one.done()]
            listening = [Listener(http, server.url, job) for job in done if job]
            following = [asyncio.create_task(one.run()) for one in listening]
            server.stop(signal.SIGKILL)
            await server.start(http)
            made = await asyncio.gather(*tasks)
            await asyncio.gather(*following)
            ends = [Listener(http, server.url, job) for job in made if job]
            await asyncio.gather(*(one.run() for one in ends))
        finally:
            server.stop()

    completed = sum(one.status == "completed" for one in ends)
    repeated = sum(len(one.heard) - len(set(one.heard)) for one in listening)
    return {
        "ordered": jobs,
        "completed": completed,
        "unknown": jobs - completed,
        "bought": simulation.counters("fal")["accepted"],
        "listened": len(listening),
        "went on": sum(one.status not in ("", *RUNNING) for one in listening),
        "events told twice": repeated,
    }


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", help="a Python that has litellm[proxy]")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--waiting", type=int, default=1000)
    parser.add_argument("--killed", type=int, default=40, help="jobs of the server that is killed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Simulation("openai", "fal") as simulation:
        folder = Path(name)
        simulation.script("openai", 0.2)
        simulation.script("fal", 100_000.0)
        server = ours(folder, simulation.urls)
        found = asyncio.run(measure(server, asked.requests))
        _print(found, _other(folder, asked, simulation))
        sys.stdout.flush()
        taken = asyncio.run(measure_waiting(server, asked.waiting))
        print(f"\n{asked.waiting:,} clients that wait by server-sent events: {taken:.0f} KiB each")
        became = asyncio.run(measure_killed(server, simulation, asked.killed))
        print("\n| a server that is killed under load | |\n|---|--:|")
        for what, count in became.items():
            print(f"| {what} | {count} |")


def _other(folder: Path, asked: argparse.Namespace, simulation: Simulation) -> dict[str, Figures]:
    if asked.litellm is None:
        return {}

    return asyncio.run(measure(litellm(folder, asked.litellm, simulation.urls), asked.requests))


def _print(found: dict[str, Figures], other: dict[str, Figures]) -> None:
    print(f"| {AT_ONCE} at a time | ours | LiteLLM proxy | ratio |\n|---|--:|--:|--:|")
    for step in STEPS:
        for place, what in enumerate(("a second", f"p{PERCENTILE}, ms", "processor, ms")):
            mine = found[step][place]
            theirs = other[step][place] if other else None
            shown = ("", "") if theirs is None else (f"{theirs:.1f}", f"{mine / theirs:.2f}")
            print(f"| {step}, {what} | {mine:.1f} | {shown[0]} | {shown[1]} |")


if __name__ == "__main__":
    main()
