"""The page on contributing builds a provider outside this package; here it is built and used."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tarash.tarash_gateway
from tarash.tarash_gateway.providers._contract import ABILITIES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing.md"
PACKAGE = Path(tarash.tarash_gateway.__file__).parent
FILES = re.compile(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def written(folder: Path) -> Path:
    """Write the files of the page into a folder."""
    for name, text in FILES.findall(PAGE.read_text(encoding="utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return folder


def with_metadata(folder: Path) -> Path:
    """Add what an installer makes of the project's entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = folder / "tarash_acme-0.1.0.dist-info"
    about.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (about / "METADATA").write_text(head, encoding="utf-8")
    groups = project["entry-points"].items()
    (about / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "\n".join(f"{name} = {place}" for name, place in points.items())
            for group, points in groups
        ),
        encoding="utf-8",
    )
    return folder


def run(place: Path, *arguments: str, cases: bool = False) -> str:
    """Run pytest in an interpreter that has the package; return what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(place), *sys.path])}
    if cases:
        environment["TARASH_CONTRACT_CASES"] = "tarash_acme.contract"

    plainly = ("-q", "--assert=plain", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plainly, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def table_under(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a line of the page, in cells."""
    below = PAGE.read_text(encoding="utf-8").partition(heading)[2]
    table = re.findall(r"(?:^\|.*\n)+", below, re.MULTILINE)[0]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


def test_each_file_of_the_table_where_is_what_is_there() -> None:
    rows = table_under("## Where is what\n")
    assert len(rows) >= 25
    files = [file.strip("`") for _, file in rows]
    assert [file for file in files if not (PACKAGE / file).is_file()] == []
    assert len({what for what, _ in rows}) == len(rows)


def test_every_ability_of_an_adapter_is_named() -> None:
    named = [ability.strip("`") for ability, _ in table_under("lists their names in its `abil")]
    assert named == list(ABILITIES)


@pytest.mark.parametrize("room", ["_engine", "_jobs"])
def test_a_large_rooms_map_has_each_of_its_modules(room: str) -> None:
    folder = PACKAGE / room
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    on_the_map = re.findall(r"`(_\w+)`", (said or "").partition("by duty:")[2])
    assert sorted(on_the_map) == sorted(modules)


@pytest.mark.timeout(600)
def test_a_provider_of_another_package_keeps_the_contract(tmp_path: Path) -> None:
    place = with_metadata(written(tmp_path))
    own = run(place, "--rootdir", str(tmp_path), str(place / "tests"))
    assert "3 passed" in own
    kept = run(place, "tests/contract", "-k", "acme", cases=True)
    assert int(re.findall(r"(\d+) passed", kept)[-1]) > 30


@pytest.mark.packaged
@pytest.mark.timeout(600)
def test_its_wheel_is_found_once_it_is_installed(tmp_path: Path) -> None:
    project, place = written(tmp_path / "project"), tmp_path / "installed"
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), str(project))
    subprocess.run([sys.executable, *install], check=True)
    script = (
        "from tarash.tarash_gateway import list_providers, describe_model\n"
        "from tarash.tarash_gateway.testing import Simulator\n"
        "assert 'acme' in [one.name for one in list_providers()]\n"
        "assert describe_model('acme', 'clip-1').durations == (4, 8)\n"
        "with Simulator(['acme']): pass\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(place), *sys.path])}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
