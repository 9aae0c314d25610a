"""A signed URL is data: it goes out byte for byte, wherever it is fetched from and for whatever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway import ImageGenerationResponse, probe_async
from tarash.tarash_gateway._http._client import HttpClient, Transport, is_trusted
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._http._fetch_input import fetch
from tarash.tarash_gateway._http._sdk import http_client
from tarash.tarash_gateway._http._urls import address, redirected
from tarash.tarash_gateway._support._secrets import AuthHeaders, Key
from tarash.tarash_gateway.media import samples
from tests.media.raw import Asked, answer, serving

PNG = samples.make_png(16, 16, seed=1)
# As they are signed by the CDNs of ByteDance, Amazon, Google, Azure and Alibaba.
SIGNED = [
    "/v1/tos%2Fcat%28final%29.png?X-Date=20261128T1Z&x-signature=rX7%2FXCC2w%3D",
    "/a%20b+c/cat.png?X-Amz-Credential=AK%2F20261128%2Fs3&X-Amz-Signature=0a%3d",
    "/b/cat.png?GoogleAccessId=me@x.example&Expires=1&Signature=a+b/c%2B=",
    "/c/cat.png?sig=%2fLower%2fcase%3D&se=2026-11-28T10%3A00%3A00Z&sp=r",
    "/d/it's,(a)!*$;cat.png?a=1&&b=&=c&d;e=~'()*",
    "/e//two/../dots/./cat.png?q=%25%7E%41|{}^`",
    "/%zz%/%E4%F6.png?broken=%",
]


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.aclose()


def client(transport: Transport, base_url: str) -> HttpClient:
    account = Credentials(
        provider="x", key=Key("k" * 12), base_url=base_url, api_version=None, settings={}
    )
    return HttpClient(account, transport, AuthHeaders({}))


async def save(url: str, _transport: Transport, folder: Path) -> Any:
    response = ImageGenerationResponse(
        request_id="r", status="completed", raw_response=None, images=[url]
    )
    return await response.save_async(folder / "a.png")


async def probe(url: str, _transport: Transport, _folder: Path) -> Any:
    return await probe_async(url)


async def give(url: str, transport: Transport, _folder: Path) -> Any:
    return await fetch(transport, url, 10_000)


async def poll(url: str, transport: Transport, _folder: Path) -> Any:
    return await client(transport, url).get(url)


async def by_sdk(url: str, transport: Transport, _folder: Path) -> Any:
    import httpx

    # httpx escapes by itself what it holds for unsafe; what it made is sent as it made it.
    async with http_client(httpx, transport) as made:
        request = made.build_request("GET", url)
        assert (await made.send(request)).status_code == 200


Way = Callable[[str, Transport, Path], Awaitable[Any]]


@pytest.mark.parametrize("target", SIGNED)
@pytest.mark.parametrize("way", [save, probe, give, poll])
async def test_it_goes_out_as_it_was_given(
    way: Way, target: str, transport: Transport, tmp_path: Path
) -> None:
    with serving(lambda _asked, _number: [answer(PNG, Content_Type="image/png")]) as server:
        await way(f"{server.url}{target}#part", transport, tmp_path)

    assert server.targets[0] == target


@pytest.mark.parametrize(
    ("whole", "target"),
    [
        *((True, target) for target in SIGNED),
        # Dots in a relative address are resolved, as the standard asks.
        *((False, target) for target in SIGNED if ".." not in target),
    ],
)
@pytest.mark.parametrize("way", [save, probe, give])
async def test_it_goes_out_as_a_redirect_says(
    way: Way, target: str, whole: bool, transport: Transport, tmp_path: Path
) -> None:
    place: list[str] = []

    def answers(_asked: Asked, number: int) -> Iterable[bytes]:
        yield answer(status="302 Found", Location=place[0]) if number == 0 else answer(PNG)

    with serving(answers) as server:
        place.append(f"{server.url}{target}" if whole else target)
        await way(f"{server.url}/short", transport, tmp_path)

    assert server.targets[1] == target


async def test_what_an_sdk_asks_for_is_not_escaped_again(
    transport: Transport, tmp_path: Path
) -> None:
    target = SIGNED[0]
    with serving(lambda _asked, _number: [answer(PNG)]) as server:
        await by_sdk(f"{server.url}{target}", transport, tmp_path)

    assert server.targets == [target]


async def test_only_what_no_request_line_carries_is_escaped(transport: Transport) -> None:
    def answers(_asked: Asked, number: int) -> Iterable[bytes]:
        location = "/räum.png".encode().decode("latin-1")
        yield answer(status="301 Moved", Location=location) if number == 0 else answer(PNG)

    with serving(answers) as server:
        await fetch(transport, f"{server.url}/a b/ü.png?q=é\r\nX: y", 10_000)

    assert server.targets == ["/a%20b/%C3%BC.png?q=%C3%A9%0D%0AX:%20y", "/r%C3%A4um.png"]


def test_a_host_outside_of_ascii_is_found() -> None:
    assert address("https://b\u00fccher.example:8443/%2F").raw_host == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "url",
    [
        "http://trusted.example\\@other.example/x",
        "http://host:99999/x",
        "http:///x",
        "http://ho st/x",
        "ftp://host/x",
        "//host/x",
        "http://host\t.example/x",
    ],
)
def test_an_address_that_two_readers_would_read_differently_is_none(url: str) -> None:
    with pytest.raises(aiohttp.InvalidURL):
        address(url)


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("https://o.example/%2f?a=%2B&b", "https://o.example/%2f?a=%2B&b"),
        ("//o.example/x%20?y", "http://o.example/x%20?y"),
        ("/x;y?z=%3D", "http://h.example:81/x;y?z=%3D"),
        ("/a/../b", "http://h.example:81/b"),
        ("?q=1", "http://h.example:81/p/r?q=1"),
        ("s.png", "http://h.example:81/p/s.png"),
    ],
)
def test_where_a_redirect_leads(target: str, leads_to: str) -> None:
    assert redirected("http://h.example:81/p/r?t=1", target) == leads_to


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://api.example/v1/x", True),
        ("https://api.example:443/v1/x", True),
        ("https://eu.api.example/v1/x", True),
        ("http://own.example:8080/x", True),
        ("https://api.example:8443/x", False),
        ("http://api.example/x", False),
        ("http://api.example:443/x", False),
        ("http://own.example/x", False),
        ("https://own.example:8080/x", False),
        ("https://notapi.example/x", False),
        ("https://api.example.evil.example/x", False),
        ("https://api.example\\@evil.example/x", False),
        ("https://api.example:99999/x", False),
    ],
)
def test_credentials_are_bound_to_an_origin(url: str, trusted: bool) -> None:
    account: Any = SimpleNamespace(
        base_url="http://own.example:8080/v1", trusted_hosts=("api.example",)
    )
    assert is_trusted(url, account) is trusted
