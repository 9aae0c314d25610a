"""Importing the package costs nothing and does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROBE = Path(__file__).with_name("import_probe.py")


def test_an_import_loads_no_provider_and_touches_nothing() -> None:
    # -c, and not the script's path, so that the working directory is importable as it is here.
    code = f"import runpy; runpy.run_path({str(PROBE)!r}, run_name='__main__')"
    # Measuring the probe's coverage would load what it looks for.
    plain = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    probe = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=plain,
    )

    assert probe.stdout + probe.stderr == ""
    assert probe.returncode == 0
