"""What an inbox meets in the wild.

Keys that change, are slow or gone; tenants; two processes that are handed the same call; calls out
of order and about others' jobs; bodies that are nobody's JSON; mounts, prefixes, and servers that
start and stop.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway._engine._cross_process_wakeups import SPACE
from tarash.tarash_gateway._signatures import DigestEd25519, KeyRing, delivery, keys_of
from tarash.tarash_gateway.exceptions import TarashException
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tarash.tarash_gateway.webhooks import WebhookInbox, WebhookRefusedError
from tests.virtual import on_virtual_time
from tests.webhooks.signing import SECRET, b64, fal, jwks, now, public_key, standard_hmac
from tests.webhooks.test_inbox import ASKED, JOBS, KEY, config_of, serving

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
URL = "https://keys.example"
REPLICATE = {"replicate": f"whsec_{b64(SECRET)}"}
OTHER_SECRET = b"the secret of another tenant"


def b64decode(secret: str) -> bytes:
    """Return the bytes of a secret as consoles show it."""
    return base64.b64decode(secret.removeprefix("whsec_"))


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator([*sorted(ASKED), "openai"]) as running:
        yield running


# ---------------------------------------------------------------------------------------- keys
class Endpoint:
    """Where a provider publishes its keys; each answer after so many seconds."""

    def __init__(self, *answers: tuple[float, Any]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.ring = KeyRing(self.fetch, lambda: asyncio.get_running_loop().time())

    async def fetch(self, url: str) -> Any:
        assert url == URL
        self.asked += 1
        seconds, answer = self.answers[min(self.asked, len(self.answers)) - 1]
        await asyncio.sleep(seconds)
        if isinstance(answer, Exception):
            raise answer

        return answer

    async def reason(self, *, anew: bool = False) -> str:
        """Return why there are no keys now; empty where there are."""
        try:
            await self.ring.keys(URL, anew=anew)
        except WebhookRefusedError as error:
            return error.reason

        return ""


def test_while_keys_change_an_endpoint_that_is_down_makes_nobody_a_forger() -> None:
    """A new key's signature is refused so that it comes again, and is taken when they are there."""

    async def play() -> None:
        endpoint = Endpoint((0, jwks(OLD)), (0, TarashException("down")), (0, jwks(OLD, NEW)))
        assert await endpoint.reason() == ""
        await asyncio.sleep(3600)
        assert await endpoint.reason(anew=True) == "no_key"
        assert await endpoint.reason(anew=True) == "no_key"  # at once: nobody asks again
        assert endpoint.asked == 2
        assert await endpoint.reason() == ""  # the old key's signatures are taken meanwhile
        await asyncio.sleep(2)
        assert await endpoint.ring.keys(URL, anew=True) == keys_of(jwks(OLD, NEW))
        assert endpoint.asked == 3

    on_virtual_time(play())


def test_forged_calls_make_nobody_ask_often_for_keys_that_can_not_be_had() -> None:
    async def play() -> None:
        endpoint = Endpoint((0, TarashException("it is down")))
        for _ in range(600):
            assert await endpoint.reason(anew=True) == "no_key"
            await asyncio.sleep(1)

        assert endpoint.asked <= 6 + 600 / 60

    on_virtual_time(play())


def test_keys_that_are_slow_to_come_hold_nobody_up_for_long() -> None:
    async def play() -> None:
        clock = asyncio.get_running_loop().time
        endpoint = Endpoint((3600, jwks(OLD)), (3, jwks(OLD)))
        begun = clock()
        reasons = await asyncio.gather(*(endpoint.reason() for _ in range(20)))
        assert set(reasons) == {"no_key"}
        assert clock() - begun <= 10
        assert endpoint.asked == 1
        await asyncio.sleep(2)
        assert set(await asyncio.gather(*(endpoint.reason() for _ in range(20)))) == {""}
        assert endpoint.asked == 2

    on_virtual_time(play())


