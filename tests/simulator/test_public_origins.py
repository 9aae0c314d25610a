"""The media origin and the foreign one: what they serve, and what they tell about keys."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.testing import Fault, Simulator, _media
from tarash.tarash_gateway.testing._public import serve_bytes


async def video_of(fal: Any) -> dict[str, Any]:
    submitted = await fal.submit()
    await fal.finished(submitted)
    _, result, _ = await fal.exchange("GET", submitted["response_url"])
    return dict(result["video"])


async def test_media_need_no_key(fal: Any) -> None:
    video = await video_of(fal)
    async with aiohttp.ClientSession() as stranger:
        async with stranger.get(video["url"]) as response:
            content = await response.read()
            assert (response.status, response.content_type) == (200, video["content_type"])

        async with stranger.head(video["url"]) as response:
            assert response.status == 200
            assert int(response.headers["Content-Length"]) == video["file_size"] == len(content)
            assert await response.read() == b""

        async with stranger.get(video["url"], headers={"Range": "bytes=4-7"}) as response:
            assert response.status == 206
            assert response.headers["Content-Range"] == f"bytes 4-7/{len(content)}"
            assert await response.read() == b"ftyp"

        async with stranger.get(fal.simulator.media_url + "/fal/none/x.mp4") as response:
            assert response.status == 404

    assert fal.simulator.counters("fal").downloads == 4
    assert fal.simulator.counters("media").downloads == 4
    assert fal.simulator.counters("fal").connections == 1
    assert fal.simulator.leaks == []


@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "api-key", "X-Goog-Api-Key"])
async def test_a_key_in_a_header_is_a_leak(fal: Any, header: str) -> None:
    video = await video_of(fal)
    async with aiohttp.ClientSession(headers={header: "secret"}) as careless:
        for url in (video["url"], fal.simulator.foreign_url):
            async with careless.get(url) as response:
                assert response.status == 200

    assert [leak.origin for leak in fal.simulator.leaks] == ["media", "foreign"]
    assert fal.simulator.leaks[0].headers[header.lower()] == "secret"


async def test_a_key_in_the_query_is_a_leak(fal: Any) -> None:
    video = await video_of(fal)
    async with aiohttp.ClientSession() as careless, careless.get(video["url"] + "?key=secret"):
        pass

    (leak,) = fal.simulator.leaks
    assert leak.query == {"key": "secret"}


async def test_the_foreign_origin_answers_anything(simulator: Simulator) -> None:
    async with aiohttp.ClientSession() as stranger:
        for method in ("GET", "POST", "PUT", "DELETE"):
            url = f"{simulator.foreign_url}/some/path?x=1"
            async with stranger.request(method, url, data=b"sent") as response:
                assert (response.status, response.content_type) == (200, "application/json")
                assert isinstance(await response.json(), dict)

    recorded = simulator.requests("foreign")
    assert [request.method for request in recorded] == ["GET", "POST", "PUT", "DELETE"]
    assert recorded[1].body == b"sent"
    assert simulator.leaks == []


@pytest.mark.parametrize(
    ("header", "status", "body"),
    [
        (None, 200, b"0123456789"),
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=-99", 206, b"0123456789"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=10-", 416, b""),
        ("bytes=4-2", 416, b""),
        ("bytes=-", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges(header: str | None, status: int, body: bytes) -> None:
    reply = serve_bytes(b"0123456789", "text/plain", header)
    assert (reply.status, reply.body) == (status, body)


def test_a_range_of_another_file_gets_all_of_this_one() -> None:
    tag = serve_bytes(b"0123456789", "text/plain", None).headers["ETag"]
    assert serve_bytes(b"0123456789", "text/plain", "bytes=2-4", tag).body == b"234"
    assert serve_bytes(b"0123456789", "text/plain", "bytes=2-4", '"other"').status == 200


async def test_a_download_can_be_cut_anywhere(fal: Any) -> None:
    video = await video_of(fal)
    size = video["file_size"]
    async with aiohttp.ClientSession() as stranger:
        for fault, sent, announced in (
            (Fault.cut(100), 100, size),
            (Fault.cut(0), 0, size),
            (Fault.wrong_length(7), size, size + 7),
        ):
            fal.simulator.fail("fal", "download", fault)
            async with stranger.get(video["url"]) as response:
                assert int(response.headers["Content-Length"]) == announced
                received = await response.content.readexactly(sent)
                with pytest.raises(aiohttp.ClientPayloadError):
                    await response.content.readexactly(1)

            assert len(received) == sent


async def test_a_server_may_know_no_ranges(fal: Any) -> None:
    video = await video_of(fal)
    fal.simulator.fail("fal", "download", Fault.no_ranges())
    async with (
        aiohttp.ClientSession() as stranger,
        stranger.get(video["url"], headers={"Range": "bytes=4-7"}) as response,
    ):
        assert response.status == 200
        assert len(await response.read()) == video["file_size"]


async def test_signed_urls_expire(fal: Any) -> None:
    fal.simulator.sign_urls("fal")
    submitted = await fal.submit()
    await fal.finished(submitted)

    async def looked_up() -> str:
        _, result, _ = await fal.exchange("GET", submitted["response_url"])
        return str(result["video"]["url"])

    async with aiohttp.ClientSession() as stranger:

        async def status(url: str) -> int:
            async with stranger.get(url) as response:
                return response.status

        first = await looked_up()
        assert await status(first) == 200
        assert await status(first.partition("?")[0]) == 403

        fal.simulator.expire_urls("fal")
        assert await status(first) == 403
        assert await status(await looked_up()) == 200

    assert fal.simulator.leaks == []


@pytest.mark.parametrize(("make", "value"), [(Fault.cut, -1), (Fault.wrong_length, 0)])
def test_faults_refuse_what_is_none(make: Any, value: int) -> None:
    with pytest.raises(ValueError, match="or more"):
        make(value)


def test_an_image_can_be_opened() -> None:
    image = pytest.importorskip("PIL.Image")
    with image.open(io.BytesIO(_media.image_bytes(33, 17))) as opened:
        opened.load()
        assert (opened.format, opened.size) == ("PNG", (33, 17))


def test_a_video_has_whole_boxes() -> None:
    content = _media.video_bytes()
    names = []
    while content:
        size = int.from_bytes(content[:4], "big")
        assert 8 <= size <= len(content)
        names.append(content[4:8])
        content = content[size:]

    assert names[:2] == [b"ftyp", b"moov"]
