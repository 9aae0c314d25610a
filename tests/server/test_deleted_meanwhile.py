"""A result's file may be deleted between the look for it and its sending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.server._content import served
from tarash.tarash_gateway.server._refusals import Refusal

RANGES: list[list[tuple[bytes, bytes]]] = [
    [],
    [(b"range", b"bytes=0-3")],
    [(b"range", b"bytes=0-1,4-5")],
]


def scope_of(headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    version = {"version": "3.0", "spec_version": "2.4"}
    return {"type": "http", "method": "GET", "headers": headers, "asgi": version}


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


@pytest.mark.parametrize("headers", RANGES)
async def test_before_the_answer_it_is_missing(
    tmp_path: Path, headers: list[tuple[bytes, bytes]]
) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(Refusal) as caught:
        await served(tmp_path / "gone.mp4")(scope_of(headers), receive, send)

    assert (caught.value.status, sent) == (404, [])


@pytest.mark.parametrize("headers", RANGES)
async def test_as_the_answer_begins_it_ends_early(
    tmp_path: Path, headers: list[tuple[bytes, bytes]]
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"0123456789")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        path.unlink(missing_ok=True)

    await served(path)(scope_of(headers), receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]
