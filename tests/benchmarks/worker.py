"""Takes a measurement in a fresh process, so that nothing that ran before is in it.

Each measurement is a module here with a function `measure`, which takes and returns JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run(name: str, **arguments: Any) -> dict[str, Any]:
    """Return what the measurement of this name returns."""
    command = [
        *(sys.executable, "-W", "ignore", "-m", "tests.benchmarks.worker"),
        *(name, json.dumps(arguments)),
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def memory() -> float:
    """Return the KiB of memory that this process holds; its peak where the system won't say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1024 if sys.platform == "darwin" else float(peak)

    return pages * resource.getpagesize() / 1024


if __name__ == "__main__":
    module = import_module(f"tests.benchmarks.{sys.argv[1]}")
    sys.stdout.write(f"{json.dumps(module.measure(**json.loads(sys.argv[2])))}\n")
