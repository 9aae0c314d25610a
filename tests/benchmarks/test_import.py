"""What importing the package costs on top of a bare interpreter; `nox -s bench` prints it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

RUNS = 11


def seconds(code: str) -> float:
    """Return the median time of a fresh interpreter that runs this code."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.perf_counter() - start)

    return statistics.median(taken)


@pytest.mark.bench
def test_import() -> None:
    """Prints the figures; asserts only that something was measured."""
    bare = seconds("pass")
    pydantic = seconds("import pydantic")
    ours = seconds("import tarash.tarash_gateway")
    print(
        f"\nimport: {1000 * (ours - bare):.0f} ms over the bare interpreter "
        f"({1000 * bare:.0f} ms), of which pydantic {1000 * (pydantic - bare):.0f} ms; "
        f"ratio to pydantic alone {(ours - bare) / (pydantic - bare):.2f}"
    )
    assert ours > bare
