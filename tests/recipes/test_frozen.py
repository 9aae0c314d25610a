"""A program that PyInstaller has frozen: the mock has its clips, and adapters their models."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.recipes.conftest import RECIPES, Place


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_frozen_program_rehearses_and_makes_a_video(place: Place, tmp_path: Path) -> None:
    place.said(
        *("-m", "PyInstaller", "--onedir", "--name", "videos", "--distpath", "dist"),
        *("--log-level", "ERROR", str(RECIPES / "frozen_program.py")),
    )
    program = tmp_path / "dist" / "videos" / "videos"
    for arguments in (["--mock"], []):
        done = subprocess.run(
            [program, *arguments],
            cwd=tmp_path,
            env={**place.environment, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, Path(done.stdout.strip()).suffix) == (0, ".mp4"), done.stderr
        assert (tmp_path / done.stdout.strip()).stat().st_size > 1000

    assert place.counters.submits == 1
