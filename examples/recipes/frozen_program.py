"""A program for PyInstaller, which needs no settings: the package brings a hook of its own.

    pip install ".[fal]" pyinstaller
    pyinstaller --onedir examples/recipes/frozen_program.py
    dist/frozen_program/frozen_program --mock

Extras have to be installed where it is built: a frozen program can't install any.
"""

from __future__ import annotations

import sys

from tarash.tarash_gateway import (
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)


def main() -> None:
    """Make one video, and say where it is."""
    config = VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", mock=MockConfig(enabled="--mock" in sys.argv)
    )
    print(generate_video(config, VideoGenerationRequest(prompt="A cat")).save("videos/"))


if __name__ == "__main__":
    main()
