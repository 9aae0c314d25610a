"""The first calls to several providers at once: their SDKs are imported meanwhile, in threads."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("openai")
pytest.importorskip("lumaai")

# The first part of httpx is imported, and waits for the second, while OpenAI's SDK looks at it.
PROGRAM = """
import asyncio, importlib.abc, sys, threading, warnings
from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.testing import Script, Simulator

half, whole = threading.Event(), threading.Event()


class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "httpx._client":
            half.set()
            whole.wait(30)


async def main():
    with Simulator(["openai", "luma"]) as simulator:
        async with Gateway() as gateway:

            async def one(provider, model):
                simulator.script(provider, Script(run_polls=0))
                config = VideoGenerationConfig(
                    provider=provider, model=model, api_key="any-key",
                    base_url=simulator.base_url(provider),
                )
                request = VideoGenerationRequest(prompt="A cat")
                return await gateway.generate_video_async(config, request)

            await one("openai", "sora-2")
            imported = "httpx" in sys.modules
            sys.meta_path.insert(0, Slow())
            luma = asyncio.ensure_future(one("luma", "ray-2"))
            if not imported:
                await asyncio.to_thread(half.wait, 30)

            second = await one("openai", "sora-2")
            whole.set()
            print(second.status, (await luma).status)


warnings.simplefilter("ignore")
asyncio.run(main())
"""


def test_what_one_sdk_imports_is_never_seen_half_done_by_another() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert ran.stdout == "completed completed\n", ran.stderr
