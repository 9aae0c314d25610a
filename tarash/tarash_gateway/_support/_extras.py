"""What the package's extras need, and what of it is installed: read from the packages' metadata."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

DISTRIBUTION = "tarash-gateway"
_NEED = re.compile(r"([\w.-]+)\s*>=\s*([\w.]+)\s*;\s*extra\s*==\s*['\"](\w+)['\"]")


ABOUT = (".dist-info", "egg-info")
"""How folders end that hold a package's metadata."""


def how_to_install(extra: str, *, upgrade: bool = False, distribution: str = DISTRIBUTION) -> str:
    """Return what installs an extra, as the documentation has it: from the project's clone.

    The package index has another project of this name. A frozen program can't be added to.
    """
    if getattr(sys, "frozen", False):
        needed = f"{distribution}[{extra}]" if distribution != DISTRIBUTION else f".[{extra}]"
        return f'build this program again, from an environment where "{needed}" is installed'

    if distribution != DISTRIBUTION:
        return f"pip install {'-U ' if upgrade else ''}'{distribution}[{extra}]'"

    return f'pip install {"-U " if upgrade else ""}".[{extra}]" in the project\'s clone'


@cache
def too_old(extra: str, distribution: str = DISTRIBUTION) -> str | None:
    """Say which package of an extra is older than it has to be; None where none is.

    Where nobody wrote down what is installed, as in some frozen programs, nothing is said.
    """
    from importlib import metadata

    try:
        needs = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return None

    for need in needs:
        match = _NEED.match(need)
        if match is None or match[3] != extra:
            continue

        name, least = match[1], match[2]
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # whether its module is there is looked at elsewhere

        if _numbers(version) < _numbers(least):
            return f"{name} {version} is installed, and {least} or later is needed"

    return None


def points_of(group: str) -> Iterable[EntryPoint]:
    """Return the entry points of a group, of all packages that are installed.

    Most have none of the group: that is seen by their bytes, without taking each of them apart.
    """
    if not _may_have(group.encode()):
        return ()

    from importlib.metadata import entry_points

    return entry_points(group=group)


def _may_have(group: bytes) -> bool:
    """Tell whether any package may have entry points of a group; True where it can't be seen."""
    from importlib.machinery import PathFinder

    finders = (finder for finder in sys.meta_path if hasattr(finder, "find_distributions"))
    if any(finder is not PathFinder for finder in finders):
        return True

    for folder in dict.fromkeys(sys.path):
        try:
            with os.scandir(folder or ".") as files:
                about = [file.path for file in files if file.name.lower().endswith(ABOUT)]
        except NotADirectoryError:  # an archive has packages of its own
            return True
        except OSError:
            continue

        if any(group in _points(file) for file in about):
            return True

    return False


def _points(folder: str) -> bytes:
    try:
        return Path(folder, "entry_points.txt").read_bytes()
    except OSError:  # most have none
        return b""


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in release[0].split(".")) if release else ()
