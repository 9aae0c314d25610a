"""A provider may name a result before the file is there: a save waits a little for it."""

from __future__ import annotations

from pathlib import Path

from tarash.tarash_gateway import VideoGenerationConfig, VideoGenerationRequest, generate_video
from tarash.tarash_gateway.testing import Fault, Simulator


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with Simulator(["fal"]) as simulator:
        simulator.fail("fal", "download", Fault.status(404), times=3)
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key="id:canary-secret",
            base_url=simulator.base_url("fal"),
            save_to=str(tmp_path / "cat.mp4"),
        )
        response = generate_video(config, VideoGenerationRequest(prompt="A cat"))

    assert not response.save_errors
    assert response.saved == (str(tmp_path / "cat.mp4"),)
