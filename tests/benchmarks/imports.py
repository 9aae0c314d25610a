"""What a cold import costs: a fresh interpreter each time, over one that imports nothing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from typing import Any

OURS = "tarash.tarash_gateway"
CALLED = "…and a first generation"
BESIDE = ("pydantic", "fal_client", "openai", "runwayml", "replicate", "lumaai", "google.genai")
"""Installed with the project: what it is built on, and the SDKs."""
OTHERS = ("litellm", "huggingface_hub.InferenceClient")
"""In an environment of their own, since they want other versions of what we install."""
OTHERS_PYTHON = "TARASH_BENCH_PYTHON"
"""The variable that names the interpreter of that environment; `nox -s bench` sets it."""
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
"""Else LiteLLM fetches its prices when it is imported."""

PROGRAMS = {
    "bare": "pass",
    CALLED: (
        "from tests.benchmarks.blocking import CONFIG, REQUEST\n"
        "from tarash.tarash_gateway import generate_video\n"
        "generate_video(CONFIG, REQUEST)"
    ),
    "huggingface_hub.InferenceClient": "from huggingface_hub import InferenceClient",
}


def measure(runs: int, *, beside: bool = True) -> dict[str, Any]:
    """Return the milliseconds of each import over its bare interpreter, and the latter's.

    Args:
        runs: Interpreters started for each; they take turns.
        beside: Whether others are measured too.
    """
    found = _milliseconds(
        sys.executable, [OURS, CALLED, *filter(_is_there, BESIDE if beside else ())], runs
    )
    other = os.environ.get(OTHERS_PYTHON)
    if other and beside:
        others = _milliseconds(other, list(OTHERS), runs)
        found |= {name: others[name] for name in OTHERS}

    return found


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _milliseconds(python: str, names: list[str], runs: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ("bare", *names)}
    for number in range(runs + 1):
        for name, seconds in taken.items():
            program = PROGRAMS.get(name, f"import {name}")
            started = time.perf_counter()
            subprocess.run([python, "-c", program], check=True, env={**os.environ, **OFFLINE})
            if number:  # the first run of each writes bytecode and warms the disk's cache
                seconds.append(time.perf_counter() - started)

    # The fastest: whatever else the machine does can only slow an import down.
    fastest = {name: min(seconds) * 1e3 for name, seconds in taken.items()}
    bare = fastest["bare"]
    return {name: value if name == "bare" else value - bare for name, value in fastest.items()}