def test_slow_new_keys_hold_up_new_signatures_only() -> None:
    async def play() -> None:
        clock = asyncio.get_running_loop().time
        endpoint = Endpoint((0, jwks(OLD)), (3, jwks(NEW)))
        await endpoint.reason()
        await asyncio.sleep(3600)
        new = [asyncio.create_task(endpoint.ring.keys(URL, anew=True)) for _ in range(5)]
        await asyncio.sleep(1)
        begun = clock()
        assert await endpoint.ring.keys(URL) == keys_of(jwks(OLD))
        assert clock() == begun
        assert await asyncio.gather(*new) == [keys_of(jwks(NEW))] * 5
        assert endpoint.asked == 2

    on_virtual_time(play())


def test_a_sender_that_goes_away_while_keys_are_fetched_keeps_no_other_from_them() -> None:
    async def play() -> None:
        endpoint = Endpoint((5, jwks(OLD)))
        gone = asyncio.create_task(endpoint.reason())
        await asyncio.sleep(1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await asyncio.sleep(1.5)
        assert await endpoint.reason() == ""

    on_virtual_time(play())


def test_two_keys_of_one_name_both_count() -> None:
    """As while one takes the other's place."""
    document = jwks(OLD, NEW)
    listed: Any = document["keys"]
    for one in listed:
        one["kid"] = "current"

    keys = keys_of(document)
    assert sorted(keys.values()) == sorted([public_key(OLD), public_key(NEW)])
    body = b'{"request_id": "a", "status": "OK"}'
    scheme = DigestEd25519(URL, key_header="key-id")
    for seed in (OLD, NEW):
        sent = delivery({**fal(body, now(), seed, "a"), "X-Fal-Webhook-Key-Id": "current"}, body)
        assert scheme.verify(sent, now(), keys).sent_at

    another = delivery({**fal(body, now(), OLD, "a"), "X-Fal-Webhook-Key-Id": "old"}, body)
    with pytest.raises(WebhookRefusedError):
        scheme.verify(another, now(), keys)


NO_KEYS = {
    "500": b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}",
    "page": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "list": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "huge": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * 10**6 + b'{"keys": []}',
    "cut off": b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"keys":',
    "nothing": b"",
}


@pytest.mark.parametrize("answer", NO_KEYS)
async def test_what_holds_no_keys_lets_the_sender_try_again(answer: str) -> None:
    async def publish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(NO_KEYS[answer])
        writer.close()

    async with await asyncio.start_server(publish, "127.0.0.1", 0) as server, Gateway() as gateway:
        port = server.sockets[0].getsockname()[1]
        inbox = WebhookInbox(gateway, keys_urls={"fal": f"http://127.0.0.1:{port}/keys"})
        body = b'{"request_id": "a", "status": "OK"}'
        with pytest.raises(WebhookRefusedError) as caught:
            await inbox.receive_async(fal(body, now(), OLD, "a"), body, "/fal")

    assert (caught.value.reason, caught.value.http_status) == ("no_key", 503)


# -------------------------------------------------------------------------------------- tenants
async def test_tenants_with_a_secret_each_share_an_inbox(simulator: Simulator) -> None:
    secrets = {"replicate": [f"whsec_{b64(SECRET)}", f"whsec_{b64(OTHER_SECRET)}"]}
    async with serving(simulator, secrets=secrets) as (_, inbox, _url):
        for number, secret in enumerate((SECRET, OTHER_SECRET)):
            body = json.dumps({"id": f"job-{number}", "status": "succeeded"}).encode()
            headers = standard_hmac(body, now(), secret, f"msg-{number}")
            event = await inbox.receive_async(headers, body, "/replicate")
            assert (event.operation_id, event.is_signed) == (f"job-{number}", True)

        forged = standard_hmac(body, now(), b"the secret of nobody here", "msg-9")
        with pytest.raises(WebhookRefusedError):
            await inbox.receive_async(forged, body, "/replicate")


