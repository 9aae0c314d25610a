"""One video, with its progress, in a file.

Without a key, from the mock:

    python examples/quickstart.py --mock

With a real one: pip install ".[fal]" in the clone, set FAL_KEY, and leave out `--mock`.
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
    parser = argparse.ArgumentParser(description="Make one video; the provider bills it")
    parser.add_argument("--mock", action="store_true", help="make it here: no key, no cost")
    arguments = parser.parse_args()
    rehearsal = MockConfig(enabled=True, polling=MockPollingConfig())
    config = VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        mock=rehearsal if arguments.mock else None,
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
