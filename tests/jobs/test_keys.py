"""With which key a stored job is asked after: the one that bought it, at its host, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._data._types import ApiKeys
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator

REQUEST = VideoGenerationRequest(prompt="A cat")
OURS, THEIRS, STRANGE = "canary-ours-31aa90", "canary-theirs-77c2e1", "canary-strange-5d0be4"
VARIABLE = "OPENAI_API_KEY"
OWED = Script(run_polls=2, stream=False)


class Two:
    """Two servers of OpenAI's wire, each with a key of its own, and one ledger."""

    def __init__(self, one: Simulator, other: Simulator, path: Path) -> None:
        self.servers = {OURS: one, THEIRS: other}
        self.path = path

    def url(self, key: str) -> str:
        return self.servers[key].base_url("openai")

    def config(self, key: str, **changes: Any) -> VideoGenerationConfig:
        facts = {"api_key": key, "base_url": self.url(key), "poll_interval": 0.02, **changes}
        return VideoGenerationConfig(provider="openai", model="my-video", **facts)

    def seen(self, key: str) -> set[str]:
        """Return the keys that a server was sent."""
        asked = self.servers[key].requests("openai")
        return {one.headers.get("authorization", "").removeprefix("Bearer ") for one in asked}

    async def buy(self, *keys: str, **changes: Any) -> list[str]:
        """Submit a job to each key's server; return the ids."""
        async with Gateway(ledger=SqliteLedger(self.path)) as gateway:
            jobs = [
                await gateway.submit_video_async(
                    self.config(key, **changes), REQUEST, idempotency_key=key.split("-")[1]
                )
                for key in keys
            ]
            await gateway.aclose(grace=5)

        return [job.id for job in jobs]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("TARASH_CACHE_DIR", str(tmp_path / "cache"))
    with Simulator(["openai"]) as one, Simulator(["openai"]) as other:
        for server in (one, other):
            server.script("openai", OWED)

        yield Two(one, other, tmp_path / "jobs.db")


async def wait(two: Two, job_id: str, keys: ApiKeys | None, way: str) -> Any:
    gateway = Gateway(ledger=SqliteLedger(two.path))
    try:
        if way == "key":
            config = two.config(THEIRS, api_key=None)
            return await gateway.generate_video_async(config, REQUEST, idempotency_key="theirs")

        if way == "resume_all":
            (job,) = await gateway.resume_all_async(api_keys=keys)
        else:
            job = await gateway.resume_async(job_id, api_keys=keys)

        if way == "status":
            return await job.status_async()

        return await (job.cancel_async() if way == "cancel" else job.wait_async())
    finally:
        await gateway.aclose(grace=5)


@pytest.mark.parametrize("given", [None, {"openai": STRANGE}])
@pytest.mark.parametrize("way", ["resume", "resume_all", "status", "cancel", "key"])
async def test_no_other_key_goes_to_the_server_of_a_job(
    two: Two, way: str, given: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job_id,) = await two.buy(THEIRS)
    monkeypatch.setenv(VARIABLE, OURS)
    with pytest.raises(AuthenticationError, match="another key") as caught:
        await wait(two, job_id, given, way)

    assert two.seen(THEIRS) == {THEIRS}
    assert two.url(THEIRS).removesuffix("/v1") in caught.value.message
    assert "by its token" in caught.value.message
    keys = {("openai", two.url(THEIRS)): THEIRS}
    assert (await wait(two, job_id, keys, "resume")).status == "completed"
    assert OURS.encode() not in two.path.read_bytes()
    assert THEIRS.encode() not in two.path.read_bytes()


async def test_two_hosts_of_one_provider_are_told_apart(two: Two) -> None:
    await two.buy(OURS, THEIRS)
    keys = {("openai", two.url(key)): key for key in two.servers}
    gateway = Gateway(ledger=SqliteLedger(two.path))
    for job in await gateway.resume_all_async(api_keys=keys):
        assert (await job.wait_async()).status == "completed"

    await gateway.aclose(grace=5)
    assert (two.seen(OURS), two.seen(THEIRS)) == ({OURS}, {THEIRS})


async def test_the_environments_key_serves_the_jobs_that_it_has_bought(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, OURS)
    (job_id,) = await two.buy(OURS, api_key=None)
    assert (await wait(two, job_id, None, "resume")).status == "completed"
    # Also where the key that was given is another server's.
    (job_id,) = await two.buy(THEIRS)
    monkeypatch.setenv(VARIABLE, THEIRS)
    assert (await wait(two, job_id, {"openai": OURS}, "resume")).status == "completed"
    assert two.seen(THEIRS) == {THEIRS}


async def test_a_job_is_asked_after_where_it_was_bought(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARASH_OPENAI_BASE_URL", two.url(THEIRS))
    (job_id,) = await two.buy(THEIRS, base_url=None)
    monkeypatch.setenv("TARASH_OPENAI_BASE_URL", two.url(OURS))
    assert (await wait(two, job_id, {"openai": THEIRS}, "resume")).status == "completed"
    assert two.seen(OURS) == set()


@pytest.mark.parametrize("named", [True, False])
async def test_the_environments_key_buys_only_where_the_environment_says(
    two: Two, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    """A ledger's file is no call: what it names is not where the environment's key goes."""
    async with Gateway(ledger=SqliteLedger(two.path)) as gateway:
        two.servers[OURS].script("openai", Script(outcome="failed", stream=False))
        chain = two.config(OURS, fallback_configs=[two.config(THEIRS)])
        await gateway.submit_video_async(chain, REQUEST)
        await gateway.aclose(grace=5)

    monkeypatch.setenv(VARIABLE, STRANGE)
    if named:
        monkeypatch.setenv("TARASH_OPENAI_BASE_URL", two.url(THEIRS))

    gateway = Gateway(ledger=SqliteLedger(two.path))
    (job,) = await gateway.resume_all_async(api_keys={("openai", two.url(OURS)): OURS})
    if named:
        assert (await job.wait_async()).status == "completed"
    else:
        with pytest.raises(AuthenticationError, match="not sent there"):
            await job.wait_async()

    await gateway.aclose(grace=5)
    assert two.seen(THEIRS) == ({STRANGE} if named else set())
