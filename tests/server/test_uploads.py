"""Media that clients bring before they order: for the same key only, bounded, and for a time."""

from __future__ import annotations

import base64
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.server import ServerSettings
from tarash.tarash_gateway.server._uploads import SPACE, Uploads, filled
from tarash.tarash_gateway.testing import Simulator
from tests.server.conftest import ADMIN, Start, Started

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FROM_IMAGE = "fal/fal-ai/veo3.1/image-to-video"
GPT = "openai/gpt-image-2"


def upload(
    served: Started, key: str = ADMIN, content: bytes = PIXEL, **fields: Any
) -> httpx.Response:
    """Bring a file."""
    file = {"file": ("evil/../name.html", content, "text/html")}
    return served.ask("POST", "/api/media", key, files=file, data=fields)


@pytest.mark.parametrize("form", ["text", "object", "frame", "url"])
def test_a_video_is_made_from_what_was_brought(
    served: Started, simulator: Simulator, form: str
) -> None:
    key = served.key()
    made = upload(served, key)
    assert made.status_code == 201, made.text
    media = made.json()
    assert (media["content_type"], media["bytes"]) == ("image/png", len(PIXEL))
    fields: dict[str, Any] = {
        "text": {"input_reference": media["id"]},
        "object": {"input_reference": {"file_id": media["id"]}},
        "frame": {"frame_images": [{"image_url": media["id"], "frame_type": "first_frame"}]},
        "url": {"input_reference": {"image_url": {"url": media["id"]}}},
    }[form]
    video = served.create(key, model=FROM_IMAGE, **fields)
    assert video.status_code == 200, video.text
    assert served.until_ended(video.json()["id"], key)["status"] == "completed"
    assert simulator.counters("fal").accepted == 1
    for other in (served.key(), ADMIN):
        refused = served.create(other, model=FROM_IMAGE, **fields)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "media_not_found")

    assert simulator.counters("fal").accepted == 1


def test_every_route_takes_what_was_brought(mocked: Started) -> None:
    image = upload(mocked).json()["id"]
    video = upload(mocked, content=samples.videos()[0].path.read_bytes()).json()
    assert video["content_type"] == "video/mp4"
    edit = {"model": GPT, "prompt": "A cat", "image": [image, {"file_id": image}], "mask": image}
    extend = {
        "model": "fal/fal-ai/veo3.1/extend-video",
        "prompt": "On",
        "video": {"id": video["id"]},
    }
    for path, body in (
        ("/v1/images/edits", edit),
        ("/v1/images/edits", {**edit, "image": None, "images": [{"image_url": image}]}),
        ("/api/plan", {**edit, "kind": "image"}),
        ("/api/jobs", {**edit, "kind": "image"}),
        ("/v1/videos/extensions", extend),
        ("/api/quote", extend),
    ):
        answer = mocked.ask("POST", path, json=body)
        assert answer.is_success, (path, answer.text)


def test_media_that_stand_nowhere_are_refused(mocked: Started) -> None:
    media = upload(mocked).json()["id"]
    deep: Any = media
    for _ in range(400):
        deep = [deep]

    for value in (deep, {"a": media}, [[media]], {"id": 5}, "media_", f"{media}x"):
        answer = mocked.create(model=FROM_IMAGE, input_reference=value)
        assert answer.status_code == 400, answer.text


def test_what_is_no_media_or_too_much_is_not_kept(start: Start, tmp_path: Path) -> None:
    served = start(mock=True, uploads_bytes=3 * len(PIXEL), multipart_bytes=2048)
    for content, status, code in (
        (b"", 400, "invalid_request"),
        (b"<script>alert(1)</script>", 400, "invalid_request"),
        (b"%PDF-1.7 none", 400, "invalid_request"),
        (PIXEL + b"\0" * 4096, 413, "body_too_large"),
    ):
        answer = upload(served, content=content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text

    key = served.key()
    held = [upload(served, key) for _ in range(4)]
    assert [one.status_code for one in held] == [201, 201, 201, 413]
    assert held[3].headers["x-should-retry"] == "false"
    assert upload(served).status_code == 201  # another key's
    assert served.ask("DELETE", f"/api/media/{held[0].json()['id']}", key).status_code == 200
    assert upload(served, key).status_code == 201
    assert len([*(tmp_path / "media" / "uploads").iterdir()]) == 4
    assert upload(served, key, expires_in=10**9).status_code == 400


async def test_a_file_is_read_once_and_all_of_a_request_are_bounded(
    start: Start,
) -> None:
    served = start(mock=True, multipart_bytes=2048)
    ids = [upload(served, content=PIXEL + b"\0" * 1000).json()["id"] for _ in range(2)]
    request = Request({"type": "http", "state": {}})
    asked = {"input_references": [ids[0], {"file_id": ids[0]}], "frame_images": [ids[0]]}
    whole = await filled(request, served.app.state.app_state, "admin", asked)
    first, second = whole["input_references"]
    assert first is second["url"] is whole["frame_images"][0]

    many = {"model": FROM_IMAGE, "prompt": "x", "input_references": ids * 2}
    for path in ("/v1/videos", "/api/plan", "/api/quote", "/api/jobs"):
        answer = served.ask("POST", path, json=many)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
        assert answer.headers["x-should-retry"] == "false"


def test_nobody_else_sees_or_deletes_it(mocked: Started) -> None:
    key, other = mocked.key(), mocked.key()
    media = upload(mocked, key).json()["id"]
    assert mocked.ask("GET", f"/api/media/{media}", key).json()["id"] == media
    for method in ("GET", "DELETE"):
        for id_, by in ((media, other), (media, ADMIN), ("..%2fx", key), (f"{media}%00", key)):
            assert mocked.ask(method, f"/api/media/{id_}", by).status_code == 404

    assert httpx.post(f"{mocked.url}/api/media").status_code == 401
    assert mocked.ask("DELETE", f"/api/media/{media}", key).status_code == 200
    assert mocked.ask("GET", f"/api/media/{media}", key).status_code == 404


async def test_what_has_expired_is_gone(start: Start, tmp_path: Path) -> None:
    ledger = MemoryLedger()
    served = start(ledger, mock=True)
    media = upload(served).json()["id"]
    past = datetime.now(UTC) - timedelta(seconds=1)
    record = await ledger.read_state(SPACE, f"admin/{media}")
    assert record is not None
    await ledger.write_state(SPACE, record.name, record.value, until=past)
    refused = served.create(model=FROM_IMAGE, input_reference=media)
    assert (refused.status_code, refused.json()["error"]["param"]) == (404, "input_reference")

    file = tmp_path / "media" / "uploads" / media
    assert file.stat().st_mtime > past.timestamp() + 3600
    os.utime(file, (past.timestamp(), past.timestamp()))
    assert upload(start(ledger, mock=True)).status_code == 201  # whose start is the time to tidy up
    assert not file.exists()


async def test_nobody_tidies_up_what_is_being_written(tmp_path: Path) -> None:
    ledger, settings = MemoryLedger(), ServerSettings()
    uploads, another = (Uploads(tmp_path, ledger, settings) for _ in range(2))

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            another.delete_expired()
            return super().read(size)

    kept = await uploads.keep("admin", Slow(PIXEL), len(PIXEL), 60)
    found = await another.read("admin", kept.id)
    assert found is not None
    assert found["content"] == PIXEL

    left = tmp_path / "uploads" / "part_media_left"
    left.write_bytes(PIXEL)
    another.delete_expired()
    assert left.exists()
    os.utime(left, (1, 1))
    another.delete_expired()
    assert [one.name for one in left.parent.iterdir()] == [kept.id]
