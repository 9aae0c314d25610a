"""Programs that PyInstaller has frozen: the mock has its clips, and adapters their models."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.recipes.conftest import RECIPES, Place

OF_OTHERS = (
    *("IPython", "altair", "django", "gevent", "gradio", "hypothesis", "jedi", "numpy", "pandas"),
    *("pyarrow", "pytest", "sentry_sdk", "streamlit", "tkinter"),
)
"""What other recipes need in the environment of these tests, and nobody freezes along."""
COMMAND_LINE = """\
from tarash.tarash_gateway.cli import main

raise SystemExit(main())
"""


def frozen(place: Place, source: Path) -> Path:
    """Freeze a program, and return what there is to be run."""
    excluded = [f"--exclude-module={name}" for name in OF_OTHERS]
    place.said(
        *("-m", "PyInstaller", "--onedir", "--distpath", "dist", "--log-level", "ERROR"),
        *(*excluded, str(source)),
    )
    return place.folder / "dist" / source.stem / source.stem


def run(place: Place, program: Path, *arguments: str) -> str:
    """Run a frozen program to its end, and return what it prints."""
    done = subprocess.run(
        [program, *arguments],
        cwd=place.folder,
        env={**place.environment, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_frozen_program_rehearses_and_makes_a_video(place: Place, tmp_path: Path) -> None:
    program = frozen(place, RECIPES / "frozen_program.py")
    for arguments in (["--mock"], []):
        saved = tmp_path / run(place, program, *arguments).strip()
        assert (saved.suffix, saved.stat().st_size > 1000) == (".mp4", True)

    assert place.counters.submits == 1
    # It brings no web framework, and no command line.
    inside = {path.name for path in (program.parent / "_internal").iterdir()}
    assert inside.isdisjoint({"fastapi", "mcp", "typer", "uvicorn"})


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_frozen_command_line(place: Place, tmp_path: Path) -> None:
    source = tmp_path / "videos.py"
    source.write_text(COMMAND_LINE, encoding="utf-8")
    program = frozen(place, source)
    run(place, program, "video", "A cat", "--mock", "-o", "mock.mp4")
    run(place, program, "image", "A cat", "--mock", "-o", "mock.png")
    run(place, program, "video", "A cat", "-o", "made.mp4")
    for name in ("mock.mp4", "mock.png", "made.mp4"):
        assert (tmp_path / name).stat().st_size > 1000

    assert place.counters.submits == 1
    assert "extra fal" in run(place, program, "doctor")
    assert "fal-ai/veo3.1" in run(place, program, "models", "show", "fal-ai/veo3.1")
