"""The loop's connections in the place of an SDK's own: what goes out, comes back and breaks."""

from __future__ import annotations

import asyncio
import errno
import gzip
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
from aiohttp import web
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tarash.tarash_gateway import HTTPConnectionError
from tarash.tarash_gateway._http._client import HttpClient, Transport, origin
from tarash.tarash_gateway._http._connection_limit import POOL_SIZE, connection_slot
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._http._pools import ClientCache
from tarash.tarash_gateway._http._reasons import reason_of
from tarash.tarash_gateway._http._sdk import http_client, round_trip
from tarash.tarash_gateway._http._send_state import SendState, current_wire
from tarash.tarash_gateway._support._secrets import AuthHeaders, Key

Address = str
TEXT = "ä" * 1000


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    """Say what arrived, or misbehave as the path wants it."""
    if request.path == "/zipped":
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"}
        return web.Response(body=gzip.compress(TEXT.encode()), headers=headers)

    if request.path == "/moved":
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    if request.path == "/broken":
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.close()
        return response

    body = await request.content.read()
    told = {
        "method": request.method,
        "path": request.raw_path,
        "type": request.content_type,
        "length": request.headers.get("Content-Length"),
        "bytes": len(body),
        "has": "the file" in body.decode("utf-8", "replace"),
        "twice": request.headers.getall("X-Twice", []),
    }
    return web.json_response(told, headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.aclose()


@pytest.fixture(params=[httpx, httpx2], ids=lambda library: library.__name__)
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_a_request_arrives_as_the_library_made_it(
    library: Any, transport: Transport, address: Address
) -> None:
    client = http_client(library, transport)
    headers = [("X-Twice", "1"), ("X-Twice", "2")]
    response = await client.post(f"{address}/a%2Fb?c=%20d", json={"big": TEXT}, headers=headers)

    told = response.json()
    assert (told["method"], told["path"]) == ("POST", "/a%2Fb?c=%20d")
    assert told["type"] == "application/json"
    assert told["bytes"] == int(told["length"]) > len(TEXT)
    assert told["twice"] == ["1", "2"]
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_a_form_with_files_goes_out_in_one_piece(
    library: Any, transport: Transport, address: Address
) -> None:
    client = http_client(library, transport)
    content = b"the file" + bytes(2 * 1024 * 1024)
    response = await client.post(address, data={"name": "a"}, files={"file": ("f", content)})

    told = response.json()
    assert told["type"] == "multipart/form-data"
    assert told["has"]
    assert int(told["length"]) == told["bytes"] > len(content)


async def test_a_packed_answer_is_unpacked_once_and_a_redirect_not_followed(
    library: Any, transport: Transport, address: Address
) -> None:
    client = http_client(library, transport)
    assert (await client.get(f"{address}/zipped")).text == TEXT
    assert (await client.get(f"{address}/moved")).status_code == 302


async def test_what_breaks_is_the_librarys_own_error(
    library: Any, transport: Transport, address: Address, closed: Address
) -> None:
    client = http_client(library, transport)
    wire = SendState()
    current_wire.set(wire)
    with pytest.raises(library.ConnectError):
        await client.post(closed, json={})

    assert not wire.sent
    with pytest.raises(library.ReadError):
        await client.post(f"{address}/broken", json={})

    assert wire.sent
    with pytest.raises(library.UnsupportedProtocol):
        await client.get("nothing://at-all/")


@pytest.fixture
def closed() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_no_connection_is_told_once_and_alike_by_us_and_through_an_sdk(
    library: Any, transport: Transport, closed: Address
) -> None:
    account = Credentials("fal", closed, Key("key-of-a-test"))
    client = http_client(library, transport)
    told = f"No connection to {closed[7:]}: connection refused; check the network and base_url"
    for call in (
        HttpClient(account, transport, AuthHeaders({})).submit("/", json={}),
        round_trip(lambda: client.post(closed, json={}), account, library.ConnectError),
    ):
        with pytest.raises(HTTPConnectionError) as caught:
            await call

        assert str(caught.value) == told
        cause = caught.value.__cause__
        assert isinstance(cause, ConnectionRefusedError), "and no way through an HTTP client"
        assert cause.__traceback__ is None
        assert cause.__cause__ is cause.__context__ is None
        assert caught.value.submission == "not_sent"


HOST = ConnectionKey("api.example", 443, True, True, None, None, None)  # noqa: FBT003
BAD = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] …")
BAD.verify_message = "certificate has expired"


