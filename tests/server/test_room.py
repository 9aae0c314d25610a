"""What clients send is bounded: in size, in number, and over all requests together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from tarash.tarash_gateway.server._refusals import Refusal
from tarash.tarash_gateway.server._room import Room
from tests.server.conftest import ADMIN, MODEL, Start, Started
from tests.server.test_hardening import connect

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
