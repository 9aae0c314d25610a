"""A server beside workers, over one ledger: it takes orders, and they send them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.server.conftest import KEYS, Start
from tests.server.test_jobs_are_kept import until

PROVIDERS = dict.fromkeys(KEYS, "example:key")


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty ledger."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))

    return f"sqlite:///{tmp_path / 'jobs.db'}"


@contextmanager
def working(ledger: str) -> Iterator[None]:
    """Let a worker work in a thread of its own, as another process would."""
    loop = asyncio.new_event_loop()
    begun = threading.Event()
    task: Any = None

    async def work() -> None:
        nonlocal task
        async with Gateway(ledger=ledger) as gateway:
            task = asyncio.ensure_future(gateway.work_async(api_keys=PROVIDERS))
            begun.set()
            with suppress(asyncio.CancelledError):
                await task

    thread = threading.Thread(target=lambda: loop.run_until_complete(work()), daemon=True)
    thread.start()
    begun.wait()
    yield
    loop.call_soon_threadsafe(task.cancel)
    thread.join()
    loop.close()


def workers_of(ledger: str) -> int:
    """Return how many workers have said that they are there."""

    async def count() -> int:
        async with Gateway(ledger=ledger) as gateway:
            kept: Any = gateway.ledger
            return len(await kept.list_states("workers"))

    return asyncio.run(count())


def test_what_a_worker_sends_is_answered_as_what_the_server_sends(
    start: Start, simulator: Simulator, ledger: str
) -> None:
    simulator.script("fal", Script(run_seconds=0.2))
    with working(ledger):
        until(lambda: workers_of(ledger) == 1)
        served = start(ledger, create_seconds=30)
        made = served.create()
        assert made.status_code == 200
        assert simulator.counters("fal").accepted == 1  # the create waits for the worker's submit
        video = made.json()["id"]
        assert served.until_ended(video)["status"] == "completed"
        content = served.ask("GET", f"/v1/videos/{video}/content").content
        assert content[4:8] == b"ftyp"

        simulator.fail("fal", "submit", Fault.status(422, '{"detail": "no such style"}'))
        refused = served.create(prompt="Another")
        assert refused.status_code == 400, refused.text
        served.stop()

    assert simulator.counters("fal").submits == 2
