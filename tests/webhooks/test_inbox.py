"""The inbox, end to end: providers call it on loopback, and whoever waits is woken."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import uvicorn
from fastapi import FastAPI

from tarash.tarash_gateway import (
    Gateway,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._engine._cross_process_wakeups import NAMES, name_job
from tarash.tarash_gateway._jobs._inbox_server import listening
from tarash.tarash_gateway._support._wakeups import Wakeup
from tarash.tarash_gateway.exceptions import HTTPConnectionError, TarashException, ValidationError
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tarash.tarash_gateway.webhooks import WebhookEvent, WebhookInbox, WebhookRefusedError
from tests.conftest import until
from tests.contract.cases import CASES, Case
from tests.webhooks.signing import SECRET, b64, fal, now, standard_hmac

KEY = "webhook-key"
ASKED = {"bfl", "bytedance", "fal", "ideogram", "kling", "luma", "minimax", "replicate"}
JOBS = {
    case.provider: case
    for case in reversed(CASES)
    if case.provider in ASKED and case.kind == "video" and not case.at_once
}
# The models of the newest generation have no callbacks there.
JOBS["bfl"] = replace(
    next(case for case in CASES if case.provider == "bfl" and case.kind == "image"),
    model="flux-2-pro",
)
SELDOM: dict[str, Any] = {"provider_config": {"min_poll_interval": 1000}, "timeout": 3600}
"""No poll comes before the test is over, unless a webhook asks for it."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator([*sorted(ASKED), "openai"]) as running:
        yield running


@asynccontextmanager
async def serving(
    simulator: Simulator, gateway: Gateway | None = None, **options: Any
) -> AsyncIterator[tuple[Gateway, WebhookInbox, str]]:
    """Serve an inbox; yield a gateway that asks providers to call it."""
    own = gateway or Gateway(webhook_secret="a secret of the tests")
    secrets = {name: simulator.webhook_secret(name) for name in ("replicate", "openai")}
    inbox = WebhookInbox(
        own, **{"secrets": secrets, "keys_urls": {"fal": simulator.webhook_keys_url}, **options}
    )
    async with listening(inbox, "127.0.0.1", 0) as url:
        # Some want https; the simulator calls this machine over http all the same.
        secure = url.replace("http://", "https://")
        own._shared._webhooks = (secure, own._shared._webhooks[1])  # noqa: SLF001  (known only now)
        own._shared._made = None  # noqa: SLF001
        yield own, inbox, url
        await own.aclose(0)


def config_of(case: Case, simulator: Simulator, **more: Any) -> Any:
    simulator.keys[case.provider] = {KEY}
    return case.config(KEY, simulator.base_url(case.provider), **more)


async def generated(gateway: Gateway, case: Case, config: Any) -> Any:
    generate = (
        gateway.generate_video_async if case.kind == "video" else gateway.generate_image_async
    )
    return await generate(config, case.request())


@pytest.mark.parametrize("provider", JOBS)
async def test_a_webhook_brings_the_result_of_whoever_waits(
    simulator: Simulator, provider: str
) -> None:
    case = JOBS[provider]
    simulator.script(provider, Script(run_seconds=0.05, stream=False))
    async with serving(simulator) as (gateway, _, _url):
        response = await generated(gateway, case, config_of(case, simulator, **SELDOM))
        assert response.status == "completed"
        await until(lambda: bool(simulator.webhooks(provider)))

    (sent,) = simulator.webhooks(provider)
    assert sent.status == 200
    assert simulator.counters(provider).polls == 1
    assert sent.url.count(provider) == 1


@pytest.mark.parametrize("provider", JOBS)
@pytest.mark.parametrize("behaviour", ["twice", "early"])
async def test_a_webhook_may_come_twice_and_before_the_answer_to_the_submit(
    simulator: Simulator, provider: str, behaviour: Any
) -> None:
    script = Script(run_polls=0, stream=False, webhook=behaviour)
    assert await polls_beside_calls(simulator, provider, script) == 1


