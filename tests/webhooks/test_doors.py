"""The two doors of an inbox, its own server and ASGI, take and refuse the same bodies."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import uvicorn

from tarash.tarash_gateway.testing import Script, Simulator
from tarash.tarash_gateway.webhooks import WebhookInbox
from tests.conftest import until
from tests.webhooks.test_inbox import ASKED, JOBS, config_of, serving

MOST = 64 * 1024
SAID = "running"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator([*sorted(ASKED), "openai"]) as running:
        yield running


@asynccontextmanager
async def by_asgi(inbox: WebhookInbox) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(inbox, port=0, log_level="warning"))
    serve = asyncio.ensure_future(server.serve())
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serve


def bodies(plain: bytes) -> dict[str, tuple[bytes, str | None, int]]:
    """Return bodies with their `Content-Encoding`, and the status that each is answered with."""
    return {
        "plain": (plain, None, 200),
        "identity": (plain, "identity", 200),
        "empty encoding": (plain, "", 200),
        "gzip": (gzip.compress(plain), "gzip", 415),
        "x-gzip": (gzip.compress(plain), "X-GZIP", 415),
        "deflate": (zlib.compress(plain), "deflate", 415),
        "brotli": (plain, "br", 415),
        "zstd": (plain, "zstd", 415),
        "twice": (gzip.compress(gzip.compress(plain)), "gzip, gzip", 415),
        "behind identity": (gzip.compress(plain), "identity, gzip", 415),
        "said of a plain one": (plain, "gzip", 415),
        "not said": (gzip.compress(plain), None, 400),
        "bomb": (gzip.compress(bytes(32 * 1024**2)), "gzip", 415),
        "too large": (bytes(MOST + 1), None, 413),
    }


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
async def test_both_doors_answer_alike(simulator: Simulator, chunked: bool) -> None:
    simulator.script("bytedance", Script(outcome="never"))
    case = JOBS["bytedance"]
    async with serving(simulator, max_body_bytes=MOST) as (gateway, inbox, own):
        await gateway.submit_video_async(config_of(case, simulator), case.request())
        (job,) = simulator.jobs("bytedance")
        path = urlsplit(job.payload["callback_url"]).path
        table = bodies(json.dumps({"id": job.id, "status": SAID}).encode())
        answers: dict[str, dict[str, Any]] = {"own": {}, "asgi": {}}
        async with by_asgi(inbox) as asgi, aiohttp.ClientSession() as session:
            for door, url in (("own", own), ("asgi", asgi)):
                for name, (body, encoding, _) in table.items():
                    headers = {} if encoding is None else {"Content-Encoding": encoding}
                    async with session.post(
                        url + path, data=body, headers=headers, chunked=chunked or None
                    ) as answer:
                        answers[door][name] = answer.status, await answer.read()

    assert {name: one[0] for name, one in answers["own"].items()} == {
        name: status for name, (_, _, status) in table.items()
    }
    assert answers["own"] == answers["asgi"]
