"""One road through proxies for everybody, whatever the environment calls it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from tarash.tarash_gateway import Gateway, HTTPConnectionError
from tarash.tarash_gateway._http._proxies import SYSTEM, proxy_of
from tarash.tarash_gateway.testing import Simulator
from tests.contract.cases import CASES, Case, wire_of

URL = "https://api.example:8443/v1"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://p:1"}, "http://p:1 (from HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "p:1"}, "http://p:1 (from HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "HTTP://me:secret@p:1"}, "http://p:1 (from HTTPS_PROXY)"),
        (
            {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"},
            "http://a:1 (from https_proxy)",
        ),
        ({"https_proxy": "", "HTTPS_PROXY": "http://b:1"}, None),
        ({"HTTP_PROXY": "http://p:1"}, None),
        ({"ALL_PROXY": "http://p:1"}, "http://p:1 (from ALL_PROXY)"),
        ({"all_proxy": "p:1", "HTTPS_PROXY": "q:1"}, "http://q:1 (from HTTPS_PROXY)"),
        ({"ALL_PROXY": "http://me@p:9/x?y#@z"}, "http://p:9 (from ALL_PROXY)"),
        ({"ALL_PROXY": "socks5://p"}, "socks5://p:1080 (from ALL_PROXY)"),
        ({"ALL_PROXY": "socks5h://me:secret@p:9"}, "socks5h://p:9 (from ALL_PROXY)"),
    ],
)
def test_the_environment_names_a_proxy(
    environment: dict[str, str], shown: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if any("socks" in value for value in environment.values()):
        pytest.importorskip("aiohttp_socks")

    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    found = proxy_of(URL)
    assert (found and found.shown) == shown
    assert found is None or found.named_by != SYSTEM
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("entry", "url", "direct"),
    [
        ("*", URL, True),
        ("api.example", URL, True),
        ("API.Example", URL, True),
        ("example", URL, True),
        (".example", URL, True),
        ("*.example", URL, True),
        ("https://api.example", URL, True),
        ("api.example:8443", URL, True),
        ("api.example:443", URL, False),
        ("api.example:443", "https://api.example/", True),
        ("pi.example", URL, False),
        ("localhost, other  api.example", URL, True),
        ("10.0.0.0/8", "http://10.2.3.4/", True),
        ("10.0.0.0/8", "http://11.2.3.4/", False),
        ("10.2.3.4", "http://10.2.3.4:80/", True),
        ("10.0.0.0/8", URL, False),
        ("::1", "http://[::1]:5/", True),
        ("[::1]:5", "http://[::1]:5/", True),
        ("[::1]:6", "http://[::1]:5/", False),
        ("fd00::/8", "http://[fd00::7]/", True),
        ("", URL, False),
        ("127.0.0.1,", URL, False),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_goes_directly(
    name: str, entry: str, url: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://p:1")
    monkeypatch.setenv(name, entry)
    assert (proxy_of(url) is None) is direct


def test_a_clients_header_is_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://p:1")
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert proxy_of("http://api.example/") is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("ftp://me:secret@p:1", "ftp://p:1 (from ALL_PROXY) is no proxy's address"),
        ("http://", "is no proxy's address"),
        ("http://me:secret@p:port", "is no proxy's address"),
        ("http://[::1", "is no proxy's address"),
    ],
)
def test_a_proxy_that_can_not_be_is_refused_by_name_without_its_password(
    value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(HTTPConnectionError) as caught:
        proxy_of(URL)

    assert said in str(caught.value)
    assert "ALL_PROXY" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.submission == "not_sent"
    assert not caught.value.retryable


# ------------------------------------------------------------------------------ through each SDK
class Socks:
    """The smallest SOCKS5 server; counts who came through."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.users: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            _, count = await reader.readexactly(2)
            methods = await reader.readexactly(count)
            writer.write(b"\x05\x02" if 2 in methods else b"\x05\x00")
            if 2 in methods:
                _, length = await reader.readexactly(2)
                self.users.append((await reader.readexactly(length)).decode())
                await reader.readexactly((await reader.readexactly(1))[0])
                writer.write(b"\x01\x00")

            kind = (await reader.readexactly(4))[3]
            length = 4 if kind == 1 else (await reader.readexactly(1))[0]
            place = await reader.readexactly(length)
            host = ".".join(map(str, place)) if kind == 1 else place.decode()
            self.hosts.append(host)
            port = int.from_bytes(await reader.readexactly(2), "big")
            there, back = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
            await asyncio.gather(self.pass_on(reader, back), self.pass_on(there, writer))

        writer.close()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(65536):
            writer.write(block)

        writer.close()


@pytest.fixture
async def socks() -> AsyncIterator[tuple[Socks, int]]:
    made = Socks()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def simulator(case: Case) -> Iterator[Simulator]:
    with Simulator([wire_of(case.provider)]) as running:
        yield running


ONE_OF_EACH = list({case.provider: case for case in CASES}.values())


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_every_provider_is_reached_through_socks(
    case: Case,
    scheme: str,
    simulator: Simulator,
    socks: tuple[Socks, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("aiohttp_socks")
    server, port = socks
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:secret@127.0.0.1:{port}")
    config = case.config("a-key-of-a-test", simulator.base_url(case.provider))
    async with Gateway() as gateway:
        make = getattr(gateway, f"generate_{case.kind}_async")
        response = await make(config, case.request())

    assert response.status == "completed"
    assert set(server.hosts) == {"127.0.0.1"}
    assert set(server.users) == {"me"}


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_is_not_there_is_named_without_its_password(
    case: Case,
    scheme: str,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if scheme == "socks5":
        pytest.importorskip("aiohttp_socks")

    monkeypatch.setenv("all_proxy", f"{scheme}://me:secret-word@127.0.0.1:9")
    config = case.config("a-key-of-a-test", simulator.base_url(case.provider), max_retries=0)
    async with Gateway() as gateway:
        make = getattr(gateway, f"generate_{case.kind}_async")
        with pytest.raises(HTTPConnectionError) as caught:
            await make(config, case.request())

    assert f"through the proxy {scheme}://127.0.0.1:9 (from all_proxy)" in str(caught.value)
    assert "secret-word" not in str(caught.value)
    assert caught.value.submission == "not_sent"


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
async def test_a_proxy_that_can_not_be_is_said_as_it_is_through_each_sdk(
    case: Case, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "quic://127.0.0.1:9")
    config = case.config("a-key-of-a-test", simulator.base_url(case.provider))
    async with Gateway() as gateway:
        make = getattr(gateway, f"generate_{case.kind}_async")
        with pytest.raises(HTTPConnectionError, match=r"quic://127.0.0.1:9 \(from all_proxy\)"):
            await make(config, case.request())

    assert simulator.requests(case.provider) == []
