"""The bytes of a result: whole, in ranges, again after a restart; and too early."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import Start, Started

MODELS = {
    "a URL": "fal/fal-ai/veo3.1",
    "bytes": "openai/sora-2",
    "a guarded URL": "google/veo-3.1-generate-preview",
}


def made(served: Started, model: str = "fal/fal-ai/veo3.1") -> str:
    """Make a video; return the path of its content."""
    video = served.create(model=model)
    assert video.status_code == 200, video.text
    ended = served.until_ended(video.json()["id"])
    assert ended["status"] == "completed", ended
    return f"/v1/videos/{ended['id']}/content"


@pytest.mark.parametrize("kind", MODELS)
def test_content_is_served_whatever_the_provider_gives(served: Started, kind: str) -> None:
    answer = served.ask("GET", made(served, MODELS[kind]))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.content[4:8] == b"ftyp"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_ranges(mocked: Started) -> None:
    path = made(mocked)
    whole = mocked.ask("GET", path)
    size = len(whole.content)
    head = mocked.ask("HEAD", path)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    assert head.headers["accept-ranges"] == "bytes"
    for asked, expected in {
        "bytes=0-9": whole.content[:10],
        "bytes=10-": whole.content[10:],
        "bytes=-5": whole.content[-5:],
        f"bytes=5-{size * 2}": whole.content[5:],
    }.items():
        part = mocked.ask("GET", path, headers={"Range": asked})
        assert (part.status_code, part.content) == (206, expected), asked
        assert part.headers["content-range"].endswith(f"/{size}")

    none = mocked.ask("GET", path, headers={"Range": f"bytes={size}-"})
    assert (none.status_code, none.headers["content-range"]) == (416, f"bytes */{size}")
    tag = whole.headers["etag"]
    same = mocked.ask("GET", path, headers={"Range": "bytes=0-0", "If-Range": tag})
    other = mocked.ask("GET", path, headers={"Range": "bytes=0-0", "If-Range": '"old"'})
    assert (same.status_code, other.status_code) == (206, 200)


@pytest.mark.parametrize("index", [0, -1, -9, 2])
def test_a_result_that_is_none_is_404(mocked: Started, index: int) -> None:
    job = made(mocked).split("/")[3]
    assert mocked.ask("GET", f"/api/jobs/{job}/media/{index}").status_code == 404


def test_too_early_is_409_and_not_tried_again(served: Started, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never", stream=False))
    video = served.create().json()["id"]
    answer = served.ask("GET", f"/v1/videos/{video}/content")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_ready")
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["openai-poll-after-ms"] == "1000"


def test_there_is_no_thumbnail_and_no_second_result(mocked: Started) -> None:
    path = made(mocked)
    assert mocked.ask("GET", f"{path}?variant=thumbnail").status_code == 404
    assert mocked.ask("GET", f"{path}?variant=page").status_code == 400
    assert mocked.ask("GET", f"{path}?index=2").status_code == 404


def test_content_outlives_the_server_and_its_folder(
    start: Start, simulator: Simulator, tmp_path: Path
) -> None:
    ledger = f"sqlite:///{tmp_path / 'jobs.db'}"
    first = start(ledger)
    paths = [made(first, model) for model in MODELS.values()]
    first.stop()
    second = start(ledger)
    assert all(second.ask("GET", path).status_code == 200 for path in paths)
    downloads = simulator.counters("fal").downloads
    for one in (tmp_path / "media").iterdir():
        one.unlink()

    assert all(second.ask("GET", path).content[4:8] == b"ftyp" for path in paths)
    assert simulator.counters("fal").downloads > downloads


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "a" * 5000, "*"]
)
def test_ids_that_are_paths_lead_nowhere(mocked: Started, name: str) -> None:
    for path in (f"/v1/videos/{name}", f"/v1/videos/{name}/content"):
        assert mocked.ask("GET", path).status_code in (404, 405)


def test_what_is_no_range_of_bytes_gets_all_of_it(mocked: Started) -> None:
    """It was a 400 of plain text; who asks in another unit is to get the whole (RFC 9110, 14.2)."""
    video = mocked.create().json()["id"]
    mocked.until_ended(video)
    path = f"/v1/videos/{video}/content"
    whole = mocked.ask("GET", path).content
    for odd in ("items=0-1", "bytes=", "bytes=abc", "bytes=5-2", "bytes", "bytes=-", "bytes=0-1,x"):
        answer = mocked.ask("GET", path, headers={"Range": odd})
        assert (answer.status_code, answer.content) == (200, whole), odd

    for good in ("BYTES=0-3", "bytes = 0 - 3", "bytes=0-3,", "bytes=0-" + "9" * 30):
        assert mocked.ask("GET", path, headers={"Range": good}).status_code == 206, good
