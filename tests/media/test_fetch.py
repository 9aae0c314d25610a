"""Input media behind URLs: what is fetched, what is refused, and where no fetch may lead."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tarash.tarash_gateway import ValidationError
from tarash.tarash_gateway._http._client import Transport
from tarash.tarash_gateway._http._fetch_input import fetch
from tarash.tarash_gateway._http._guard import SsrfGuard, is_public
from tarash.tarash_gateway.media import samples

PNG = samples.make_png(16, 16, seed=1)
MOST = 10_000
ROUND = {"back": "/and-forth", "and-forth": "/back"}


class Site:
    """A host that does what hosts do, and remembers what it was asked."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[web.Request] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        path = request.path.strip("/")
        if path == "streamed":
            return await self._stream(request)

        if path == "to":
            return web.Response(status=302, headers={"Location": request.query["place"]})

        if path in ROUND:
            return web.Response(status=301, headers={"Location": ROUND[path]})

        if path.startswith("on/"):
            number = int(path.removeprefix("on/"))
            return web.Response(status=307, headers={"Location": f"/on/{number + 1}"})

        status = 410 if path == "gone" else 200
        more = bytes(MOST) if path == "large" else b""
        return web.Response(status=status, body=PNG + more, content_type="image/png")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Never end, and tell no length."""
        response = web.StreamResponse(headers={"Content-Type": "image/png"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        while True:
            await response.write(bytes(1000))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    made.port = listener.getsockname()[1]
    await web.SockSite(runner, listener).start()
    yield made
    await runner.cleanup()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.aclose()


async def refusal(transport: Transport, url: str, guard: SsrfGuard | None = None) -> str:
    with pytest.raises(ValidationError) as caught:
        await fetch(transport, url, MOST, guard)

    return caught.value.message


async def test_what_a_url_holds_is_fetched_through_redirects(
    site: Site, transport: Transport
) -> None:
    url = site.url(f"to?place=/to%3Fplace={site.url('cat.png')}")
    found = await fetch(transport, url, MOST)
    assert found == {"content": PNG, "content_type": "image/png"}
    assert len(site.seen) == 3


async def test_nothing_that_could_be_a_credential_goes_along(
    site: Site, transport: Transport
) -> None:
    await fetch(transport, site.url(f"to?place={site.url('cat.png', 'localhost')}"), MOST)
    for request in site.seen:
        assert set(request.headers) == {"Host", "Accept", "Accept-Encoding", "User-Agent"}


async def test_a_password_in_the_url_stays_on_its_host(site: Site, transport: Transport) -> None:
    there = site.url(f"to?place={site.url('cat.png', 'localhost')}")
    await fetch(transport, there.replace("//", "//me:secret@", 1), MOST)
    assert ["Authorization" in request.headers for request in site.seen] == [True, False]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("large", f"more than {MOST} bytes"),
        ("streamed", f"more than {MOST} bytes"),
        ("gone", "HTTP 410"),
        ("on/1", "redirected in a circle"),
        ("to?place=ftp://example.com/cat.png", "ftp://example.com/cat.png, which is no http"),
        ("to?place=file:///etc/passwd", "which is no http"),
        ("to?place=http://[", "can't be fetched"),
    ],
)
async def test_what_cannot_be_fetched_says_why_and_what_to_do(
    site: Site, transport: Transport, path: str, said: str
) -> None:
    assert said in await refusal(transport, site.url(path))


async def test_a_circle_ends_at_once(site: Site, transport: Transport) -> None:
    assert "in a circle" in await refusal(transport, site.url("back"))
    assert [request.path for request in site.seen] == ["/back", "/and-forth"]


async def test_a_closed_port_and_a_signed_url(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    said = await refusal(transport, f"http://me:pass@127.0.0.1:{port}/cat.png?signature=canary")
    assert f"http://127.0.0.1:{port}/cat.png can't be fetched" in said
    assert "canary" not in said
    assert "pass" not in said


# ------------------------------------------------------------------------------ private addresses
@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104  (nothing is bound to it)
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0"]
)
async def test_no_spelling_of_this_machine_is_fetched_from(
    site: Site, transport: Transport, host: str
) -> None:
    said = await refusal(transport, site.url("cat.png", host), SsrfGuard())
    # aiohttp refuses some of them by itself.
    assert "an address that is not public" in said or "can't be fetched" in said
    assert site.seen == []


class Names(AbstractResolver):
    """Resolves a name to the next of some addresses each time that it is asked."""

    def __init__(self, *addresses: str) -> None:
        self.left = list(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.left.pop(0)
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": family,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
        ]

    async def close(self) -> None:
        """Nothing to let go of."""


def only_one(address: str) -> bool:
    """Tell of 127.0.0.1 that it is public, so that there is a public host to be redirected by."""
    return is_public(address) or address == "127.0.0.1"


@pytest.mark.parametrize("target", ["127.0.0.2", "[::1]", "169.254.169.254", "private.example"])
async def test_a_redirect_into_a_private_network_is_not_followed(
    site: Site, transport: Transport, target: str
) -> None:
    guard = SsrfGuard(only_one, Names("127.0.0.1", "192.168.0.9"))
    place = site.url("cat.png", target)
    said = await refusal(transport, site.url(f"to?place={place}", "public.example"), guard)
    assert "an address that is not public" in said
    assert [request.path for request in site.seen] == ["/to"]


async def test_a_name_that_is_rebound_leads_nowhere_else(site: Site, transport: Transport) -> None:
    """The address that was looked at is the one that is connected to: it is not asked for twice."""
    names = Names("127.0.0.1", "127.0.0.9")
    url = site.url("cat.png", "rebound.example")
    assert (await fetch(transport, url, MOST, SsrfGuard(only_one, names)))["content"] == PNG
    assert names.left == ["127.0.0.9"]
    assert "not public" in await refusal(transport, url, SsrfGuard(only_one, names))
    assert len(site.seen) == 1


async def test_a_guarded_fetch_uses_no_proxy(
    site: Site, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would choose the address, and nobody could look at it."""
    monkeypatch.setenv("http_proxy", site.url("proxy"))
    monkeypatch.delenv("no_proxy", raising=False)
    assert "not public" in await refusal(transport, "http://localhost/cat.png", SsrfGuard())
    assert site.seen == []
