"""fal's storage: the three ways to upload, and what comes back."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.testing import Fault


async def fetch_without_key(url: str, **headers: str) -> tuple[int, bytes, str]:
    async with aiohttp.ClientSession() as stranger, stranger.get(url, headers=headers) as response:
        return response.status, await response.read(), response.content_type


async def token_of(fal: Any) -> dict[str, str]:
    status, token, _ = await fal.exchange(
        "POST", "/storage/auth/token?storage_type=fal-cdn-v3", json={}
    )
    assert status == 200
    assert token["base_url"] == fal.url
    return {"Authorization": f"{token['token_type']} {token['token']}", "Content-Type": "image/png"}


async def test_one_request(fal: Any) -> None:
    fal.simulator.keys["fal"] = {"canary"}
    headers = {**await token_of(fal), "X-Fal-File-Name": "a kite.png"}
    status, body, _ = await fal.exchange("POST", "/files/upload", data=b"bytes", headers=headers)

    assert status == 200
    assert body["access_url"].endswith("/a%20kite.png")
    assert await fetch_without_key(body["access_url"]) == (200, b"bytes", "image/png")
    assert await fetch_without_key(body["access_url"], Range="bytes=1-2") == (
        206,
        b"yt",
        "image/png",
    )
    assert fal.simulator.counters("fal").uploads == 1
    assert fal.simulator.requests("fal")[1].body == b"bytes"


async def test_parts(fal: Any) -> None:
    headers = await token_of(fal)
    _, started, _ = await fal.exchange("POST", "/files/upload/multipart", headers=headers)
    base = f"{started['access_url']}/multipart/{started['uploadId']}"
    etags = []
    for number, content in ((2, b"world"), (1, b"hello ")):
        async with fal.client.put(f"{base}/{number}", data=content, headers=headers) as response:
            assert response.status == 200
            etags.append(response.headers["ETag"])

    status, _, _ = await fal.exchange("POST", f"{base}/complete", json={"parts": []})
    assert status == 200
    assert len(set(etags)) == 2
    assert await fetch_without_key(started["access_url"]) == (200, b"hello world", "image/png")
    assert fal.simulator.counters("fal").uploads == 2
    assert (await fal.exchange("PUT", f"{base}/3", data=b""))[0] == 404
    assert (await fal.exchange("POST", f"{base}/complete", json={}))[0] == 404


async def test_a_signed_url_needs_no_key(fal: Any) -> None:
    _, signed, _ = await fal.exchange(
        "POST",
        "/storage/upload/initiate?storage_type=gcs",
        json={"file_name": "a/b.txt", "content_type": "text/plain"},
    )
    async with (
        aiohttp.ClientSession() as stranger,
        stranger.put(
            signed["upload_url"], data=b"text", headers={"Content-Type": "text/plain"}
        ) as response,
    ):
        assert response.status == 200

    assert await fetch_without_key(signed["file_url"]) == (200, b"text", "text/plain")


@pytest.mark.parametrize("sent", [b"", b"[]", b"{}"])
async def test_a_signed_url_needs_a_name(fal: Any, sent: bytes) -> None:
    status, _, _ = await fal.exchange("POST", "/storage/upload/initiate", data=sent)
    assert status == 400


async def test_uploads_and_their_preparation_fail_apart(fal: Any) -> None:
    fal.simulator.fail("fal", "upload", Fault.status(500))
    headers = await token_of(fal)
    assert (await fal.exchange("POST", "/files/upload", data=b"", headers=headers))[0] == 500

    fal.simulator.fail("fal", "upload_init", Fault.status(403))
    assert (await fal.exchange("POST", "/storage/auth/token", json={}))[0] == 403


async def test_a_file_larger_than_a_servers_usual_limit(fal: Any) -> None:
    content = bytes(3 * 1024 * 1024)
    headers = await token_of(fal)
    _, body, _ = await fal.exchange(
        "POST", "/files/upload", data=io.BytesIO(content), headers=headers
    )
    assert (await fetch_without_key(body["access_url"]))[1] == content


async def test_a_file_that_is_not_there(fal: Any) -> None:
    assert (await fetch_without_key(f"{fal.url}/files/b/nothing/here.png"))[0] == 404
