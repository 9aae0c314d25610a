"""Import the package in this fresh interpreter and say what that did beyond defining names.

A script of its own: only an interpreter that has imported nothing else can tell, and the wheel is
checked with it in an environment that has no pytest.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator, MutableMapping
from types import FrameType
from typing import Any

HEAVY = (
    "PIL",
    "aiohttp",
    "av",
    "click",
    "fal_client",
    "filetype",
    "google.genai",
    "httpx",
    "lumaai",
    "obstore",
    "openai",
    "platformdirs",
    "replicate",
    "rich",
    "runwayml",
    "sqlite3",
    "typer",
)
# What a generation that nobody logs has no use for.
UNUSED = ("rich", "structlog")
PREFIX = "tarash.tarash_gateway"
# Modules through which a look at the environment passes on its way here.
BETWEEN = (__name__, "os", "collections.abc")


class WatchedEnvironment(MutableMapping[str, str]):
    """The environment, remembering which variables the package's own code asked for."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._environment = environment
        self.read: set[str] = set()

    def _note(self, key: str) -> None:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (who is asking?)
        while frame is not None and frame.f_globals.get("__name__") in BETWEEN:
            frame = frame.f_back
        if frame is not None and frame.f_globals.get("__name__", "").startswith(PREFIX):
            self.read.add(key)

    def __getitem__(self, key: str) -> str:
        self._note(key)
        return self._environment[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._note(key)
        self._environment[key] = value

    def __delitem__(self, key: str) -> None:
        self._note(key)
        del self._environment[key]

    def __iter__(self) -> Iterator[str]:
        self._note("*")
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


def _logging_state() -> tuple[Any, ...]:
    root = logging.getLogger()
    return root.level, tuple(root.handlers), tuple(root.filters), logging.root.manager.disable


def findings() -> list[str]:
    """Import the package and return one sentence for each thing that it must not do."""
    environment = WatchedEnvironment(os.environ)
    vars(os)["environ"] = environment
    before = _logging_state()
    opened: list[str] = []
    sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)

    import tarash.tarash_gateway  # noqa: F401

    loaded = [name for name in HEAVY if name in sys.modules]
    sentences = [f"{name} was loaded" for name in loaded]
    sentences += [f"the environment's {name} was read" for name in sorted(environment.read)]
    sentences += [f"{event} happened" for event in opened]
    if _logging_state() != before:
        sentences.append("the root logger was changed")
    if threading.active_count() > 1:
        sentences.append("a thread was started")

    return sentences


def findings_of_a_generation() -> list[str]:
    """Make a video by the mock and return one sentence for each module that it has no use for."""
    from tarash.tarash_gateway import (
        MockConfig,
        MockResponse,
        VideoGenerationConfig,
        VideoGenerationRequest,
        generate_video,
    )

    answer = MockResponse(output_video="https://media.example/video.mp4")
    mock = MockConfig(enabled=True, responses=(answer,))
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=mock)
    # A duration that the model doesn't have, so that there is a warning to log.
    generate_video(config, VideoGenerationRequest(prompt="a cat", duration_seconds=7))
    return [f"a generation loaded {name}" for name in UNUSED if name in sys.modules]


if __name__ == "__main__":
    sys.exit("\n".join([*findings(), *findings_of_a_generation()]) or 0)
