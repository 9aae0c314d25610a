"""Bodies with long text are JSON like all others, and arrive whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from tarash.tarash_gateway._http._body import (
    LONG,
    PIECE,
    SMALL,
    JsonBody,
    has_long_text,
    json_body,
)
from tarash.tarash_gateway._http._client import HttpClient, Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._support._secrets import AuthHeaders, Key

LETTERS = ["a", '"', "\\", "\n", "é", "\U0001f600", "\ud800", "\0"]


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("size", [LONG, LONG + 1, 2 * PIECE + 1])
def test_long_text_is_escaped_as_short_text_is(letter: str, size: int) -> None:
    value = {"input": [letter * size, {"nested": ("x", letter * size)}], "n": 1.5, "none": None}
    body = JsonBody(value)
    assert b"".join(body).decode() == json.dumps(value)
    assert body.size == len(json.dumps(value))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    )
)
@settings(max_examples=30, deadline=None)
def test_any_value_is_written_as_json_writes_it(value: Any) -> None:
    assert b"".join(JsonBody({"value": value, "long": "x" * LONG})).decode() == json.dumps(
        {"value": value, "long": "x" * LONG}
    )


async def test_only_long_text_is_cut_into_pieces() -> None:
    assert list(await json_body({"prompt": "x"})) == [b'{"prompt": "x"}']
    assert not has_long_text({"prompt": ["x" * (LONG - 1)]})
    pieces = [piece async for piece in await json_body({"image": "x" * (3 * PIECE)})]
    assert len(pieces) > 3
    assert max(map(len, pieces)) <= PIECE


@pytest.mark.parametrize("size", [0, SMALL - 12, SMALL - 11, 3 * SMALL, LONG, 2 * 1024 * 1024])
async def test_a_body_of_any_size_arrives_whole_and_says_its_length(size: int) -> None:
    seen: list[tuple[str | None, str | None, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        named = (request.headers.get("Content-Length"), request.headers.get("Transfer-Encoding"))
        seen.append((*named, await request.read()))
        return web.json_response({})

    application = web.Application(client_max_size=4 * 1024 * 1024)
    application.router.add_post("/jobs", take)
    transport = Transport()
    async with TestServer(application) as server:
        account = Credentials("x", str(server.make_url("/")), Key("key-of-a-test"))
        client = HttpClient(account, transport, AuthHeaders({}))
        await client.submit("jobs", json={"text": "x" * size})
        await transport.aclose()

    content = json.dumps({"text": "x" * size}).encode()
    assert seen == [(str(len(content)), None, content)]
