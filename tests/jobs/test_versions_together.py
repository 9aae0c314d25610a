"""A worker of the version before the last change of the tables, beside one of this version."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationRequest
from tarash.tarash_gateway.ledger import PostgresLedger
from tarash.tarash_gateway.ledger.postgres._schema import MIGRATIONS
from tarash.tarash_gateway.testing import Script, Simulator
from tests.jobs.conftest import BY_NAME, KEY, config_for

ROOT = Path(__file__).parents[2]
CASE = BY_NAME["luma-video-ray-2"]
SCHEMA = "tarash/tarash_gateway/ledger/postgres/_schema.py"


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


def before_the_last_change() -> str:
    """Return the newest commit whose tables are of an earlier version than this one's."""
    for commit in git("log", "--format=%H", "--", SCHEMA).decode().split():
        facts: dict[str, Any] = {}
        exec(git("show", f"{commit}:{SCHEMA}"), facts)  # noqa: S102  (our own file, of that time)
        if len(facts["MIGRATIONS"]) < len(MIGRATIONS):
            return commit

    raise LookupError("no earlier version of the tables is in the history")


def environment(folder: Path, provider: str) -> dict[str, str]:
    own = {"LUMAAI_API_KEY": KEY, "TARASH_LUMA_BASE_URL": provider, "PYTHONPATH": str(folder)}
    return os.environ | own


def enqueue(folder: Path, url: str, provider: str, prompt: str) -> None:
    """Write a job down by the version that is in a folder."""
    of_whom = ("--provider", "luma", "--model", "ray-2", "--ledger", url, "--enqueue")
    command = (sys.executable, "-m", "tarash.tarash_gateway", "video", prompt, *of_whom)
    subprocess.run(command, cwd=folder, env=environment(folder, provider), check=True)


def work(folder: Path, url: str, provider: str, seen: Path) -> subprocess.Popen[bytes]:
    """Start a worker of the version that is in a folder."""
    command = ("-m", "tarash.tarash_gateway", "worker", "--ledger", url, "--concurrency", "4")
    with seen.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment(folder, provider),
            stdout=log,
            stderr=log,
        )


@pytest.mark.soak
async def test_workers_of_two_versions_share_a_database(
    postgres_url: str, simulator: Simulator, tmp_path: Path
) -> None:
    import psycopg

    before = tmp_path / "before"
    with tarfile.open(
        fileobj=BytesIO(git("archive", before_the_last_change(), "tarash"))
    ) as archive:
        archive.extractall(before, filter="data")

    simulator.script(CASE.provider, Script(run_seconds=1, stream=False))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS tarash CASCADE")

    def version() -> int:
        with psycopg.connect(postgres_url) as connection:
            if connection.execute("SELECT to_regclass('tarash.meta')").fetchone() == (None,):
                return 0

            found = connection.execute("SELECT version FROM tarash.meta").fetchone()
            return 0 if found is None else int(found[0])

    provider = simulator.base_url(CASE.provider)
    seen = [tmp_path / "before.log", tmp_path / "now.log"]
    workers = [work(before, postgres_url, provider, seen[0])]
    ledger = PostgresLedger(postgres_url)
    try:
        while not (first := version()):
            assert workers[0].poll() is None, seen[0].read_text()
            await asyncio.sleep(0.05)

        # Which changes the tables under the worker of before.
        workers.append(work(ROOT, postgres_url, provider, seen[1]))
        while len(await ledger.list_states("workers")) < 2:
            assert [one.poll() for one in workers] == [None, None]
            await asyncio.sleep(0.1)

        assert version() > first
        made: Any = config_for(CASE, simulator, poll_interval=0.1)
        config = made.model_copy(update={"api_key": None})
        for number in range(16):
            request = VideoGenerationRequest(prompt=f"job {number}")
            await Gateway(ledger=ledger).enqueue_video_async(config, request)

        for number in range(2):
            await asyncio.to_thread(enqueue, before, postgres_url, provider, f"before {number}")

        while await ledger.jobs(states=("open",)):
            assert [one.poll() for one in workers] == [None, None]
            await asyncio.sleep(0.1)

        assert len(await ledger.jobs(states=("completed",))) == 18
        assert simulator.counters(CASE.provider).submits == 18
        assert await ledger.list_states("queue") == []
    finally:
        for one in workers:
            one.send_signal(signal.SIGTERM)

        codes = [one.wait() for one in workers]
        await ledger.aclose()

    assert codes == [0, 0], [one.read_text() for one in seen]
    assert "no column" not in "".join(one.read_text() for one in seen)
