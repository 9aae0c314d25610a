"""From the interpreter's start to the first submit's answer: a script of ours, and the SDK's own.

Each is a fresh interpreter that runs what the documentation begins with, and ends when the first
job is accepted. `python -m tests.benchmarks.starting` prints the table.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.beside import ROOT
from tests.benchmarks.callers import KEY, MODELS, PROMPT
from tests.benchmarks.simulation import Simulation

MOCK = "tarash video --mock"
OURS = """
import os
from tarash.tarash_gateway import submit_video
from tarash.tarash_gateway.models import VideoGenerationConfig, VideoGenerationRequest
config = VideoGenerationConfig(
    provider={provider!r}, model={model!r}, api_key={key!r}, base_url={url!r}
)
job = submit_video(config, VideoGenerationRequest(prompt={prompt!r}))
"""
THEIRS = {
    "fal": """
import os
import fal_client
import fal_client.client as module
module.QUEUE_URL_FORMAT = module.RUN_URL_FORMAT = {url!r} + "/"
job = fal_client.SyncClient(key={key!r}).submit({model!r}, {{"prompt": {prompt!r}}})
""",
    "openai": """
import os
from openai import OpenAI
client = OpenAI(api_key={key!r}, base_url={url!r} + "/v1")
job = client.videos.create(model={model!r}, prompt={prompt!r})
""",
    "runway": """
import os
from runwayml import RunwayML
job = RunwayML(api_key={key!r}, base_url={url!r}).text_to_video.create(
    model={model!r}, prompt_text={prompt!r}, ratio="1280:720", duration=5
)
""",
    "replicate": """
import os
from replicate.client import Client
client = Client({key!r}, base_url={url!r})
job = client.models.predictions.create({model!r}, {{"prompt": {prompt!r}}})
""",
    "google": """
import os
from google import genai
from google.genai.types import HttpOptions
client = genai.Client(api_key={key!r}, http_options=HttpOptions(base_url={url!r}))
job = client.interactions.create(model={model!r}, input={prompt!r}, background=True)
""",
}
"""What each SDK's documentation begins with."""
NEWER = {"google": "gemini-omni-1.2-flash"}
"""What the SDK can still ask for with a key."""
# Only the way to the answer is measured, not what an interpreter does when it ends.
END = "\nassert job\nos._exit(0)\n"


def measure(providers: list[str], runs: int) -> dict[str, dict[str, list[float]]]:
    """Return the wall and the processor milliseconds of each script, the least of some runs.

    Args:
        providers: Whose simulators; of those, whose SDK has a script here are measured.
        runs: Interpreters started for each; they take turns.

    Returns:
        By provider, `ours` and `theirs`; and under the command's words, the command line's mock.
    """
    names = [name for name in providers if name in THEIRS]
    with Simulation(*names) as simulation:
        found = {}
        for name in names:
            facts = {
                "provider": name,
                "model": NEWER.get(name, MODELS[name]),
                "key": KEY,
                "url": simulation.urls[name],
                "prompt": PROMPT,
            }
            commands = {
                way: [sys.executable, "-W", "ignore", "-c", script.format(**facts) + END]
                for way, script in (("ours", OURS), ("theirs", THEIRS[name]))
            }
            found[name] = _least(commands, runs)

    with TemporaryDirectory() as folder:
        place = str(Path(folder) / "video.mp4")
        mock = ["-m", "tarash.tarash_gateway", "video", "--mock", PROMPT, "-o", place, "--force"]
        return found | {MOCK: _least({"ours": [sys.executable, *mock]}, runs)}


def _least(commands: dict[str, list[str]], runs: int) -> dict[str, list[float]]:
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in commands}
    for number in range(runs + 1):
        for way, command in commands.items():
            one = _one(command)
            if number:  # the first run of each writes bytecode and warms the disk's cache
                taken[way].append(one)

    # The least: whatever else the machine does can only add to it.
    return {way: [min(column) for column in zip(*ones, strict=True)] for way, ones in taken.items()}


def _one(command: list[str]) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    said = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if said.returncode:
        raise RuntimeError(said.stderr)

    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1e3, processor * 1e3


def main(runs: int = 10) -> dict[str, Any]:
    """Print one line for each."""
    found = measure(list(THEIRS), runs)
    for name, ways in found.items():
        wall, processor = ways["ours"]
        beside = ""
        if "theirs" in ways:
            theirs, their_processor = ways["theirs"]
            beside = f", {wall / theirs:.2f} / {processor / their_processor:.2f} of the SDK's"

        print(f"{name:20} {wall:6.0f} ms wall, {processor:6.0f} ms processor{beside}")

    return found


if __name__ == "__main__":
    main()
