"""A running simulator, a client for raw requests, and shorthands for both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.testing import Simulator
from tests.conftest import until

HEADERS = {"Authorization": "Key canary"}
VIDEO = "fal-ai/veo3/fast"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator

    left = [thread for thread in threading.enumerate() if thread.name == "tarash-simulator"]
    assert left == []


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        yield session


class Fal:
    """Raw requests to the simulated fal."""

    def __init__(self, simulator: Simulator, client: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.client = client
        self.url = simulator.base_url("fal")

    async def exchange(
        self, method: str, url: str, **options: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """Send a request to a path or URL; return status, parsed body, headers in lower case."""
        full = url if url.startswith("http") else self.url + url
        async with self.client.request(method, full, **options) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return response.status, await response.json(content_type=None), headers

    async def submit(
        self, endpoint: str = VIDEO, payload: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        sent = {"prompt": "a kite"} if payload is None else payload
        status, body, _ = await self.exchange("POST", f"/{endpoint}", json=sent)
        assert status == 200
        return dict(body)

    async def finished(self, submitted: dict[str, Any]) -> dict[str, Any]:
        """Poll until the job has ended; return the last status."""
        while True:
            status, body, _ = await self.exchange("GET", submitted["status_url"])
            if status != 202:
                return dict(body)

            await asyncio.sleep(0.01)

    async def events(self, submitted: dict[str, Any]) -> aiohttp.ClientResponse:
        """Open the status stream."""
        return await self.client.get(submitted["status_url"] + "/stream")


@pytest.fixture
def fal(simulator: Simulator, client: aiohttp.ClientSession) -> Fal:
    return Fal(simulator, client)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], Any]:
    return until
