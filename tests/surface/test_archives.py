"""The package in a zip archive: the mock has its clips, and models their schemas."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipapp
from importlib import metadata
from pathlib import Path

import tarash.tarash_gateway as package
from tarash.tarash_gateway._pyinstaller import hook_dirs

MAIN = """
from pathlib import Path
from tarash.tarash_gateway import *

assert ".pyz" in generate_video.__code__.co_filename
request = VideoGenerationRequest(prompt="A cat")
for kind, audio in (("url", None), ("content", None), ("file", True)):
    mock = MockConfig(enabled=True, responses=[MockResponse(output_type=kind)])
    config = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=mock)
    asked = request.model_copy(update={"generate_audio": audio})
    response = generate_video(config, asked)
    print(response.status, Path(str(response.save("made/"))).stat().st_size > 10_000)

for provider, model in (("fal", "fal-ai/veo3.1"), ("runway", "gen4.5")):
    plan = plan_video(VideoGenerationConfig(provider=provider, model=model), request)
    print(plan.model)

print(len(list_models("fal")) > 100)
"""


def test_a_zip_archive_has_what_a_folder_has(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(
        Path(package.__file__).parent,
        source / "tarash" / "tarash_gateway",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (source / "__main__.py").write_text(MAIN, encoding="utf-8")
    archive = tmp_path / "program.pyz"
    zipapp.create_archive(source, archive)
    done = subprocess.run(
        [sys.executable, archive], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == [
        "completed True", "completed True", "completed True", "fal-ai/veo3.1", "gen4.5", "True", "",
    ]  # fmt: skip


def test_pyinstaller_finds_the_hook() -> None:
    (entry,) = metadata.entry_points(group="pyinstaller40", name="hook-dirs").select(
        module="tarash.tarash_gateway._pyinstaller"
    )
    assert entry.load() is hook_dirs
    (folder,) = hook_dirs()
    assert Path(folder, "hook-tarash.tarash_gateway.py").is_file()
