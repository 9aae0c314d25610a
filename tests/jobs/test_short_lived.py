"""Jobs that were bought with tokens which end soon: taken up with the next one, and with no key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from tarash.tarash_gateway import AuthenticationError, Gateway
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.contract.cases import Case
from tests.jobs.conftest import BY_NAME, finish

CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
VERTEX = BY_NAME["google-video-veo-3.1-generate-001"]
AZURE = BY_NAME["azure-openai-video-my-sora"]
BOTH = pytest.mark.parametrize("case", [VERTEX, AZURE], ids=str)
FIRST, NEXT = "eyJ-the-first-token", "eyJ-the-next-token"


def config_of(case: Case, simulator: Simulator, token: str) -> Any:
    origin = simulator.base_url(case.provider)
    made = case.config(token, origin, timeout=3600, on_timeout="detach")
    setting = {"azure_ad_token": token} if case is AZURE else {}
    settings = {**made.provider_config, **setting}
    return made.model_copy(update={"provider_config": settings, "api_key": None})


async def submitted(case: Case, simulator: Simulator, path: Path) -> str:
    """Buy a job with a token that ends thereafter; return its id."""
    simulator.keys[case.provider] = {FIRST}
    simulator.script(case.provider, Script(outcome="never", stream=False))
    gateway = Gateway(ledger=SqliteLedger(path))
    config = config_of(case, simulator, FIRST)
    job = await gateway.submit_video_async(config, case.request(), idempotency_key="order")
    await gateway.aclose()
    simulator.keys[case.provider] = {NEXT}
    return job.id


@BOTH
async def test_the_next_token_takes_a_job_up(case: Case, simulator: Simulator, path: Path) -> None:
    job_id = await submitted(case, simulator, path)
    finish(simulator, case.provider)
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        job = await gateway.resume_async(job_id, api_keys={case.provider: NEXT})
        assert (await job.wait_async()).status == "completed"

    kept = await anyio.Path(path).read_bytes()
    assert NEXT.encode() not in kept


@BOTH
async def test_the_same_order_with_the_next_token_goes_on(
    case: Case, simulator: Simulator, path: Path
) -> None:
    await submitted(case, simulator, path)
    finish(simulator, case.provider)
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        config = config_of(case, simulator, NEXT)
        again = await gateway.generate_video_async(config, case.request(), idempotency_key="order")

    assert again.status == "completed"
    assert simulator.counters(case.provider).submits == 1


@pytest.mark.parametrize("given", [{}, {"google": "AIza-a-key-of-the-gemini-api"}])
async def test_without_credentials_the_wait_ends_at_once_and_says_what_is_missing(
    given: dict[str, str], simulator: Simulator, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await submitted(VERTEX, simulator, path)
    monkeypatch.setenv(CREDENTIALS, str(path.with_name("none.json")))
    seen = len(simulator.requests("google"))
    ledger = SqliteLedger(path)
    async with Gateway(ledger=ledger) as gateway:
        job = await gateway.resume_async(job_id, api_keys=given)
        with pytest.raises(AuthenticationError, match=r"api_keys=.*'google'") as caught:
            await job.wait_async()

        (record,) = await ledger.jobs()

    assert (caught.value.code, caught.value.submission) == ("no_key", "accepted")
    assert (record.state, record.entries[0].outcome) == ("open", "detached")
    assert len(simulator.requests("google")) == seen


async def test_a_plain_key_is_not_sent_where_a_token_bought(
    simulator: Simulator, path: Path
) -> None:
    job_id = await submitted(AZURE, simulator, path)
    seen = len(simulator.requests("azure-openai"))
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        job = await gateway.resume_async(job_id, api_keys={"azure-openai": "a-plain-key"})
        with pytest.raises(AuthenticationError, match="another key"):
            await job.wait_async()

    assert len(simulator.requests("azure-openai")) == seen
