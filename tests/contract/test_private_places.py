"""With `allow_private_urls=False`, no URL that comes out of an answer leads into a private network.

For every adapter: each URL of each answer is replaced by one of a server on this machine, as an
attacker who chooses what a model returns would have it, or each look is redirected to it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
import pytest
from aiohttp import web

from tarash.tarash_gateway import SaveError, TarashException
from tarash.tarash_gateway.media import samples

from .cases import CASES, by_key
from .conftest import Run

Way = Literal["urls", "redirects"]
URL = re.compile(rb"https?://[^/\"\\\s]+")
HOPS = frozenset({"content-length", "content-encoding", "transfer-encoding", "connection", "host"})
GIVING_URLS = {
    *(
        "bfl",
        "fal",
        "google",
        "kling",
        "luma",
        "minimax",
        "openrouter",
        "replicate",
        "runway",
        "together",
        "xai",
    )
}
"""Whose answers lead to media; of Google's, those of the Gemini API."""


@dataclass(slots=True)
class Between:
    """A proxy in front of the simulator that sends whoever asks to another place."""

    origin: str
    way: Way
    victim: str = ""
    seen: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Hand on a request, and its answer with other URLs in it."""
        if self.way == "redirects" and request.method == "GET":
            place = f"{self.victim}{request.path_qs}"
            return web.Response(status=302, headers={"Location": place})

        headers = {name: one for name, one in request.headers.items() if name.lower() not in HOPS}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                f"{self.origin}{request.path_qs}",
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as found,
        ):
            body = await found.read()
            kept = {name: one for name, one in found.headers.items() if name.lower() not in HOPS}

        if self.way == "urls" and body[:1] in (b"{", b"["):
            body = URL.sub(self.victim.encode(), body)

        return web.Response(status=found.status, body=body, headers=kept)

    async def victimise(self, request: web.Request) -> web.Response:
        """Keep that somebody came."""
        self.seen.append(request.path_qs)
        return web.Response(body=samples.pick_video().read(), content_type="video/mp4")


@asynccontextmanager
async def between(origin: str, way: Way) -> AsyncIterator[tuple[Between, str]]:
    made = Between(origin, way)
    runners = []
    places = []
    for handler in (made.answer, made.victimise):
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        places.append(f"http://127.0.0.1:{runner.addresses[0][1]}")

    made.victim = places[1]
    try:
        yield made, places[0]
    finally:
        for runner in runners:
            await runner.cleanup()


async def generated(run: Run, base_url: str, *, private: bool) -> None:
    """Generate, and save and probe what there is."""
    changes = {"base_url": base_url, "allow_private_urls": private}
    try:
        response = await run.generate(
            **changes, max_poll_attempts=4, on_timeout="detach", verify="warn"
        )
    except TarashException:
        return

    try:
        await response.save_async("{request_id}.{ext}", config=run.config(**changes))
    except SaveError:
        return


@pytest.mark.parametrize("way", ["urls", "redirects"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_no_answer_leads_into_a_private_network(
    run: Run, way: Way, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("saved"))
    async with between(run.origin, way) as (made, base_url):
        await generated(run, base_url, private=False)
        assert made.seen == []


LEADING = [
    case
    for case in CASES
    if case.provider in GIVING_URLS and case.kind == "video" and case.credentials is by_key
]


@pytest.mark.parametrize("case", LEADING, ids=str)
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_it_would_where_the_config_allows_it(
    run: Run,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("saved"))
    async with between(run.origin, "urls") as (made, base_url):
        await generated(run, base_url, private=True)
        assert made.seen
