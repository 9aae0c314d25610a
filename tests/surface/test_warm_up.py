"""The first call of a process imports nothing large on its event loop."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys, threading
from tarash.tarash_gateway import (
    Gateway, TarashException, VideoGenerationConfig, VideoGenerationRequest, generate_video_async,
)

seen = set()


def audit(event, arguments):
    if event == "import" and threading.current_thread() is threading.main_thread():
        seen.add(arguments[0])


async def main():
    sys.addaudithook(audit)
    config = VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", api_key="k", base_url="http://127.0.0.1:9",
        max_retries=0,
    )
    request = VideoGenerationRequest(prompt="A cat")
    try:
        if "gateway" in sys.argv:
            async with Gateway() as gateway:
                await gateway.generate_video_async(config, request)
        else:
            await generate_video_async(config, request)
    except TarashException as error:
        print(type(error).__name__)


asyncio.run(main())
LARGE = {"aiohttp", "fal_client", "filetype", "httpx", "openai"}
print(sorted(name for name in seen if name.partition(".")[0] in LARGE))
print(any(name.endswith("._engine._drive") for name in seen), "aiohttp" in sys.modules)
"""


@pytest.mark.parametrize("way", ["gateway", "function"])
def test_what_is_large_is_imported_in_a_worker_thread(way: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == ["HTTPConnectionError", "[]", "False True"], ran.stderr
