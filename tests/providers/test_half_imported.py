"""What an SDK examines may be half imported by another thread: no answer and no fact is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import openai
import pytest
from aiohttp import web

from tarash.tarash_gateway import HTTPConnectionError
from tarash.tarash_gateway._http._client import Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._http._sdk import http_client, load, round_trip
from tarash.tarash_gateway._http._send_state import SendState, current_wire
from tarash.tarash_gateway._support._secrets import Key
from tests.conftest import until

KEY = "sk-of-a-test"
NOBODY = "http://127.0.0.1:9"
SLOW = """
import os, time
while not os.path.exists({!r}):
    time.sleep(0.01)
from httpx2 import *
"""


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    """Give a job, or break off."""
    await request.read()
    if request.path.startswith("/broken"):
        assert request.transport is not None
        request.transport.abort()

    return web.json_response({"id": "video_1", "status": "queued"})


@pytest.fixture
async def address() -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.aclose()


def half_imported() -> ModuleType:
    """Return the library as it is before its errors are there."""
    module = ModuleType("httpx")
    for name in ("Auth", "AsyncClient", "Client", "Limits", "Response", "Timeout", "URL"):
        setattr(module, name, getattr(httpx2, name))

    module.__spec__ = ModuleSpec("httpx", None)
    return module


def made(transport: Transport, url: str) -> openai.AsyncOpenAI:
    client = http_client(httpx2, transport)
    return openai.AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0, http_client=client)


async def post(sdk: openai.AsyncOpenAI) -> Any:
    """Send by the SDK; return the answer."""
    account = Credentials("openai", str(sdk.base_url), Key(KEY))
    token = current_wire.set(SendState())
    try:
        return await round_trip(
            lambda: sdk.post("/videos", cast_to=httpx2.Response, body={"prompt": "A cat"}),
            account,
            openai.APIConnectionError,
        )
    finally:
        current_wire.reset(token)


@pytest.mark.parametrize("submission", ["not_sent", "unknown"])
async def test_a_broken_connection_reads_as_ever(
    submission: str, address: str, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = made(transport, f"{address}/broken" if submission == "unknown" else NOBODY)
    monkeypatch.setitem(sys.modules, "httpx", half_imported())
    with pytest.raises(HTTPConnectionError) as caught:
        await post(sdk)

    assert caught.value.submission == submission
    assert "httpx" not in str(caught.value)


async def test_an_answer_that_came_is_had(
    address: str, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = made(transport, address)
    monkeypatch.setitem(sys.modules, "httpx", half_imported())
    assert (await post(sdk)).body["id"] == "video_1"


async def test_nothing_that_left_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    half = half_imported()
    monkeypatch.setitem(sys.modules, "httpx", half)
    wire, calls = SendState(), 0

    async def send() -> Any:
        nonlocal calls
        calls += 1
        wire.sent = True
        raise AttributeError(name="Response", obj=half)

    account = Credentials("openai", NOBODY, Key(KEY))
    token = current_wire.set(wire)
    try:
        with pytest.raises(AttributeError):
            await round_trip(send, account, openai.APIConnectionError)
    finally:
        current_wire.reset(token)

    assert calls == 1


async def test_a_request_waits_for_an_import_of_the_applications(
    address: str, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = tmp_path / "go on"
    (tmp_path / "httpx.py").write_text(SLOW.format(str(go_on)), encoding="utf-8")
    monkeypatch.setitem(sys.modules, "httpx", half_imported())  # to be put back as it was
    monkeypatch.delitem(sys.modules, "httpx")
    monkeypatch.syspath_prepend(str(tmp_path))
    sdk = made(transport, address)
    importing = asyncio.create_task(asyncio.to_thread(import_module, "httpx"))
    try:
        await until(lambda: "httpx" in sys.modules)
        sending = asyncio.create_task(post(sdk))
        await asyncio.sleep(0.05)
        assert not sending.done()
    finally:
        go_on.touch()

    assert (await sending).body["id"] == "video_1"
    await importing


async def test_nothing_is_sent_while_we_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = tmp_path / "go on"
    (tmp_path / "a_long_sdk.py").write_text(SLOW.format(str(go_on)), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    order = []

    async def send() -> httpx2.Response:
        order.append("sent")
        return httpx2.Response(200, json={})

    async def import_it() -> None:
        await load("a_long_sdk")
        order.append("imported")

    account = Credentials("openai", NOBODY, Key(KEY))
    importing = asyncio.create_task(import_it())
    try:
        await until(lambda: "a_long_sdk" in sys.modules)
        sending = asyncio.create_task(round_trip(send, account, openai.APIConnectionError))
        await asyncio.sleep(0.05)
    finally:
        go_on.touch()

    await asyncio.gather(importing, sending)
    assert order == ["imported", "sent"]


PROGRAM = """
import sys
import tarash.tarash_gateway as gateway

config = gateway.VideoGenerationConfig(
    provider={provider!r}, model="sora-2", api_key="k", base_url="http://127.0.0.1:9",
    max_retries=0,
)
try:
    gateway.submit_video(config, gateway.VideoGenerationRequest(prompt="A cat"))
except gateway.HTTPConnectionError:
    print(sorted({{"httpx", "httpx2", "click", "rich"}} & set(sys.modules)))
"""


@pytest.mark.parametrize("provider", ["openai", "azure-openai"])
def test_an_sdk_that_is_not_built_on_it_does_not_load_it(provider: str) -> None:
    code = PROGRAM.format(provider=provider)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "['httpx2']\n", ran.stderr
