"""Under another event loop than asyncio's, every asynchronous function says so in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    UnsupportedOperationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    add_model_async,
    generate_video,
    generate_video_async,
    refresh_models_async,
    resume_all_async,
    resume_async,
    submit_video_async,
)

MOCKED = VideoGenerationConfig(provider="fal", model="m", mock=MockConfig(enabled=True))
REQUEST = VideoGenerationRequest(prompt="A cat")
RESPONSE = VideoGenerationResponse(
    request_id="r", status="completed", raw_response=None, video="https://x.example/a.mp4"
)
CALLS: dict[str, Callable[[Path], Any]] = {
    "generate": lambda _: generate_video_async(MOCKED, REQUEST),
    "gateway": lambda _: Gateway().generate_video_async(MOCKED, REQUEST),
    "submit": lambda _: submit_video_async(MOCKED, REQUEST),
    "resume": lambda _: resume_async("j"),
    "resume all": lambda _: resume_all_async(),
    "refresh": lambda _: refresh_models_async(),
    "add": lambda _: add_model_async("fal", "m"),
    "save": lambda folder: RESPONSE.save_async(folder / "a"),
    "probe": lambda _: RESPONSE.probe_async(),
}


@pytest.mark.parametrize("name", CALLS)
def test_trio_is_told_what_to_do(name: str, tmp_path: Path) -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        await CALLS[name](tmp_path)

    with pytest.raises(UnsupportedOperationError, match=r"asyncio only.*trio.to_thread.run_sync"):
        trio.run(main)


def test_what_it_is_told_works() -> None:
    trio = pytest.importorskip("trio")

    async def main() -> Any:
        return await trio.to_thread.run_sync(generate_video, MOCKED, REQUEST)

    assert trio.run(main).status == "completed"
