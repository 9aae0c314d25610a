"""Many jobs, several event loops and several threads on one simulator."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import aiohttp

from tarash.tarash_gateway.testing import Fault, Script, Simulator

JOBS = 200


async def generate(client: aiohttp.ClientSession, base_url: str, number: int) -> dict[str, Any]:
    async with client.post(f"{base_url}/fal-ai/veo3", json={"seed": number}) as response:
        submitted = await response.json()

    while True:
        async with client.get(submitted["status_url"]) as response:
            if response.status == 200:
                break

        await asyncio.sleep(0.02)

    async with client.get(submitted["response_url"]) as response:
        return dict(await response.json())


async def generate_all(base_url: str, numbers: range) -> list[dict[str, Any]]:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": "Key canary"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:
        return await asyncio.gather(*(generate(client, base_url, number) for number in numbers))


async def test_many_jobs_at_once(simulator: Simulator) -> None:
    simulator.script("fal", Script(queue_polls=1, run_polls=1))
    results = await generate_all(simulator.base_url("fal"), range(JOBS))

    assert [result["seed"] for result in results] == list(range(JOBS))
    assert len({result["video"]["url"] for result in results}) == JOBS
    counters = simulator.counters("fal")
    assert counters.submits == counters.accepted == counters.results == JOBS
    assert counters.polls == 3 * JOBS
    assert {job.status for job in simulator.jobs("fal")} == {"completed"}


async def test_many_streams_at_once(simulator: Simulator, client: aiohttp.ClientSession) -> None:
    simulator.script("fal", Script(run_seconds=0.3))
    base_url = simulator.base_url("fal")

    async def watch() -> bytes:
        async with client.post(f"{base_url}/fal-ai/veo3", json={}) as response:
            submitted = await response.json()

        async with client.get(submitted["status_url"] + "/stream") as response:
            return await response.read()

    streams = await asyncio.gather(*(watch() for _ in range(50)))
    assert all(b'"COMPLETED"' in stream for stream in streams)


def test_several_loops_and_threads(simulator: Simulator) -> None:
    base_url = simulator.base_url("fal")
    results: list[dict[str, Any]] = []
    stop = threading.Event()

    def work(first: int) -> None:
        for offset in (0, 5):
            numbers = range(first + offset, first + offset + 5)
            results.extend(asyncio.run(generate_all(base_url, numbers)))

    def look() -> None:
        while not stop.is_set():
            simulator.jobs("fal")
            simulator.requests("fal")
            simulator.counters("fal")
            stop.wait(0.001)

    observer = threading.Thread(target=look)
    observer.start()
    workers = [threading.Thread(target=work, args=(first,)) for first in range(0, 40, 10)]
    for worker in workers:
        worker.start()

    for worker in workers:
        worker.join()

    stop.set()
    observer.join()
    assert sorted(result["seed"] for result in results) == list(range(40))


async def test_a_fault_hits_exactly_as_many_as_planned(simulator: Simulator) -> None:
    simulator.fail("fal", "submit", Fault.status(503), times=20, skip=10)
    url = f"{simulator.base_url('fal')}/fal-ai/veo3"

    async with aiohttp.ClientSession(headers={"Authorization": "Key canary"}) as client:

        async def submit() -> int:
            async with client.post(url, json={}) as response:
                return response.status

        statuses = await asyncio.gather(*(submit() for _ in range(60)))

    assert (statuses.count(503), statuses.count(200)) == (20, 40)
