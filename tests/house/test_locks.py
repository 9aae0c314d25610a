"""What the check installs is written down, version by version, with the hashes of its files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / ".ci" / "locks"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PINNED = re.compile(
    r"([a-z0-9-]+)==(\S+)(?: ; [^\\]+?)? \\\n((?:    --hash=sha256:\w{64}(?: \\)?\n)+)"
)

pytestmark = pytest.mark.skipif(not LOCKS.is_dir(), reason="only the repository has the locks")


def locked(name: str) -> dict[str, str]:
    """Return the version of each package of a lock; each has to have a hash."""
    text = (LOCKS / name).read_text(encoding="utf-8")
    found = PINNED.findall(text)
    lines = [line for line in text.splitlines() if line[0].isalnum()]
    assert len(lines) == len(found), f"{name} names a package without its version or a hash"
    return {package: version for package, version, _ in found}


def wanted() -> set[str]:
    """Return the names of all that the project asks for, in extras and groups, too."""
    project = PROJECT["project"]
    groups = {key: value for key, value in PROJECT["dependency-groups"].items() if key != "bench"}
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *groups.values()]
    needs = [need for one in lists for need in one if isinstance(need, str)]
    names = {NAME.findall(need)[0].lower().replace("_", "-") for need in needs}
    return names - {"tarash-gateway"}


def test_everything_that_the_project_asks_for_is_locked_with_hashes() -> None:
    all_three = {name for lock in ("everything", "recipes", "uv") for name in locked(f"{lock}.txt")}
    assert wanted() - all_three == set(), "run `nox -s lock`"


@pytest.mark.parametrize("name", ["bare.txt", "lint.txt", "runner.txt"])
def test_the_locks_agree(name: str) -> None:
    assert locked(name).items() <= locked("everything.txt").items()


def test_the_check_installs_nothing_without_its_hash() -> None:
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if "pip install" in line]
    assert lines
    assert all(
        "--require-hashes" in part or "--dry-run" in part
        for line in lines
        for part in line.split("pip install")[1:]
    )
    sessions = (ROOT / "noxfile.py").read_text(encoding="utf-8").split("@nox.session")
    checks = [
        one for one in sessions if re.match(r"[^\n]*\ndef (lint|types|layers|docs|tests)", one)
    ]
    assert len(checks) == 5
    assert not any("session.install(" in one for one in checks)
