"""One video, with its progress, in a file.

Without a key, from the mock:

    python examples/quickstart.py --mock

With a real one: pip install "tarash-gateway[fal]", set FAL_KEY, and leave out `--mock`.
"""

from __future__ import annotations

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
    rehearsal = MockConfig(enabled=True, polling=MockPollingConfig())
    config = VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        mock=rehearsal if "--mock" in sys.argv else None,
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