@pytest.mark.parametrize("provider", ["kling", "luma", "replicate"])
@pytest.mark.parametrize("behaviour", ["twice", "early"])
async def test_a_webhook_may_come_for_a_job_whose_submit_told_its_end(
    simulator: Simulator, provider: str, behaviour: Any
) -> None:
    script = Script(run_seconds=0.0, stream=False, webhook=behaviour)
    assert await polls_beside_calls(simulator, provider, script) == 0


async def polls_beside_calls(simulator: Simulator, provider: str, script: Script) -> int:
    """Generate, and take all calls that come; return how often the job was polled."""
    case = JOBS[provider]
    simulator.script(provider, script)
    async with serving(simulator) as (gateway, _, _url):
        response = await generated(gateway, case, config_of(case, simulator, **SELDOM))
        assert response.status == "completed"
        times = 2 if script.webhook == "twice" else 1
        await until(lambda: len(simulator.webhooks(provider)) == times)

    assert {sent.status for sent in simulator.webhooks(provider)} == {200}
    assert simulator.counters(provider).submits == 1
    return simulator.counters(provider).polls


@pytest.mark.parametrize("provider", JOBS)
@pytest.mark.parametrize("behaviour", ["forged", "never"])
async def test_the_backstop_brings_what_no_webhook_does(
    simulator: Simulator, provider: str, behaviour: Any
) -> None:
    case = JOBS[provider]
    simulator.script(provider, Script(run_seconds=0.3, stream=False, webhook=behaviour))
    quick = {"poll_interval": 0.1, "provider_config": {"min_poll_interval": 0.1}}
    async with serving(simulator) as (gateway, _, _url):
        response = await generated(gateway, case, config_of(case, simulator, **quick))
        assert response.status == "completed"
        if behaviour == "forged":
            await until(lambda: bool(simulator.webhooks(provider)))

    assert {sent.status for sent in simulator.webhooks(provider)} <= {401}


async def test_a_forged_webhook_asks_nothing_of_the_provider(simulator: Simulator) -> None:
    case = JOBS["replicate"]
    simulator.script("replicate", Script(outcome="never"))
    async with serving(simulator) as (gateway, _, url), aiohttp.ClientSession() as session:
        task = asyncio.ensure_future(generated(gateway, case, config_of(case, simulator, **SELDOM)))
        await until(lambda: bool(simulator.jobs("replicate")))
        (job,) = simulator.jobs("replicate")
        path = urlsplit(job.payload["webhook"]).path
        for headers in ({}, {"webhook-id": "a", "webhook-timestamp": str(now())}):
            body = json.dumps({"id": job.id, "status": "succeeded"})
            for place in (path, f"{path}x", "/replicate", "/replicate/a/1/b", "/nobody", "/"):
                async with session.post(url + place, data=body, headers=headers) as answer:
                    assert answer.status in {401, 404}, place

        async with session.get(url + path) as answer:
            assert answer.status == 405

        assert simulator.counters("replicate").polls == 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_signs_nothing_is_known_by_our_own_token(simulator: Simulator) -> None:
    async with serving(simulator) as (gateway, inbox, _url):
        case = JOBS["bytedance"]
        simulator.script("bytedance", Script(outcome="never"))
        job = await gateway.submit_video_async(config_of(case, simulator), case.request())
        (one,) = simulator.jobs("bytedance")
        address = one.payload["callback_url"]
        body = json.dumps({"id": one.id, "status": "running"}).encode()
        event = await inbox.receive_async({}, body, address)
        assert (event.job_id, event.operation_id, event.status) == (job.id, one.id, "running")
        assert not event.is_signed
        for other in (address[:-1], f"{address}A", address.replace("/1/", "/2/"), "/bytedance"):
            with pytest.raises(WebhookRefusedError):
                await inbox.receive_async({}, body, other)

        lie = json.dumps({"id": "another-job", "status": "succeeded"}).encode()
        assert (await inbox.receive_async({}, lie, address)).operation_id == one.id
        assert not (await inbox.receive_async({}, body, address)).is_new


