"""One video, with its progress, in a file.

Without a key, at no cost, from the mock:

    python examples/quickstart.py

With a real one, which fal bills: pip install ".[fal]" in the clone, set FAL_KEY, and add `--live`.
"""

from __future__ import annotations

import argparse
import sys

from tarash.tarash_gateway import (
    MockConfig,
    MockPollingConfig,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
    progress_bar,
)


def main() -> int:
    """Make the video; return the exit code."""
    parser = argparse.ArgumentParser(description="Make one video, by the mock or by fal")
    parser.add_argument("--live", action="store_true", help="let fal make it, and bill it")
    arguments = parser.parse_args()
    rehearsal = MockConfig(enabled=True, polling=MockPollingConfig())
    config = VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        mock=None if arguments.live else rehearsal,
    )
    request = VideoGenerationRequest(
        prompt="A cat playing piano, cinematic lighting", duration_seconds=8, aspect_ratio="16:9"
    )
    try:
        response = generate_video(config, request, on_progress=progress_bar())
        # Under its request's id: nothing that is there is overwritten.
        print(response.save("videos/"))
    except TarashException as error:
        print(error, file=sys.stderr)
        return 1

    return 0


if __name__ == "__main__":
    sys.exit(main())
