"""One video, with its progress.

Without a key, from the mock:

    python examples/quickstart.py --mock

With a real one: pip install "tarash-gateway[fal]", set FAL_KEY, and leave out `--mock`.
"""

from __future__ import annotations

import sys

from tarash.tarash_gateway import (
    MockConfig,
    MockPollingConfig,
    MockResponse,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationUpdate,
    generate_video,
)


def show(update: VideoGenerationUpdate) -> None:
    """Print one step of the generation."""
    percent = "" if update.progress_percent is None else f" {update.progress_percent:.0f} %"
    print(f"{update.status}{percent}")


def main() -> int:
    """Make the video; return the exit code."""
    rehearsal = MockConfig(
        enabled=True, polling=MockPollingConfig(), responses=(MockResponse(output_type="file"),)
    )
    config = VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        mock=rehearsal if "--mock" in sys.argv else None,
    )
    request = VideoGenerationRequest(
        prompt="A cat playing piano, cinematic lighting", duration_seconds=8, aspect_ratio="16:9"
    )
    try:
        response = generate_video(config, request, on_progress=show)
    except TarashException as error:
        print(error, file=sys.stderr)
        return 1

    print(response.video)
    return 0


if __name__ == "__main__":
    sys.exit(main())
