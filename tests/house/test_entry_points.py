"""What other packages bring is found wherever Python finds packages, by a quick look."""

from __future__ import annotations

import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway._support import _extras
from tarash.tarash_gateway._support._extras import points_of

GROUP = "tarash_gateway.providers"
POINTS = f"[console_scripts]\nother = other:main\n\n[{GROUP}]\nmine = mine:row\n"
METADATA = "Metadata-Version: 2.1\nName: mine\nVersion: 1\n"


def _installed(folder: Path, name: str = "mine-1.dist-info", points: str = POINTS) -> None:
    about = folder / name
    about.mkdir(parents=True)
    (about / ("PKG-INFO" if name.endswith("egg-info") else "METADATA")).write_text(METADATA)
    (about / "entry_points.txt").write_text(points)


def _names() -> list[str]:
    return [one.name for one in points_of(GROUP)]


@pytest.mark.parametrize("name", ["mine-1.dist-info", "mine.egg-info"])
def test_they_are_found_in_a_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(tmp_path, name)
    assert _names() == []
    monkeypatch.syspath_prepend(str(tmp_path))
    assert _names() == ["mine"]


def test_they_are_found_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("mine-1.dist-info/METADATA", METADATA)
        archive.writestr("mine-1.dist-info/entry_points.txt", POINTS)

    monkeypatch.syspath_prepend(str(tmp_path / "mine.zip"))
    assert _names() == ["mine"]


def test_they_are_found_by_a_finder_of_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(tmp_path)

    class Finder:
        @staticmethod
        def find_spec(*_: Any) -> None:
            return None

        @staticmethod
        def find_distributions(_context: Any = None) -> Any:
            return metadata.MetadataPathFinder.find_distributions(
                metadata.DistributionFinder.Context(path=[str(tmp_path)])
            )

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert _names() == ["mine"]


def test_where_none_has_any_nothing_is_taken_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(tmp_path, points="[console_scripts]\nother = other:main\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "not there")])
    assert not _extras._may_have(GROUP.encode())  # noqa: SLF001  (that it looks no further)
    assert _names() == []
