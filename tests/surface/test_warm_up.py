"""The first call of a process imports nothing large on its event loop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tarash.tarash_gateway.providers._registry import shipped
from tests.contract.cases import CASES

WITH_SDK = {name for name, row in shipped().items() if row.requires}
MODELS = {case.provider: case for case in CASES if case.provider in WITH_SDK}
"""One of each provider's that has an SDK."""
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
PROVIDERS = "tarash.tarash_gateway.providers."
folders = {name.rpartition(".")[2] for name in sys.modules if name.startswith(PROVIDERS)}
print(sorted(folders & {"fal", "google", "kling", "openai", "replicate", "runway"}))
"""


@pytest.mark.parametrize("way", ["gateway", "function"])
def test_what_is_large_is_imported_in_a_worker_thread(way: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True
    )
    told = ["HTTPConnectionError", "[]", "False True", "['fal']"]  # and no other provider
    assert ran.stdout.splitlines() == told, ran.stderr


EVERYBODY = """
import asyncio, sys, threading
import tarash.tarash_gateway as gateway

provider, kind, model = sys.argv[1:]
Kind = kind.title()
seen = set()


def audit(event, arguments):
    if event != "import" or threading.current_thread() is not threading.main_thread():
        return
    if arguments[0].partition("pydantic.plugin.")[1] == "":  # which the user's first config loads
        seen.add(arguments[0].partition(".")[0])


async def main():
    sys.addaudithook(audit)
    config = getattr(gateway, f"{Kind}GenerationConfig")(
        provider=provider, model=model, api_key="id:secret", base_url="http://127.0.0.1:9",
        max_retries=0,
    )
    request = getattr(gateway, f"{Kind}GenerationRequest")(prompt="A cat")
    try:
        await getattr(gateway, f"generate_{kind}_async")(config, request)
    except gateway.HTTPConnectionError as error:
        print(type(error).__name__)


asyncio.run(main())
OURS = {"tarash", "anyio", "sniffio", "platformdirs", "tomllib"}
# What the SDK looks for, loaded or not, costs nothing: `google` is a folder.
print(sorted(seen - OURS - set(sys.stdlib_module_names) - {"google"}))
"""


@pytest.mark.parametrize("name", MODELS)
def test_no_sdk_is_imported_on_the_loop(name: str) -> None:
    case = MODELS[name]
    ran = subprocess.run(
        [sys.executable, "-c", EVERYBODY, case.provider, case.kind, case.model],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == ["HTTPConnectionError", "[]"], ran.stderr


MOCKED = """
import asyncio, sys
import tarash.tarash_gateway as gateway
from tarash.tarash_gateway.cli import main

MOCK = gateway.MockConfig(enabled=True)


async def make():
    fallback = gateway.VideoGenerationConfig(provider="luma", model="ray-2", mock=MOCK)
    config = gateway.VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", mock=MOCK, fallback_configs=[fallback]
    )
    await gateway.generate_video_async(config, gateway.VideoGenerationRequest(prompt="A cat"))


if sys.argv[1] == "call":
    asyncio.run(make())
else:
    assert main(sys.argv[1:]) == 0

LARGE = {"aiohttp", "cryptography", "fal_client", "httpx", "httpx2", "openai", "replicate"}
print(sorted(LARGE.intersection(sys.modules)))
"""


@pytest.mark.parametrize(
    "words",
    [["call"], ["video", "--mock", "A cat", "-o", "cat.mp4"], ["models", "list", "--provider=fal"]],
)
def test_what_connects_to_nobody_loads_no_network(words: list[str], tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", MOCKED, *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert ran.stdout.splitlines()[-1] == "[]", ran.stderr