async def test_a_job_that_nobody_waits_for_is_settled_by_one_poll(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = JOBS["fal"]
    monkeypatch.setenv("FAL_KEY", KEY)
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    simulator.script("fal", Script(run_seconds=0.1, stream=False))
    async with serving(simulator, Gateway(ledger=ledger)) as (gateway, _, _url):
        job = await gateway.submit_video_async(config_of(case, simulator), case.request())
        resources = gateway._shared.resources()  # noqa: SLF001

        async def ended() -> bool:
            record = await resources.ledger.get(job.id)
            return record is not None and record.state == "completed"

        for _ in range(1000):
            if await ended():
                break

            await asyncio.sleep(0.02)

        assert simulator.counters("fal").polls == 1
        again = await gateway.resume_async(job.id)
        assert (await again.wait_async()).status == "completed"
        assert simulator.counters("fal").polls == 1


async def test_a_failed_job_buys_no_fallback_by_its_webhook(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = JOBS["fal"]
    monkeypatch.setenv("FAL_KEY", KEY)
    simulator.script("fal", Script(run_seconds=0.0, stream=False, outcome="failed"), Script())
    async with serving(simulator) as (gateway, _, _url):
        config = config_of(case, simulator)
        chain = config.model_copy(update={"fallback_configs": (config,)})
        job = await gateway.submit_video_async(chain, case.request())
        await until(lambda: simulator.counters("fal").polls > 0)
        await until(lambda: bool(simulator.webhooks("fal")))
        assert simulator.counters("fal").accepted == 1
        assert (await job.wait_async()).status == "completed"
        assert simulator.counters("fal").accepted == 2


async def test_a_webhook_sends_nothing_for_whoever_ended_before_the_next_try(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = JOBS["fal"]
    monkeypatch.setenv("FAL_KEY", KEY)
    simulator.script("fal", Script(outcome="never", stream=False))
    async with serving(simulator) as (gateway, inbox, _url):
        config = config_of(case, simulator)
        chain = config.model_copy(update={"fallback_configs": (config,)})
        job = await gateway.submit_video_async(chain, case.request())
        ledger = gateway.ledger
        (entry,) = (await ledger.jobs())[0].entries
        assert entry.operation is not None
        # As a process leaves it that ends in the pause before the second try of a fallback.
        await ledger.claim(job.id, "other")
        await ledger.settle(entry.intent.id, "accepted", "failed")
        second = replace(entry.intent, id=f"{job.id}-2", attempt_number=2)
        await ledger.intend(second, "other")
        heard = {"error": {"type": "HTTPError", "message": "busy"}, "tries": 1}
        heard["retry_at"] = datetime.now(UTC).isoformat()
        await ledger.note(second.id, "other", heard, "rejected")
        await ledger.close(job.id, "other", "open")

        (made,) = simulator.jobs("fal")
        event = WebhookEvent("fal", made.id, job_id=job.id, is_idle=True)
        assert not await inbox.settle_async(event)
        assert simulator.counters("fal").submits == 1
        record = await ledger.get(job.id)
        assert record is not None
        assert (record.state, record.held) == ("open", False)


async def test_a_paid_job_whose_answer_was_lost_is_found_by_its_webhook(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = JOBS["fal"]  # which lists no jobs, so that nothing else can find it
    monkeypatch.setenv("FAL_KEY", KEY)
    simulator.script("fal", Script(run_seconds=0.2, stream=False))
    simulator.fail("fal", "submit", Fault.reset_after())
    async with serving(simulator) as (gateway, _, _url):
        with pytest.raises(HTTPConnectionError) as caught:
            await generated(gateway, case, config_of(case, simulator))

        assert caught.value.submission == "unknown"
        await until(lambda: simulator.counters("fal").results > 0)
        (record,) = await gateway._shared.resources().ledger.jobs()  # noqa: SLF001
        job = await gateway.resume_async(record.id)
        response = await job.wait_async()
        assert response.status == "completed"
        (one,) = simulator.jobs("fal")
        assert response.request_id == one.id
        assert simulator.counters("fal").accepted == 1


async def test_another_process_is_woken_through_the_ledger(
    simulator: Simulator, tmp_path: Path
) -> None:
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    simulator.script("replicate", Script(run_seconds=0.1))
    case = JOBS["replicate"]
    async with serving(simulator, Gateway(ledger=ledger)) as (_, _inbox, url):
        # As in another process: nothing is shared but the ledger's file.
        secure = url.replace("http:", "https:")
        other = Gateway(ledger=SqliteLedger(tmp_path / "jobs.db"), webhook_url=secure)
        response = await generated(other, case, config_of(case, simulator, **SELDOM))
        assert response.status == "completed"
        assert simulator.counters("replicate").polls == 1
        await other.aclose(0)


async def test_openai_calls_one_address_for_all_jobs(simulator: Simulator) -> None:
    simulator.keys["openai"] = {KEY}
    simulator.script("openai", Script(run_seconds=0.1))
    async with serving(simulator) as (gateway, _, url):
        simulator.set_webhook_endpoint("openai", f"{url}/openai")
        config = VideoGenerationConfig(
            provider="openai",
            model="sora-2",
            api_key=KEY,
            base_url=f"{simulator.base_url('openai')}/v1",
            **SELDOM,
        )
        request = VideoGenerationRequest(prompt="a lighthouse")
        response = await gateway.generate_video_async(config, request)
        assert response.status == "completed"

    assert simulator.counters("openai").polls == 1


async def test_it_is_mounted_in_any_asgi_application(simulator: Simulator) -> None:
    gateway = Gateway(webhook_secret="a secret of the tests")
    inbox = WebhookInbox(gateway, keys_urls={"fal": simulator.webhook_keys_url})
    app = FastAPI()
    app.mount("/hooks/in", inbox)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    serve = asyncio.ensure_future(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    gateway._shared._webhooks = (f"http://127.0.0.1:{port}/hooks/in/", "a secret of the tests")  # noqa: SLF001
    simulator.script("fal", Script(run_seconds=0.1, stream=False))
    case = JOBS["fal"]
    response = await generated(gateway, case, config_of(case, simulator, **SELDOM))
    assert response.status == "completed"
    (sent,) = simulator.webhooks("fal")
    assert sent.status == 200
    async with (
        aiohttp.ClientSession() as session,
        session.post(sent.url, data=io.BytesIO(bytes(17 * 1024**2))) as answer,
    ):
        assert answer.status == 413

    server.should_exit = True
    await serve
    await gateway.aclose(0)


async def test_the_challenge_of_minimax_is_sent_back_to_it_only(simulator: Simulator) -> None:
    async with serving(simulator) as (gateway, inbox, _url):
        case = JOBS["minimax"]
        await gateway.submit_video_async(config_of(case, simulator), case.request())
        (job,) = simulator.jobs("minimax")
        address = job.payload["callback_url"]
        body = b'{"challenge": "abc"}'
        event = await inbox.receive_async({}, body, address)
        assert json.loads(event.answer) == {"challenge": "abc"}
        with pytest.raises(WebhookRefusedError):
            await inbox.receive_async({}, body, f"{address}x")

        with pytest.raises(WebhookRefusedError):
            await inbox.receive_async({}, json.dumps({"challenge": "x" * 2000}).encode(), address)


async def test_a_users_own_callback_stays(simulator: Simulator) -> None:
    async with serving(simulator) as (gateway, _, _url):
        case = JOBS["bytedance"]
        mine = "https://example.com/mine"
        simulator.script("bytedance", Script(webhook="never"))
        asked = case.request().model_copy(update={"extra_params": {"callback_url": mine}})
        await gateway.submit_video_async(config_of(case, simulator), asked)
        assert simulator.jobs("bytedance")[-1].payload["callback_url"] == mine


@pytest.mark.parametrize("url", ["example.com", "ftp://a/b", "https://", "https://a/#b"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValidationError, match="webhook_url"):
        Gateway(webhook_url=url)


def test_a_short_secret_is_refused_at_once() -> None:
    with pytest.raises(ValidationError, match="webhook_secret"):
        Gateway(webhook_url="https://example.com", webhook_secret="short")


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_no_token_and_no_secret_is_in_the_ledger(
    simulator: Simulator, tmp_path: Path
) -> None:
    ledger = tmp_path / "jobs.db"
    for secret in (None, "a secret of the tests"):
        gateway = Gateway(ledger=f"sqlite:///{ledger}", webhook_secret=secret)
        async with serving(simulator, gateway) as (same, _, _url):
            case = JOBS["bytedance"]
            await same.submit_video_async(config_of(case, simulator), case.request())
            address = simulator.jobs("bytedance")[-1].payload["callback_url"]

        token = address.rpartition("/")[2].encode()
        for content in contents(tmp_path):
            assert token not in content
            assert b"a secret of the tests" not in content


async def test_a_ledger_that_fails_lets_the_sender_try_again(simulator: Simulator) -> None:
    class Failing(MemoryLedger):
        fails = False

        async def get(self, job_id: str) -> Any:
            if self.fails:
                raise TarashException("the disk is full")

            return await super().get(job_id)

    ledger = Failing()
    gateway = Gateway(ledger=ledger, webhook_secret="a secret of the tests")
    async with serving(simulator, gateway) as (same, _, _url), aiohttp.ClientSession() as session:
        case = JOBS["bytedance"]
        simulator.script("bytedance", Script(outcome="never"))
        await same.submit_video_async(config_of(case, simulator), case.request())
        (job,) = simulator.jobs("bytedance")
        body = json.dumps({"id": job.id, "status": "running"})
        address = job.payload["callback_url"].replace("https:", "http:")
        ledger.fails = True
        async with session.post(address, data=body) as answer:
            assert answer.status == 503

        ledger.fails = False
        async with session.post(address, data=body) as answer:
            assert answer.status == 200


async def test_fals_keys_are_had_once_and_a_genuine_event_of_an_unknown_job_is_taken(
    simulator: Simulator,
) -> None:
    async with serving(simulator) as (_, inbox, _url):
        body = b'{"request_id": "nobody-knows-it", "status": "OK"}'
        forged = fal(body, now(), bytes(32), "nobody-knows-it")
        for _ in range(5):
            with pytest.raises(WebhookRefusedError):
                await inbox.receive_async(forged, body, "/fal")

    asked = [one for one in simulator.requests("fal") if one.path == "/.well-known/jwks.json"]
    assert len(asked) == 1


async def _all_heard(count: int) -> None:
    """Send signed webhooks from many senders at once; see that each wakes its wait."""
    gateway = Gateway(webhook_url="https://example.com", webhook_secret="a secret of the tests")
    inbox = WebhookInbox(gateway, secrets={"replicate": f"whsec_{b64(SECRET)}"})
    wakeups = gateway._shared.resources().wakeups  # noqa: SLF001
    heard: set[int] = set()

    async def wait(number: int) -> None:
        wakeup = Wakeup()
        with wakeups.at("replicate", f"job-{number}", wakeup):
            if await wakeup.wait(600):
                heard.add(number)

    async with listening(inbox, "127.0.0.1", 0) as url:
        # Every second comes before anybody waits.
        waits = [asyncio.ensure_future(wait(number)) for number in range(0, count, 2)]
        connector = aiohttp.TCPConnector(limit=50)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def send(number: int) -> int:
                body = json.dumps({"id": f"job-{number}", "status": "succeeded"}).encode()
                headers = standard_hmac(body, now(), SECRET, f"msg-{number}")
                async with session.post(f"{url}/replicate", data=body, headers=headers) as answer:
                    return answer.status

            statuses = await asyncio.gather(*map(send, range(count)))

        waits += [asyncio.ensure_future(wait(number)) for number in range(1, count, 2)]
        await asyncio.gather(*waits)

    assert set(statuses) == {200}
    assert heard == set(range(count))


async def test_no_webhook_of_many_is_lost() -> None:
    await _all_heard(300)


@pytest.mark.soak
@pytest.mark.timeout(60)  # the minute
async def test_ten_thousand_webhooks_a_minute_lose_none() -> None:
    await _all_heard(10_000)


async def test_while_webhooks_arrive_polls_are_few_and_where_one_is_missed_they_are_not(
    simulator: Simulator,
) -> None:
    case = JOBS["replicate"]
    quick = {"poll_interval": 0.2, "provider_config": {"min_poll_interval": 0.2}}
    once, never = Script(run_seconds=1.0), Script(run_seconds=1.0, webhook="never")
    async with serving(simulator) as (gateway, _, _url):
        polls = []
        for script in (once, once, never, never):
            before = simulator.counters("replicate").polls
            simulator.script("replicate", script)
            await generated(gateway, case, config_of(case, simulator, **quick))
            polls.append(simulator.counters("replicate").polls - before)

        callbacks = gateway._shared.resources().callbacks  # noqa: SLF001
        assert not callbacks.arrive("replicate")

    first, relied, missed, _after = polls
    assert relied <= 2
    assert missed <= relied + 1
    assert first > 0


async def test_a_job_that_is_taken_up_again_is_polled_as_seldom(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = JOBS["replicate"]
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    quick = {"poll_interval": 0.2, "provider_config": {"min_poll_interval": 0.2}}
    simulator.script("replicate", Script(run_seconds=0.1), Script(run_seconds=1.5))
    async with serving(simulator) as (gateway, _, _url):
        await generated(gateway, case, config_of(case, simulator, **quick))  # so that calls arrive
        job = await gateway.submit_video_async(config_of(case, simulator, **quick), case.request())
        before = simulator.counters("replicate").polls
        await (await gateway.resume_async(job.id)).wait_async()
        assert simulator.counters("replicate").polls - before <= 4


class Counting(MemoryLedger):
    """Counts how often it is asked which job a provider has named."""

    names_read = 0

    async def read_state(self, space: str, name: str) -> Any:
        """Read it."""
        self.names_read += space == NAMES
        return await super().read_state(space, name)


class Called(MemoryLedger):
    """Is asked for the name of a job only when its provider has called back."""

    simulator: Simulator

    async def read_state(self, space: str, name: str) -> Any:
        """Read it, in time: the next try would be a second away."""
        if space == NAMES:
            await until(lambda: bool(self.simulator.webhooks("fal")))

        return await super().read_state(space, name)


@pytest.mark.parametrize("code", [500, 503])
@pytest.mark.parametrize("retries", [0, 2])
async def test_a_refused_submit_whose_job_calls_back_is_not_sent_again(
    simulator: Simulator, code: int, retries: int
) -> None:
    case = JOBS["fal"]  # which lists no jobs, so that nothing else can find it
    simulator.script("fal", Script(run_seconds=0.0, stream=False))
    simulator.fail("fal", "submit", Fault.status(code, {"detail": "try later"}, accepted=True))
    ledger = Called()
    ledger.simulator = simulator
    gateway = Gateway(ledger=ledger, webhook_secret="a secret of the tests")
    async with serving(simulator, gateway):
        config = config_of(case, simulator, max_retries=retries)
        response = await generated(gateway, case, config)
        assert response.status == "completed"

    (one,) = simulator.jobs("fal")
    assert (response.request_id, simulator.counters("fal").submits) == (one.id, 1)
    (record,) = await ledger.jobs()
    (entry,) = record.entries
    assert (record.state, entry.submission, entry.outcome) == ("completed", "accepted", "completed")
    (spent,) = await ledger.spendings()
    assert spent.state == "estimated"


async def test_a_name_is_looked_up_after_a_refusal_only(simulator: Simulator) -> None:
    case = JOBS["fal"]
    simulator.script("fal", Script(run_seconds=0.0, stream=False))
    ledger = Counting()
    own = Gateway(ledger=ledger, webhook_secret="a secret of the tests")
    async with serving(simulator, own):
        await generated(own, case, config_of(case, simulator))

    assert ledger.names_read == 0


async def left_in_a_pause(gateway: Gateway, simulator: Simulator, seconds: float) -> str:
    """Leave a job as a process does that ends in the pause before the second try; return its id."""
    case = JOBS["fal"]
    job = await gateway.submit_video_async(config_of(case, simulator), case.request())
    ledger: Any = gateway.ledger
    (record,) = await ledger.jobs()
    (entry,) = record.entries
    assert await ledger.claim(job.id, "other")
    assert await ledger.intend(entry.intent, "other")
    heard = {"error": {"type": "HTTPError", "message": "busy"}, "tries": 1}
    heard["retry_at"] = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    await ledger.note(entry.intent.id, "other", heard, "rejected")
    await ledger.close(job.id, "other", "open")
    (made,) = simulator.jobs("fal")
    await name_job(ledger, entry.intent.id, made.id)
    return job.id


async def test_another_process_takes_up_a_refused_submit_whose_job_has_called_back(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", KEY)
    simulator.script("fal", Script(run_seconds=0.0, stream=False))
    async with serving(simulator) as (gateway, _, _url):
        job_id = await left_in_a_pause(gateway, simulator, 0)
        (made,) = simulator.jobs("fal")
        resumed = await gateway.resume_async(job_id)
        response = await resumed.wait_async()
        assert (response.request_id, simulator.counters("fal").submits) == (made.id, 1)
        (record,) = await gateway.ledger.jobs()
        assert (record.state, record.entries[0].submission) == ("completed", "accepted")
        assert record.entries[0].heard["error"] is None


@pytest.mark.parametrize("resumed", [False, True])
async def test_whoever_cancels_in_the_pause_after_a_refusal_leaves_the_job_that_called_back(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, resumed: bool
) -> None:
    case = JOBS["fal"]
    monkeypatch.setenv("FAL_KEY", KEY)
    simulator.script("fal", Script(run_seconds=0.0, stream=False))
    async with serving(simulator) as (gateway, _, _url):
        if resumed:
            job = await gateway.resume_async(await left_in_a_pause(gateway, simulator, 30))
            task = asyncio.ensure_future(job.wait_async())
        else:
            fault = Fault.status(503, {"detail": "try later"}, retry_after=30, accepted=True)
            simulator.fail("fal", "submit", fault)
            config = config_of(case, simulator, max_retries=2, timeout=600)
            task = asyncio.ensure_future(generated(gateway, case, config))
            await until(lambda: bool(simulator.webhooks("fal")))

        await asyncio.sleep(0.05)  # into the pause
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        (made,) = simulator.jobs("fal")
        (record,) = await gateway.ledger.jobs()
        (entry,) = record.entries
        assert entry.operation is not None
        assert (entry.operation.id, entry.submission) == (made.id, "accepted")
        assert (record.state, simulator.counters("fal").submits) == ("open", 1)
        response = await (await gateway.resume_async(record.id)).wait_async()
        assert response.request_id == made.id


async def test_a_webhook_settles_what_a_forgotten_job_had_reserved(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = JOBS["luma"]
    monkeypatch.setenv("TARASH_LUMA_BASE_URL", simulator.base_url("luma"))
    simulator.script("luma", Script(run_seconds=0.5))
    async with serving(simulator, api_keys={"luma": KEY}) as (gateway, _, _url):
        config = config_of(case, simulator, **SELDOM)
        job = await gateway.submit_video_async(config, case.request())
        ledger: Any = gateway.ledger
        assert await ledger.forget(job.id)
        states = [one.state for one in await ledger.spendings()]
        while states == ["possible"]:
            await asyncio.sleep(0.02)
            states = [one.state for one in await ledger.spendings()]

    assert states == ["estimated"]
    assert simulator.counters("luma").submits == 1