async def test_two_processes_that_are_handed_one_call_settle_its_job_once(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a balancer that repeats, or with a provider that calls twice."""
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    simulator.script("replicate", Script(run_seconds=0.0, webhook="never"))
    path = tmp_path / "jobs.db"
    secure = "https://hooks.example"
    gateways = [
        Gateway(
            ledger=SqliteLedger(path), webhook_url=secure, webhook_secret="a secret of them all"
        )
        for _ in range(2)
    ]
    inboxes = [WebhookInbox(one, secrets=REPLICATE) for one in gateways]
    case = JOBS["replicate"]
    job = await gateways[0].submit_video_async(config_of(case, simulator), case.request())
    (made,) = simulator.jobs("replicate")
    body = json.dumps({"id": made.id, "status": "succeeded"}).encode()
    headers = standard_hmac(body, now(), SECRET, "msg-1")
    address = made.payload["webhook"]
    calls = [one.receive_async(headers, body, address) for one in inboxes * 3]
    events = await asyncio.gather(*calls)
    assert sum(one.is_new for one in events) == 2
    settled = await asyncio.gather(
        *(one.settle_async(event) for one, event in zip(inboxes * 3, events, strict=True))
    )
    assert sum(settled) >= 1
    record = await gateways[1].ledger.get(job.id)
    assert record is not None
    assert (record.state, simulator.counters("replicate").submits) == ("completed", 1)
    assert simulator.counters("replicate").polls <= 2
    for one in gateways:
        await one.aclose(0)


# ----------------------------------------------------------------------------------- what is said
async def test_calls_that_come_out_of_order_undo_nothing(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    simulator.script("replicate", Script(run_seconds=0.0, webhook="never"))
    case = JOBS["replicate"]
    async with serving(simulator) as (gateway, inbox, _url):
        job = await gateway.submit_video_async(config_of(case, simulator), case.request())
        (made,) = simulator.jobs("replicate")
        for number, word in enumerate(["succeeded", "processing", "starting", "failed"]):
            body = json.dumps({"id": made.id, "status": word}).encode()
            headers = standard_hmac(
                body, now(), b64decode(simulator.webhook_secret("replicate")), f"msg-{number}"
            )
            await inbox.handle_async(headers, body, made.payload["webhook"])

        record = await gateway.ledger.get(job.id)
        assert record is not None
        assert record.state == "completed"
        assert simulator.counters("replicate").polls == 1


async def test_a_call_about_a_job_of_another_ledger_asks_nobody_and_is_forgotten(
    simulator: Simulator, tmp_path: Path
) -> None:
    """As where two deployments share an account, and each is told of the other's jobs."""
    ledger = SqliteLedger(tmp_path / "jobs.db")
    async with Gateway(ledger=ledger, webhook_secret="a secret of the tests") as gateway:
        inbox = WebhookInbox(gateway, secrets=REPLICATE)
        for number in range(20):
            body = json.dumps({"id": f"theirs-{number}", "status": "succeeded"}).encode()
            headers = standard_hmac(body, now(), SECRET, f"msg-{number}")
            event = await inbox.handle_async(headers, body, "/hooks/replicate")
            assert (event.is_new, event.is_idle, event.job_id) == (True, False, "")

        assert await ledger.jobs() == []
        notes = await ledger.list_states(SPACE, limit=100)
        assert len(notes) == 20
        assert all(one.until is not None for one in notes)

    assert simulator.requests("replicate") == []


BODIES = {
    "nothing": b"",
    "a blank": b" ",
    "null": b"null",
    "a list": b'[{"id": "x"}]',
    "text": b'"id"',
    "cut off": b'{"id": "x"',
    "more behind it": b'{"id": "x"} {}',
    "deep": b'{"id":' + b"[" * 100_000,
    "a number without end": b'{"id": ' + b"9" * 5000 + b"}",
    "an id that is a list": b'{"id": ["x"]}',
    "an id that is true": b'{"id": true}',
    "an empty id": b'{"id": ""}',
    "an id with a path": b'{"id": "../../secrets"}',
    "an id with a line": b'{"id": "a\\nb"}',
    "an endless id": b'{"id": "' + b"x" * 100_000 + b'"}',
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_genuine_body_that_names_no_job_is_refused_and_asks_nobody(
    simulator: Simulator, name: str
) -> None:
    async with serving(simulator) as (_, inbox, _url):
        body = BODIES[name]
        secret = b64decode(simulator.webhook_secret("replicate"))
        with pytest.raises(WebhookRefusedError) as caught:
            await inbox.receive_async(standard_hmac(body, now(), secret, "m"), body, "/replicate")

    assert (caught.value.reason, caught.value.http_status) == ("unreadable", 400)
    assert simulator.requests("replicate") == []


ODD = {
    "a name twice": b'{"id": "one", "id": "two"}',
    "a mark of the byte order": b'\xef\xbb\xbf{"id": "two"}',
    "bytes that are no text": b'{"id": "two", "logs": "\xff\xfe\xfa"}',
    "a lone surrogate": b'{"id": "two", "logs": "\\ud800"}',
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
async def test_what_others_write_oddly_is_understood(simulator: Simulator, body: bytes) -> None:
    """Of a name that is there twice the last counts: what is believed of it is a poll."""
    async with serving(simulator) as (_, inbox, _url):
        secret = b64decode(simulator.webhook_secret("replicate"))
        headers = standard_hmac(body, now(), secret, "m")
        assert (await inbox.receive_async(headers, body, "/replicate")).operation_id == "two"


# -------------------------------------------------------------------------------------- addresses
def scope_of(path: str, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": path, "headers": raw, **more}


async def posted(app: Any, scope: dict[str, Any], *parts: bytes) -> int:
    """Return the status that an ASGI application answers a body with, which comes in parts."""
    left = [{"type": "http.request", "body": one, "more_body": True} for one in parts]
    sent: list[Any] = []

    async def receive() -> Any:
        return left.pop(0) if left else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return int(sent[0]["status"])


PLACES = {
    "bare": ("/replicate", {}),
    "below a prefix": ("/api/v2/hooks/replicate", {}),
    "with a slash behind": ("/hooks/replicate/", {}),
    "with slashes between": ("//hooks//replicate", {}),
    "at a root path": ("/site/hooks/replicate", {"root_path": "/site"}),
    "at a root path that is cut off": ("/hooks/replicate", {"root_path": "/site"}),
}


@pytest.mark.parametrize("place", PLACES)
async def test_an_inbox_is_found_wherever_a_server_or_a_proxy_puts_it(place: str) -> None:
    path, more = PLACES[place]
    async with Gateway() as gateway:
        inbox = WebhookInbox(gateway, secrets=REPLICATE)
        mounted = Starlette(routes=[Mount("/hooks", app=inbox), Mount("/", app=inbox)])
        for number, app in enumerate((inbox, mounted)):
            body = json.dumps({"id": f"job-{number}", "status": "succeeded"}).encode()
            headers = standard_hmac(body, now(), SECRET, f"msg-{number}")
            scope = scope_of(path, headers, **more)
            assert await posted(app, scope, body[:3], b"", body[3:]) == 200
            assert await posted(app, scope_of(path + "x", headers, **more), body) == 404


async def test_a_body_of_100_mb_is_read_no_further_than_is_allowed() -> None:
    part, parts = bytes(10**6), [0]

    async def receive() -> Any:
        parts[0] += 1
        return {"type": "http.request", "body": part, "more_body": parts[0] < 100}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async with Gateway() as gateway:
        inbox = WebhookInbox(gateway, secrets=REPLICATE)
        await inbox(scope_of("/replicate", {}), receive, send)

    assert sent[0]["status"] == 413
    assert parts[0] <= inbox.max_body_bytes // 10**6 + 1


async def test_a_server_that_stops_waits_for_the_polls_under_way(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    simulator.script("replicate", Script(run_seconds=0.0, webhook="never"))
    case = JOBS["replicate"]
    async with serving(simulator) as (gateway, inbox, _url):
        job = await gateway.submit_video_async(config_of(case, simulator), case.request())
        (made,) = simulator.jobs("replicate")
        body = json.dumps({"id": made.id, "status": "succeeded"}).encode()
        secret = b64decode(simulator.webhook_secret("replicate"))
        headers = standard_hmac(body, now(), secret, "m")
        heard = ["lifespan.startup", "lifespan.shutdown"]
        said: list[str] = []

        async def receive() -> Any:
            if heard[0] == "lifespan.shutdown":
                path = urlsplit(made.payload["webhook"]).path
                assert await posted(inbox, scope_of(path, headers), body) == 200

            return {"type": heard.pop(0)}

        async def send(message: Any) -> None:
            said.append(message["type"])

        await inbox({"type": "lifespan"}, receive, send)
        assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        record = await gateway.ledger.get(job.id)
        assert record is not None
        assert record.state == "completed"
