"""What clients send is bounded: in size, in number, and over all requests together."""

from __future__ import annotations

import asyncio
import tracemalloc
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from starlette.requests import Request

from tarash.tarash_gateway.media.samples import make_png
from tarash.tarash_gateway.server._forms import stored
from tarash.tarash_gateway.server._limits import Room
from tarash.tarash_gateway.server._refusals import Refusal
from tarash.tarash_gateway.testing import Fault, Simulator
from tests.server.conftest import ADMIN, MODEL, Start, Started
from tests.server.test_hardening import connect
from tests.server.test_jobs_are_kept import until

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
FORM = {"model": MODEL, "prompt": "A cat"}


@pytest.mark.parametrize(
    "parts",
    [
        {"files": [("input_references[]", ("a.png", PNG, "image/png"))] * 4},
        {"data": {f"metadata[{n}]": "x" for n in range(20)}, "files": {"a": ("a.png", PNG)}},
    ],
    ids=["files", "fields"],
)
def test_a_form_has_so_many_files_and_fields(start: Start, parts: dict[str, Any]) -> None:
    served = start(mock=True, form_files=3, form_fields=10)
    answer = served.ask(
        "POST", "/v1/videos", files=parts["files"], data={**FORM, **parts.get("data", {})}
    )
    assert answer.status_code == 400
    assert "more than 3 files or 10 fields" in answer.json()["error"]["message"]


def test_an_upload_has_one_file(mocked: Started) -> None:
    files = [("file", ("a.png", PNG, "image/png"))] * 2
    answer = mocked.ask("POST", "/api/media", files=files)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    for body in ({"data": {"file": "text"}}, {"json": {"file": "x"}}, {"content": b""}):
        answer = mocked.ask("POST", "/api/media", **body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file"), answer.text


@pytest.mark.parametrize("path", ["/api/media", "/v1/videos", "/v1/images/edits"])
def test_nobodys_form_is_read(mocked: Started, path: str) -> None:
    """Without a key, the answer is there before the body: nothing of it fills a disk."""
    with connect(mocked) as client:
        client.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode()
        )
        assert client.recv(65536).startswith(b"HTTP/1.1 401")


def test_a_webhook_may_be_larger_than_other_json(start: Start) -> None:
    served = start(json_bytes=1024)
    body = b'{"x": "' + b"x" * 4096 + b'"}'
    kind = {"Content-Type": "application/json"}
    assert served.ask("POST", "/webhooks/fal", content=body, headers=kind).status_code != 413
    assert served.ask("POST", "/v1/videos", content=body, headers=kind).status_code == 413


def asking() -> Request:
    return Request({"type": "http", "headers": [], "state": {}})


async def test_requests_share_the_room() -> None:
    room = Room(100, seconds=30)
    first, second = asking(), asking()
    await room.take(first, 60)
    waiting = asyncio.ensure_future(room.take(second, 60))
    await asyncio.sleep(0)
    assert not waiting.done()
    await room.free(first.scope)
    await waiting
    await room.take(second, 1000)  # what is larger than all of it has all of it
    await room.free(second.scope)
    await room.take(asking(), 100)


async def test_who_finds_no_room_is_refused_and_holds_nothing() -> None:
    room = Room(100, seconds=0.01)
    first, second = asking(), asking()
    await room.take(first, 60)
    with pytest.raises(Refusal) as caught:
        await room.take(second, 60)

    assert (caught.value.status, caught.value.headers["x-should-retry"]) == (503, "true")
    await room.free(second.scope)
    await room.take(second, 40)


def test_room_is_given_back_however_a_request_ends(start: Start) -> None:
    served = start(mock=True, memory_bytes=20_000, queue_seconds=0.5)
    big = "x" * 10_000
    for _ in range(4):
        assert served.create(prompt=big).status_code == 200
        assert served.create(prompt=big, seconds=-1).status_code == 400
        assert served.ask("POST", "/v1/videos", json=[big]).status_code == 400
        assert served.create("tg_wrong", prompt=big).status_code == 401

    with connect(served) as client:  # which leaves in the middle
        client.sendall(
            f"POST /v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n"
            "Content-Type: application/json\r\nContent-Length: 20000\r\n\r\n{".encode()
        )

    assert served.create(prompt=big).status_code == 200


async def test_memory_counts_the_forms_in_which_media_are_sent() -> None:
    room = Room(100, seconds=0.01, copies=5)
    await room.take(asking(), 10)
    with pytest.raises(Refusal):
        await room.take(asking(), 11)

    await room.take(asking(), 10)


async def test_a_job_holds_its_memory_after_the_answer_until_it_lets_go() -> None:
    room = Room(100, seconds=0.01)
    request, sent = asking(), asyncio.Event()
    await room.take(request, 60)
    room.keep_until(request.scope, sent)
    await room.free(request.scope)
    with pytest.raises(Refusal):
        await room.take(asking(), 60)

    sent.set()
    await asyncio.sleep(0)
    await room.take(asking(), 60)


def test_files_of_a_submit_that_still_goes_on_count(start: Start, simulator: Simulator) -> None:
    """Creates were answered after 30 s, and the next ones came into memory beside them."""
    simulator.fail("fal", "submit", Fault.delay(1.0))
    image = make_png(64, 64) + b"\x00" * 100_000
    served = start(create_seconds=0.1, queue_seconds=0.2, memory_bytes=7 * len(image))
    whole: dict[str, Any] = {
        "data": {"model": f"{MODEL}/image-to-video", "prompt": "A cat"},
        "files": {"input_reference": ("a.png", image, "image/png")},
    }
    first = served.ask("POST", "/v1/videos", **whole)
    assert (first.status_code, first.json()["status"]) == (200, "queued")
    second = served.ask("POST", "/v1/videos", **whole)
    assert (second.status_code, second.json()["error"]["code"]) == (503, "busy")
    assert second.headers["x-should-retry"] == "true"
    served.until_ended(first.json()["id"])
    assert served.ask("POST", "/v1/videos", **whole).status_code == 200


@pytest.mark.parametrize("path", ["/v1/videos", "/api/media"])
def test_forms_share_the_disk(start: Start, path: str) -> None:
    served = start(mock=True, spool_bytes=200_000, queue_seconds=0.2)
    image = make_png(64, 64) + b"\x00" * 100_000
    files = {"file": ("a.png", image, "image/png")}
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nContent-Length: "
        "150000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    )
    with connect(served) as client:  # a form that comes slowly
        client.sendall(head.encode())
        until(lambda: served.ask("POST", "/api/media", files=files).status_code == 503)

    until(lambda: served.ask("POST", "/api/media", files=files).status_code == 201)


async def test_a_form_of_any_parts_waits_on_the_disk() -> None:
    """Parsers keep texts and small files in memory: so many of them passed by the bound."""
    room, left, read = Room(100, seconds=30), 64, asyncio.Event()
    await room.take(asking(), 100)

    async def receive() -> dict[str, Any]:
        nonlocal left
        left -= 1
        if not left:
            read.set()

        return {"type": "http.request", "body": bytes(256 * 1024), "more_body": left > 0}

    tracemalloc.start()
    try:
        with SpooledTemporaryFile(max_size=1024) as body:
            asked = Request(asking().scope, receive)
            waiting = asyncio.ensure_future(stored(asked, body, room))
            await read.wait()
            await asyncio.sleep(0.01)
            assert not waiting.done()
            assert tracemalloc.get_traced_memory()[0] < 4 * 256 * 1024
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
    finally:
        tracemalloc.stop()
