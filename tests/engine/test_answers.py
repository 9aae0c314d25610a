"""Answers as servers send them: what they are is read from the bytes, and within limits."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway import HTTPError
from tarash.tarash_gateway._http._answer import (
    MOST_PARTS,
    RARE,
    HttpResponse,
    count_of,
    parse_json,
    read_answer,
    shorten,
)
from tarash.tarash_gateway._http._client import HttpClient, Transport
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._http._reading import LARGEST_ANSWER, LARGEST_ERROR, Decoder
from tarash.tarash_gateway._http._retry_after import LONGEST_PAUSE, parse_retry_after
from tarash.tarash_gateway._http._sdk import http_client, round_trip
from tarash.tarash_gateway._http._send_state import SendState, current_wire
from tarash.tarash_gateway._support._secrets import AuthHeaders, Key, Secrets
from tarash.tarash_gateway.media import samples
from tests.media.raw import Asked, Raw, answer, serving

PNG = samples.make_png(16, 16, seed=1)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(100)
MP4 = samples.pick_video().read()
TYPES = ("", "application/octet-stream", "text/html", "text/plain", "image/png", "video/mp4")
MANY = "1" * 5000


def read(content: bytes, declared: str = "", status: int = 200) -> HttpResponse:
    return read_answer(status, {}, declared, content, Secrets())


@pytest.mark.parametrize("declared", [*TYPES, "application/json"])
def test_json_is_json_whatever_its_label(declared: str) -> None:
    for content in (b' {"id": "x"}', b'\xef\xbb\xbf{"id": "x"}'):
        assert read(content, declared).object() == {"id": "x"}


@pytest.mark.parametrize("declared", [*TYPES, "application/json"])
@pytest.mark.parametrize(
    ("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (MP4, "video/mp4")]
)
def test_media_are_media_whatever_their_label(declared: str, content: bytes, kind: str) -> None:
    found = read(content, declared)
    assert (found.content, found.content_type, found.body) == (content, kind, None)


@pytest.mark.parametrize("declared", TYPES)
def test_a_page_is_text_whatever_its_label(declared: str) -> None:
    assert read(b"\n<!DOCTYPE html><p>", declared, 403).body == "\n<!DOCTYPE html><p>"


def test_media_of_no_known_kind_are_as_declared() -> None:
    found = read(b"\x00\x01odd", "video/x-odd")
    assert (found.content, found.content_type) == (b"\x00\x01odd", "video/x-odd")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f'{{"a": {MANY}}}', {"a": None}),
        (f'{{"a": -{MANY}.5e9}}', {"a": None}),
        ('{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": None, "b": None, "c": None}),
        ('{"a": 18446744073709551615}', {"a": 18446744073709551615}),
    ],
)
def test_a_number_that_is_none_is_left_out(text: str, value: Any) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize("levels", [101, 900, 5000, 100_000])
@pytest.mark.parametrize("form", ["[", '{"error":'])
def test_json_nested_beyond_sense_is_text(levels: int, form: str) -> None:
    text = form * levels + "1" + ("]" if form == "[" else "}") * levels
    found = read(text.encode(), status=400)
    assert not found.is_json
    assert len(shorten(found.body)) < 400


def test_json_of_countless_parts_is_text() -> None:
    assert not read(("[" + "{}," * MOST_PARTS + "1]").encode()).is_json


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("9" * 5000, LONGEST_PAUSE),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Mon, 01 Jan 0001 00:00:00 +1200", 0.0),
        ("Fri, 99 Foo 99999 00:00:00 GMT", None),
        ("\u00b2", None),
        ("-1", None),
        ("soon", None),
    ],
)
def test_an_odd_pause_is_none(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


DELAY = {"error": {"details": [{"reason": "X"}, {"retryDelay": "37.5s"}]}}


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {"ratelimit-reset": "3"}, {}, 3),
        (429, {"ratelimit-reset": "1800000000"}, {}, None),  # a point in time
        (429, {"ratelimit-reset": "soon"}, "try again in 5 seconds", 5),
        (503, {"ratelimit-reset": "3"}, "try again in 5 seconds", None),
        (503, {}, DELAY, 37.5),
        (429, {"Retry-After": "2", "ratelimit-reset": "3"}, [DELAY], 2),
        (429, {"ratelimit-reset": "3"}, [DELAY], 37.5),
        (
            429,
            {},
            {"error": {"details": [{"retryDelay": {"odd": 1}}, {"retryDelay": "-1s"}]}},
            None,
        ),
    ],
)
def test_a_pause_is_read_alike_at_every_provider(
    status: int, headers: dict[str, str], body: Any, seconds: float | None
) -> None:
    assert HttpResponse(status, headers, body, is_json=True).retry_after == seconds


@pytest.mark.parametrize(
    ("value", "seconds"), [("1500", 1.5), ("\u00b2", None), ("9" * 5000, None)]
)
def test_an_odd_pause_in_milliseconds_is_none(value: str, seconds: float | None) -> None:
    assert HttpResponse(429, {"retry-after-ms": value}, "", is_json=False).retry_after == seconds


# ---------------------------------------------------------------------------- packed and endless
@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(MP4)),
        ("GZIP", gzip.compress(MP4[:99]) + gzip.compress(MP4[99:])),
        ("deflate", zlib.compress(MP4)),
        ("deflate", zlib.compress(MP4)[2:-4]),
        ("gzip", MP4),
        ("identity", MP4),
        ("aws-chunked", MP4),
        ("UTF-8", MP4),
    ],
)
@pytest.mark.parametrize("step", [7, 1000, 10**9])
def test_what_was_packed_is_unpacked(encoding: str, packed: bytes, step: int) -> None:
    decoder = Decoder(encoding)
    # The first byte comes by itself: too few to tell by.
    parts = [packed[:1], *(packed[at : at + step] for at in range(1, len(packed), step))]
    found = b"".join(piece for part in parts for piece in decoder.feed(part))
    assert found + b"".join(decoder.end()) == MP4


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_what_cannot_be_unpacked_says_so(encoding: str) -> None:
    with pytest.raises(aiohttp.ClientPayloadError, match="which was not asked for"):
        Decoder(encoding)


def test_a_packed_body_without_its_end_broke_off() -> None:
    decoder = Decoder("gzip")
    list(decoder.feed(gzip.compress(MP4)[:-9]))
    with pytest.raises(aiohttp.ClientPayloadError, match="broke off"):
        list(decoder.end())


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.aclose()


def own(transport: Transport, server: Raw) -> HttpClient:
    return HttpClient(
        Credentials("x", server.url, Key("key-of-a-test")), transport, AuthHeaders({})
    )


async def by_sdk(transport: Transport, server: Raw) -> HttpResponse:
    import httpx

    account = Credentials("x", server.url, Key("key-of-a-test"))
    current_wire.set(SendState())
    async with http_client(httpx, transport) as client:

        async def send() -> Any:
            response = await client.post(f"{server.url}/x", json={})
            response.json()  # as SDKs do, with whatever comes of it
            response.raise_for_status()
            return response

        return await round_trip(send, account, httpx.RequestError)


def endless(piece: bytes, head: bytes) -> Iterator[bytes]:
    yield head
    while True:
        yield piece


def bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b'{"a":"' + b" " * (1024 * 1024)
    return b"".join(packer.compress(block) for _ in range(100)) + packer.flush()


BOMB = bomb()


def hostile(name: str, status: str) -> Iterable[bytes]:
    said = json.dumps({"error": {"message": "the prompt is empty"}}).encode()
    if name == "endless":
        return endless(b" " * 65536, answer(said, status, length=None))

    if name == "announced":
        return [answer(said, status, length=10**12)]

    if name == "bomb":
        return [answer(BOMB, status, Content_Encoding="gzip")]

    if name == "deep":
        return [answer(b'{"error":' * 100_000, status)]

    return [
        answer(f'{{"error": {{"message": "the prompt is empty", "n": {MANY}}}}}'.encode(), status)
    ]


@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable", "503 Unavailable"])
@pytest.mark.parametrize("name", ["endless", "bomb", "deep", "digits"])
@pytest.mark.parametrize("way", ["own", "sdk"])
async def test_a_refusal_stays_one_whatever_its_body(
    transport: Transport, name: str, status: str, way: str
) -> None:
    with (
        serving(lambda _asked, _number: hostile(name, status)) as server,
        pytest.raises(HTTPError) as caught,
    ):
        await (
            own(transport, server).submit("x", json={})
            if way == "own"
            else by_sdk(transport, server)
        )

    assert caught.value.status_code == int(status[:3])
    assert len(str(caught.value.raw_response)) <= LARGEST_ERROR
    if name in ("endless", "digits"):
        assert "the prompt is empty" in caught.value.message
        assert isinstance(caught.value.raw_response, dict)


@pytest.mark.parametrize("name", ["endless", "announced", "bomb"])
async def test_a_good_answer_without_end_is_not_read(transport: Transport, name: str) -> None:
    with (
        serving(lambda _asked, _number: hostile(name, "200 OK")) as server,
        pytest.raises(HTTPError, match="larger than an answer may be") as caught,
    ):
        await own(transport, server).get(f"{server.url}/x")

    assert caught.value.retryable


async def test_a_packed_answer_is_read(transport: Transport) -> None:
    def answers(asked: Asked, _number: int) -> Iterable[bytes]:
        assert asked.headers["accept-encoding"] == "gzip, deflate"
        yield answer(gzip.compress(b'{"id": 1}'), Content_Encoding="gzip")

    with serving(answers) as server:
        assert (await own(transport, server).get(f"{server.url}/x")).body == {"id": 1}
        assert (await by_sdk(transport, server)).body == {"id": 1}


# ---------------------------------------------------------------------------- media by their limit
def media(transport: Transport, server: Raw, most: int) -> HttpClient:
    account = Credentials("x", server.url, Key("key-of-a-test"), max_media_bytes=most)
    return HttpClient(account, transport, AuthHeaders({}))


LABELS = ("", "video/mp4", "text/html", "application/json", "application/octet-stream")


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("length", [-1, None])
async def test_a_result_of_any_label_may_be_larger_than_other_answers(
    transport: Transport, label: str, length: int | None
) -> None:
    padding = LARGEST_ANSWER // 64
    labels = {"Content_Type": label} if label else {}

    def answers(_asked: Asked, _number: int) -> Iterable[bytes]:
        told = None if length is None else len(MP4) + 65 * padding
        yield answer(MP4, length=told, **labels)
        for _ in range(65):
            yield bytes(padding)

    with serving(answers) as server:
        found = await media(transport, server, 2 * LARGEST_ANSWER).get(f"{server.url}/x")

    assert found.content_type == "video/mp4"
    assert found.content is not None
    assert len(found.content) == len(MP4) + 65 * padding


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("length", [10**9, -1, None])
async def test_a_result_has_at_most_what_the_config_says(
    transport: Transport, label: str, length: int | None
) -> None:
    labels = {"Content_Type": label} if label else {}
    head = answer(MP4 + bytes(100_000), length=length, **labels)
    piece = b"" if length == -1 else bytes(65536)
    pieces = [head] if length == -1 else endless(piece, head)
    with (
        serving(lambda _asked, _number: pieces) as server,
        pytest.raises(HTTPError, match="raise max_media_bytes= on the config") as caught,
    ):
        await media(transport, server, len(MP4) + 1000).get(f"{server.url}/x")

    assert not caught.value.retryable, "no further poll reads it"


async def test_a_bomb_of_media_is_not_unpacked(transport: Transport) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(MP4 + bytes(64 * 1024 * 1024)) + packer.flush()
    whole = answer(packed, Content_Encoding="gzip", Content_Type="video/mp4")
    with (
        serving(lambda _asked, _number: [whole]) as server,
        pytest.raises(HTTPError, match="more than 3145728 bytes"),
    ):
        await media(transport, server, 4 * 1024 * 1024).get(f"{server.url}/x")


def test_the_limits_leave_room_for_media_in_base64() -> None:
    assert LARGEST_ANSWER >= 40 * 1024 * 1024 * 4 / 3


def test_json_of_ever_so_many_parts_is_nested_as_deep_as_it_is() -> None:
    flat = json.dumps([{"a": ["[{"] * 3, "b": {}}] * 200)
    assert parse_json(flat) == json.loads(flat)
    assert parse_json('"' + "[" * 200 + '"') == "[" * 200
    assert parse_json("7 " + "[" * 200, prefix=True) == 7


@pytest.mark.parametrize("number", [0, 1, RARE - 1, RARE, RARE + 1, 10 * RARE])
def test_signs_are_counted_however_many_there_are(number: int) -> None:
    assert count_of("aa{a" * number + "a" * 100, "{") == number
    assert count_of("{" * number, "{") == number


SECRET = 'r8_so/secret "quoted"\\and\tlong'
WRITTEN = (
    json.dumps,
    lambda text: '"' + "".join(f"\\u{ord(one):04x}" for one in text) + '"',
    lambda text: json.dumps(text).replace("/", "\\/"),
)


KEY = "r8_so-plain/a_key.of=letters"


@pytest.mark.parametrize("secret", [SECRET, KEY, "r8_with\nlines\nin it", "r8_mit Umläuten"])
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("shape", ['{{"error": {}}}', "{{{}: 1}}", '[[{}], "a\\nb"]'])
def test_a_secret_is_masked_however_json_writes_it(written: Any, shape: str, secret: str) -> None:
    for text in (secret, f"it is {secret}!", f"é{secret}", f"a\\n\n{secret}\n"):
        content = shape.format(written(text)).encode()
        said = read_answer(400, {}, "application/json", content, Secrets([secret]))
        assert secret not in json.dumps(said.body, ensure_ascii=False)
        assert json.dumps(secret)[1:-1] not in json.dumps(said.body)
        assert "***" in str(said.body)


@pytest.mark.parametrize("secret", [SECRET, KEY, "id-of-it:half/of+it=="])
@pytest.mark.parametrize("written", WRITTEN)
def test_a_secret_is_masked_in_json_that_stands_in_text(written: Any, secret: str) -> None:
    """As a front repeats the headers that it got, with or without a JSON answer around."""
    inner = '{"Authorization": ' + written(f"Bearer {secret}") + "}"
    shown = inner if written is not WRITTEN[1] else json.dumps({"Authorization": secret})
    for content in (json.dumps({"message": shown}), f"Fatal: {shown}"):
        said = read_answer(400, {}, "", content.encode(), Secrets([secret]))
        kept = said.body if isinstance(said.body, str) else said.body["message"]
        assert "***" in kept
        assert not any(half in kept.replace("\\/", "/") for half in secret.split(":"))


@pytest.mark.parametrize("content", [PNG, b'{"id": "x"}', b"a page"])
def test_a_header_that_repeats_the_key_is_masked(content: bytes) -> None:
    """`raw_response` has the headers of an answer that is a medium."""
    headers = {"X-Request-Authorization": f"Bearer {KEY}", "Retry-After": "3"}
    said = read_answer(200, headers, "", content, Secrets([KEY]))
    assert said.headers["X-Request-Authorization"] == "Bearer ***"
    assert said.headers["Retry-After"] == "3"


def test_line_breaks_hide_no_key() -> None:
    secrets = Secrets([KEY])
    assert not secrets.may_hide_in(r'{"logs": "10%\n20%\r\n\t30%"}')
    for written in (r'"\u0072"', r'"\/"', r'"\\n"', r'"\""'):
        assert secrets.may_hide_in(written)


def test_only_what_holds_a_secret_is_written_anew() -> None:
    secrets = Secrets([SECRET, "another-secret"])
    value: Any
    for value in ("a\nb", {"logs": "a\\nb", "é\ud800": [1, None, True, 0.5]}, [SECRET[:-1]], 3):
        assert not secrets.are_in(value)
        assert secrets.data(value) == value

    for value in (SECRET, {SECRET: 1}, [{"a": ["b", f"c{SECRET}d"]}], ["another-secret"]):
        assert secrets.are_in(value)
        assert secrets.data(value) != value

    assert not Secrets().are_in(SECRET)