def of_proxy(status: int) -> Exception:
    url = URL("http://user:pass@proxy.example")
    request = aiohttp.RequestInfo(url, "CONNECT", CIMultiDictProxy(CIMultiDict()), url)
    return aiohttp.ClientHttpProxyError(request, (), status=status, message="No")


def as_an_sdk_raises(error: Exception) -> Exception:
    """Return an error whose cause is another one than what it was raised in."""
    raised = OSError("…")
    raised.__context__, raised.__cause__ = error, RuntimeError("told anew")
    return raised


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            aiohttp.ClientConnectorDNSError(HOST, socket.gaierror(socket.EAI_NONAME, "…")),
            "its name is not known",
        ),
        (
            aiohttp.ClientConnectorDNSError(HOST, socket.gaierror(socket.EAI_AGAIN, "…")),
            "its name can't be looked up",
        ),
        (
            aiohttp.ClientConnectorError(HOST, OSError(errno.ENETUNREACH, "Connect call failed …")),
            "network is unreachable",
        ),
        (
            aiohttp.ClientProxyConnectionError(HOST, ConnectionRefusedError(111, "")),
            "the proxy can't be reached (connection refused)",
        ),
        (
            aiohttp.ClientConnectorCertificateError(HOST, BAD),
            "its certificate is not accepted (certificate has expired)",
        ),
        (
            aiohttp.ClientConnectorSSLError(HOST, ssl.SSLError(1, "wrong version number")),
            "no TLS connection (wrong version number)",
        ),
        (aiohttp.ConnectionTimeoutError("Connection timeout to host …"), "timed out"),
        (aiohttp.ClientOSError(errno.ECONNRESET, "…"), "connection reset by peer"),
        (aiohttp.ServerDisconnectedError(), "Server disconnected"),
        (of_proxy(407), "the proxy answered HTTP 407, it asks for a user and password"),
        (of_proxy(502), "the proxy answered HTTP 502"),
        (as_an_sdk_raises(of_proxy(403)), "the proxy answered HTTP 403"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_reason_is_a_few_words_without_the_host(error: Exception, said: str) -> None:
    assert reason_of(error) == said


async def test_exchanges_of_one_host_wait_for_each_other_and_for_nobody_else(
    transport: Transport, address: Address
) -> None:
    client = HttpClient(
        Credentials("fal", address, Key("key-of-a-test")), transport, AuthHeaders({})
    )
    here = connection_slot("poll", address)
    for _ in range(POOL_SIZE):
        await here.acquire()

    waiting = asyncio.create_task(client.get(address))
    await client.submit("/", json={})  # submits have places of their own
    other = address.replace("127.0.0.1", "localhost")
    async with connection_slot("poll", other):
        assert not waiting.done()

    here.release()
    assert (await waiting).status == 200


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Api.Example/v1?x=//evil.example", ("https", "api.example", 443)),
        ("https://user@api.example:8443/", ("https", "api.example", 8443)),
        ("https://api.example#@evil.example/", ("https", "api.example", 443)),
        ("HTTPS://API.EXAMPLE", ("https", "api.example", 443)),
        ("http://[::1]:80/x", ("http", "::1", 80)),
        ("https://api.exa\tmple/", ("https", "api.example", 443)),
        ("nonsense", ("", "", None)),
    ],
)
def test_an_origin_is_read_the_same_way_however_the_url_goes_on(
    url: str, expected: tuple[str, str, int | None]
) -> None:
    assert origin(url) == expected
    assert origin(url) == expected


async def test_an_sdk_is_imported_in_a_thread_and_its_client_made_on_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import threading\nWHERE = threading.current_thread()\n"
    (tmp_path / "a_slow_sdk.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    class Adapter:
        modules = ("a_slow_sdk",)
        made: list[Any] = []  # noqa: RUF012  (one list, for the one adapter)

        def connect(self, account: Credentials, transport: Transport) -> HttpClient:
            imported = sys.modules["a_slow_sdk"].WHERE
            self.made.append((imported, threading.current_thread()))
            return HttpClient(account, transport, AuthHeaders({}))

    adapter, clients = Adapter(), ClientCache()
    account = Credentials("fal", "http://127.0.0.1:9", Key("key-of-a-test"))

    async def lease() -> Any:
        async with clients.lease(adapter, account) as client:
            return client

    first, second = await asyncio.gather(lease(), lease())
    assert first is second
    ((imported, made),) = adapter.made
    assert made is threading.current_thread()
    assert imported is not made
    await clients.aclose()
