"""Whatever id a provider has accepted a job under, the job can be asked after by it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest

from tarash.tarash_gateway import TarashException
from tarash.tarash_gateway._data._exchange import Call, Operation, Payload
from tarash.tarash_gateway._engine._trust import is_id
from tarash.tarash_gateway._http._client import Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._support._secrets import Key
from tarash.tarash_gateway.models import VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.providers._shipped import FOLDERS

PLACES = {
    "luma": "/generations/",
    "openai": "/videos/",
    "replicate": "/predictions/",
    "runway": "/tasks/",
    "stability": "/results/",
    "xai": "/videos/",
}
ODD = (
    *(
        "plain-1",
        "a b",
        "a+b",
        "a%2Fb",
        "a#b",
        "a?b=c",
        "a;b,c",
        "[a]",
        "{a}",
        "(a)!",
        "a|b",
        "a*b",
    ),
    *("$a&b", "ä", "日本", "a\\b", "a'b", 'a"b', "<a>", "a/b", "a:b@c", "x" * 512),
)
REFUSED = (
    *("", ".", "..", "../account", "a/../b", "%2e%2e/x", "..%2fx", "a\\..\\b", "a\nb", "a\x00b"),
    *("\ud800", "job\ufffd", "x" * 513),
)


class Heard:
    """A server that keeps the targets that were asked for."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.targets.append(head.split()[1].decode())
            writer.write(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            )
        finally:
            writer.close()  # which sends what is written first


@pytest.mark.parametrize("provider", PLACES)
async def test_every_accepted_id_is_quoted_into_one_name(provider: str) -> None:
    heard = Heard()
    server = await asyncio.start_server(heard.answer, "127.0.0.1")
    adapter: Any = default_registry.adapter(provider)
    transport = Transport()
    async with server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        client = adapter.connect(Credentials(provider, base, Key("a-key-of-ours")), transport)
        for odd in ODD:
            assert is_id(odd), odd
            operation = Operation(provider, "m", "video", odd, "2026-01-01T00:00:00+00:00")
            with suppress(TarashException):
                await adapter.poll(client, operation)

        await client.aclose()
        await transport.aclose()

    names = [one.partition(PLACES[provider])[2] for one in heard.targets]
    assert [unquote(one) for one in names] == list(ODD)
    assert [one for one in names if "/" in one or "?" in one or "#" in one] == []


@pytest.mark.parametrize("provider", [name.replace("_", "-") for name in FOLDERS])
def test_an_odd_id_never_makes_a_purchase_one_that_was_not_sent(provider: str) -> None:
    adapter: Any = default_registry.adapter(provider)
    if not hasattr(adapter, "job_named"):
        return

    config = VideoGenerationConfig(provider=provider, model="fal-ai/m", api_key="key")
    call = Call("video", config, VideoGenerationRequest(prompt="a toy"), "r1")
    client = SimpleNamespace(account=Credentials(provider, "https://example.com/v1", Key("key")))
    for odd in REFUSED:
        job = adapter.job_named(client, Payload("fal-ai/m", {}), call, odd)
        assert job.id == odd  # which the engine judges, knowing that something was bought


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_what_would_name_something_else_is_no_id(name: str) -> None:
    assert not is_id(name)
