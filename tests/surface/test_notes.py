"""What became of a job is seen by whoever interrupts it, also where notes are not shown."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from tarash.tarash_gateway import (
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationUpdate,
    generate_video,
)
from tarash.tarash_gateway.testing import Script, Simulator


def interrupt(update: VideoGenerationUpdate) -> None:
    if update.status == "processing":
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("version", "is_text"), [((7, 34), True), ((8, 14), False), ((9, 1), False)]
)
def test_an_old_ipython_shows_it_as_the_text_of_the_error(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], *, is_text: bool
) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(version_info=(*version, 0, "")))
    with Simulator(["fal"]) as simulator:
        simulator.script("fal", Script(outcome="never", stream=False))
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key="any:key",
            base_url=simulator.base_url("fal"),
        )
        with pytest.raises(KeyboardInterrupt) as caught:
            generate_video(config, VideoGenerationRequest(prompt="A cat"), interrupt)

        job = simulator.jobs("fal")[0].id

    assert job in caught.value.__notes__[0]
    assert (job in str(caught.value)) is is_text
