"""Every fault, through raw requests: what the client sees, and what the provider did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator

SUBMIT = "/fal-ai/veo3/fast"


def accepted(simulator: Simulator) -> int:
    return simulator.counters("fal").accepted


async def test_a_status_comes_in_the_providers_own_envelope(fal: Any) -> None:
    fal.simulator.fail("fal", "submit", Fault.status(503))
    status, body, headers = await fal.exchange("POST", SUBMIT, json={})

    assert status == 503
    assert body["error_type"] == headers["x-fal-error-type"] == "runner_scheduling_failure"
    assert isinstance(body["detail"], str)
    assert accepted(fal.simulator) == 0
    assert fal.simulator.counters("fal").submits == 1


@pytest.mark.parametrize("code", [401, 402, 403, 404, 422, 500])
async def test_any_status_can_be_played(fal: Any, code: int) -> None:
    fal.simulator.fail("fal", "submit", Fault.status(code))
    status, body, _ = await fal.exchange("POST", SUBMIT, json={})
    assert (status, type(body["detail"])) == (code, str)


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ({"detail": "no"}, "application/json", b'{"detail": "no"}'),
        ([1], "application/json", b"[1]"),
        ("<html>nginx</html>", "text/html", b"<html>nginx</html>"),
        ("later", "text/plain", b"later"),
        (b"\x00", "application/octet-stream", b"\x00"),
    ],
)
async def test_a_status_can_have_any_body(
    fal: Any, body: Any, content_type: str, sent: bytes
) -> None:
    fal.simulator.fail("fal", "submit", Fault.status(502, body, headers={"X-Extra": "1"}))
    async with fal.client.post(fal.url + SUBMIT, json={}) as response:
        assert response.status == 502
        assert response.content_type == content_type
        assert response.headers["X-Extra"] == "1"
        assert await response.read() == sent


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [(2, "2"), (0.5, "0.5"), ("Sat, 21 Nov 2026 00:00:00 GMT",) * 2],
)
async def test_a_status_can_ask_to_wait(fal: Any, retry_after: float | str, header: str) -> None:
    fal.simulator.fail("fal", "poll", Fault.status(429, retry_after=retry_after))
    submitted = await fal.submit()
    status, body, headers = await fal.exchange("GET", submitted["status_url"])

    assert status == 429
    assert headers["retry-after"] == header
    assert body["error_type"] == "concurrent_requests_limit"
    assert (await fal.finished(submitted))["status"] == "COMPLETED"


async def test_reset_before_accepts_nothing(fal: Any) -> None:
    fal.simulator.fail("fal", "submit", Fault.reset_before())
    with pytest.raises(aiohttp.ClientConnectionError):
        await fal.exchange("POST", SUBMIT, json={"prompt": "a kite"})

    assert accepted(fal.simulator) == 0
    assert fal.simulator.requests("fal")[0].json() == {"prompt": "a kite"}


async def test_reset_after_accepts_the_job(fal: Any) -> None:
    fal.simulator.fail("fal", "submit", Fault.reset_after())
    with pytest.raises(aiohttp.ClientConnectionError):
        await fal.exchange("POST", SUBMIT, json={"prompt": "a kite"})

    assert [job.payload for job in fal.simulator.jobs("fal")] == [{"prompt": "a kite"}]


async def test_a_reset_is_a_reset_and_not_a_close(fal: Any) -> None:
    fal.simulator.fail("fal", "submit", Fault.reset_after())
    host, port = fal.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {SUBMIT} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    with pytest.raises(ConnectionResetError):
        await reader.read()

    writer.close()


@pytest.mark.parametrize("was_accepted", [True, False])
async def test_a_hang_ends_when_the_client_leaves(
    fal: Any, eventually: Callable[..., Any], *, was_accepted: bool
) -> None:
    fal.simulator.fail("fal", "submit", Fault.hang(accepted=was_accepted))
    hanging = asyncio.create_task(fal.exchange("POST", SUBMIT, json={}))
    await eventually(lambda: len(fal.simulator.requests("fal")) == 1)
    await asyncio.sleep(0.05)
    assert not hanging.done()
    assert fal.simulator.counters("fal").open_connections == 1

    hanging.cancel()
    await eventually(lambda: fal.simulator.counters("fal").open_connections == 0)
    assert accepted(fal.simulator) == int(was_accepted)


async def test_truncate_promises_more_than_it_sends(fal: Any) -> None:
    fal.simulator.fail("fal", "submit", Fault.truncate())
    async with fal.client.post(fal.url + SUBMIT, json={}) as response:
        assert response.status == 200
        announced = int(response.headers["Content-Length"])
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()

    assert announced > 100
    assert accepted(fal.simulator) == 1


async def test_a_foreign_body_hides_what_was_done(fal: Any) -> None:
    fal.simulator.fail("fal", "submit", Fault.foreign_body())
    fal.simulator.fail(
        "fal", "submit", Fault.foreign_body("[]", content_type="application/json", status=201)
    )
    async with fal.client.post(fal.url + SUBMIT, json={}) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "nginx" in await response.text()

    assert (await fal.exchange("POST", SUBMIT, json={}))[:2] == (201, [])
    assert accepted(fal.simulator) == 2


@pytest.mark.parametrize("code", [401, 500])
async def test_echo_key_repeats_the_credential(fal: Any, code: int) -> None:
    fal.simulator.fail("fal", "submit", Fault.echo_key(status=code))
    status, body, _ = await fal.exchange("POST", SUBMIT, json={})

    assert status == code
    assert "Key canary" in body["detail"]
    assert accepted(fal.simulator) == 0


async def test_a_delay_changes_nothing_else(fal: Any) -> None:
    fal.simulator.fail("fal", "submit", Fault.delay(0.05))
    started = asyncio.get_running_loop().time()
    await fal.submit()
    assert asyncio.get_running_loop().time() - started >= 0.05


async def test_faults_queue_up_and_skip(fal: Any) -> None:
    fal.simulator.fail("fal", "poll", Fault.status(500), times=2, skip=1)
    fal.simulator.fail("fal", "poll", Fault.status(503))
    submitted = await fal.submit()
    seen = [(await fal.exchange("GET", submitted["status_url"]))[0] for _ in range(5)]
    assert seen[1:4] == [500, 500, 503]
    assert {seen[0], seen[4]} <= {200, 202}


async def test_a_fault_without_times_stays(fal: Any) -> None:
    fal.simulator.fail("fal", "submit", Fault.status(500), times=None)
    for _ in range(3):
        assert (await fal.exchange("POST", SUBMIT, json={}))[0] == 500


@pytest.mark.parametrize("step", ["poll", "stream", "result", "cancel"])
async def test_each_step_has_its_own_faults(fal: Any, step: Any) -> None:
    fal.simulator.fail("fal", step, Fault.status(418))
    submitted = await fal.submit()
    calls = {
        "poll": ("GET", submitted["status_url"]),
        "stream": ("GET", submitted["status_url"] + "/stream"),
        "result": ("GET", submitted["response_url"]),
        "cancel": ("PUT", submitted["cancel_url"]),
    }
    for name, (method, url) in calls.items():
        async with fal.client.request(method, url) as response:
            assert (response.status == 418) == (name == step)


@pytest.mark.parametrize("fault", [Fault.reset_after(), Fault.truncate()])
async def test_a_stream_breaks_after_its_first_event(fal: Any, fault: Fault) -> None:
    fal.simulator.script("fal", Script(outcome="never"))
    fal.simulator.script("fal", Script(run_polls=9))
    fal.simulator.fail("fal", "stream", fault)
    submitted = await fal.submit()
    received = bytearray()

    async def read_all() -> None:
        async with await fal.events(submitted) as response:
            async for chunk in response.content.iter_any():
                received.extend(chunk)

    with pytest.raises(aiohttp.ClientError):
        await read_all()

    # A reset may overtake the event, as it may in the wild.
    if received:
        assert json.loads(received.removeprefix(b"data: "))["status"] == "IN_PROGRESS"


@pytest.mark.parametrize(
    "fault", [Fault.status(404), Fault.reset_before(), Fault.truncate(), Fault.foreign_body()]
)
async def test_a_download_fails_by_its_providers_faults(fal: Any, fault: Fault) -> None:
    # aiohttp sends a GET once more by itself when the connection breaks before the answer.
    times = 2 if fault.kind == "reset_before" else 1
    fal.simulator.fail("fal", "download", fault, times=times)
    submitted = await fal.submit()
    await fal.finished(submitted)
    _, result, _ = await fal.exchange("GET", submitted["response_url"])
    video = result["video"]
    async with aiohttp.ClientSession() as stranger:
        try:
            async with stranger.get(video["url"]) as response:
                content = await response.read()
                assert response.status == 404 or content.startswith(b"<html>")
        except aiohttp.ClientError:
            assert fault.kind in ("reset_before", "truncate")

        async with stranger.get(video["url"]) as response:
            assert len(await response.read()) == video["file_size"]

    assert fal.simulator.counters("fal").downloads == times + 1
    assert fal.simulator.leaks == []


async def test_a_new_job_is_not_found_for_a_while(fal: Any) -> None:
    fal.simulator.fail("fal", "poll", Fault.not_found_for(0.2), times=None)
    submitted = await fal.submit()
    begun = asyncio.get_running_loop().time()
    statuses = []
    while 200 not in statuses:
        statuses.append((await fal.exchange("GET", submitted["status_url"]))[0])

    assert set(statuses) == {404, 200}
    assert asyncio.get_running_loop().time() - begun >= 0.2


async def test_a_redirect_leads_where_it_says_until_the_server_recovers(fal: Any) -> None:
    fal.simulator.script("fal", Script(run_polls=0))
    fal.simulator.fail("fal", "poll", Fault.redirect("?", 307), times=None)
    fal.simulator.fail("fal", "result", Fault.redirect(""))
    submitted = await fal.submit()

    async def asked(url: str) -> tuple[int, str | None]:
        async with fal.client.get(url, allow_redirects=False) as response:
            return response.status, response.headers.get("Location")

    assert await asked(submitted["status_url"]) == (307, "?")
    fal.simulator.recover("fal", "poll")
    assert (await asked(submitted["status_url"]))[0] == 200
    assert await asked(submitted["response_url"]) == (302, None)
    fal.simulator.fail("fal", "poll", Fault.status(503), times=None)
    fal.simulator.recover("fal")
    assert (await asked(submitted["status_url"]))[0] == 200


@pytest.mark.parametrize(
    ("step", "options", "message"),
    [
        ("sumbit", {}, "step must be one of submit"),
        ("submit", {"times": 0}, "times must be None or at least 1"),
        ("submit", {"skip": -1}, "skip at least 0"),
    ],
)
def test_a_fault_that_cannot_be_planned_is_refused(
    simulator: Simulator, step: Any, options: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        simulator.fail("fal", step, Fault.reset_before(), **options)


def test_a_fault_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="between 100 and 599"):
        Fault.status(42)

    with pytest.raises(ValueError, match="between 100 and 599"):
        Fault.foreign_body(status=1000)

    with pytest.raises(ValueError, match="0 or more"):
        Fault.delay(-1)

    with pytest.raises(ValueError, match="0 or more"):
        Fault.not_found_for(-1)

    with pytest.raises(ValueError, match="between 300 and 399"):
        Fault.redirect("/elsewhere", 200)
