"""The README's first two commands, which a newcomer copies into a shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import av
import pytest
from PIL import Image

import tarash.tarash_gateway

ROOT = Path(__file__).parents[2]
PACKAGE = Path(tarash.tarash_gateway.__file__).parent
COMMANDS = re.findall(
    r"^```bash\n(.*?)^```$",
    (ROOT / "README.md").read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)


def test_the_first_command_makes_a_video_and_an_image() -> None:
    assert 'tarash video "A cat playing piano" --mock -o cat.mp4\n' in COMMANDS[0]
    assert 'tarash image "A cat playing piano" --mock -o cat.png\n' in COMMANDS[0]


def test_the_second_command_is_the_whole_check() -> None:
    assert COMMANDS[1] == "bash .ci/run\n"


def test_extras_that_the_readme_names_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"\[([a-z0-9,]+)\]\"", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named
    for extras in named:
        assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_no_page_installs_another_project_of_this_name() -> None:
    """Until this one is on the package index, it is installed from its clone."""
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.py"),
        *(ROOT / "examples").glob("*.ipynb"),
        # What errors and the command line advise.
        *(ROOT / "tarash").rglob("*.py"),
    ]
    fetched = re.compile(r"pip install [^`\n]*?(?<![./\w])\\?[\"']?tarash-gateway\[")
    assert [page.name for page in pages if fetched.search(page.read_text(encoding="utf-8"))] == []


def test_what_users_and_lawyers_ask_for_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"LICENSE", "NOTICE"} <= set(project["license-files"])
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    recorded = [*(PACKAGE / "catalog" / "data").iterdir(), *PACKAGE.glob("providers/*/*.json")]
    assert len(recorded) > 1
    assert all(path.name in notice for path in recorded)
    assert "private" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.packaged
@pytest.mark.timeout(600)
def test_the_first_command_works_in_a_fresh_clone(tmp_path: Path) -> None:
    ours = ("__pycache__", ".git", ".nox", ".venv*", ".*_cache", "_build", "cat.*")
    ignored = shutil.ignore_patterns(*ours)
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=ignored)
    # As a newcomer's shell: no environment is active, and no variable is set for the project.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TARASH_", "PYTHON", "VIRTUAL_ENV"))
    }
    subprocess.run(["bash", "-eu", "-c", COMMANDS[0]], cwd=clone, env=environment, check=True)

    with av.open(clone / "cat.mp4") as video:
        assert sum(1 for _ in video.decode(video=0)) > 0
    with Image.open(clone / "cat.png") as image:
        image.load()
        assert min(image.size) > 0
