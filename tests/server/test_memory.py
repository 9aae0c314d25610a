"""What clients send and fetch is not in memory for longer than it is on its way."""

from __future__ import annotations

import gc
import os
import sys
import tracemalloc
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway._data._exchange import Payload
from tarash.tarash_gateway.media.samples import make_png
from tarash.tarash_gateway.models import VideoGenerationRequest
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import MODEL, Start
from tests.server.test_jobs_are_kept import until
from tests.server.test_kill import Process

MEGA = 1_000_000
ROOM = 30 * MEGA
"""For what a server takes at its first create."""
FROM_IMAGE = f"{MODEL}/image-to-video"


@pytest.fixture
def traced() -> Iterator[None]:
    """Count what Python allocates."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def held() -> int:
    """Return how many bytes of media the requests and payloads have that are in memory."""
    kinds = (VideoGenerationRequest, Payload)
    return sum(
        _size(one.image_list if isinstance(one, VideoGenerationRequest) else one.body)
        for one in gc.get_objects()
        if type(one) in kinds
    )


def _size(value: Any) -> int:
    if isinstance(value, bytes | str):
        return len(value)

    inner = value.values() if isinstance(value, Mapping) else value
    return sum(map(_size, inner)) if isinstance(inner, Iterable) else 0


def test_a_job_that_is_accepted_holds_no_files(
    start: Start, simulator: Simulator, tmp_path: Path
) -> None:
    """Thousands of jobs wait for minutes; their files would fill the memory."""
    simulator.script("fal", Script(outcome="never", stream=False))
    served = start(f"sqlite:///{tmp_path / 'jobs.db'}")
    for _ in range(3):
        image = make_png(64, 64) + os.urandom(MEGA)
        files = {"input_reference": ("a.png", image, "image/png")}
        form = {"model": FROM_IMAGE, "prompt": "A cat"}
        assert served.ask("POST", "/v1/videos", data=form, files=files).status_code == 200

    assert simulator.counters("fal").accepted == 3
    until(lambda: held() < MEGA)


def test_a_fallback_gets_the_files_all_the_same(
    start: Start, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("fal", Script(outcome="failed"))
    served = start(f"sqlite:///{tmp_path / 'jobs.db'}")
    image = make_png(64, 64) + os.urandom(200_000)
    answer = served.ask(
        "POST",
        "/v1/videos",
        files={"input_reference": ("a.png", image, "image/png")},
        data={"model": FROM_IMAGE, "prompt": "A cat", "fallbacks": "openai/sora-2"},
    )
    video = served.until_ended(answer.json()["id"])
    assert video["status"] == "completed"
    sent = [one.body for one in simulator.requests("openai") if one.method == "POST"]
    assert image in sent[0]


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
@pytest.mark.parametrize(
    ("model", "size", "most"),
    [
        (FROM_IMAGE, 190, 4.0),
        ("google/veo-3.1-generate-preview", 190, 4.0),
        ("openai/sora-2", 49, 2.0),
    ],
)
def test_the_largest_file_takes_so_much_memory(
    simulator: Simulator, tmp_path: Path, model: str, size: int, most: float
) -> None:
    for name in ("fal", "google", "openai"):
        simulator.script(name, Script(outcome="never", stream=False))

    served = Process(tmp_path, simulator)
    image = make_png(1280, 720) + bytes(size * MEGA)
    try:
        before = served.peak()
        answer = served.ask(
            "POST",
            "/v1/videos",
            data={"model": model, "prompt": "A cat"},
            files={"input_reference": ("a.png", image, "image/png")},
        )
        assert answer.status_code == 200, answer.text
        assert served.peak() - before < most * size * MEGA + ROOM
    finally:
        served.kill()


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=1000-"}], ids=["whole", "range"])
def test_a_result_of_any_size_takes_the_same_memory(
    start: Start, tmp_path: Path, asked: dict[str, str]
) -> None:
    served = start(mock=True)
    video = served.create().json()["id"]
    served.until_ended(video)
    (file,) = (tmp_path / "media").glob("*.mp4")
    os.truncate(file, 64 * MEGA)
    path = f"/v1/videos/{video}/content"
    headers: dict[str, Any] = {"Authorization": served.http.headers["Authorization"], **asked}
    came = 0
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    with served.http.stream("GET", path, headers=headers) as answer:
        for block in answer.iter_raw(MEGA):
            came += len(block)

    assert came >= 64 * MEGA - 1000
    assert tracemalloc.get_traced_memory()[1] - before < 16 * MEGA
