"""What the package's extras need, and what of it is installed: read from the packages' metadata."""

from __future__ import annotations

import re
import sys
from functools import cache

DISTRIBUTION = "tarash-gateway"
_NEED = re.compile(r"([\w.-]+)\s*>=\s*([\w.]+)\s*;\s*extra\s*==\s*['\"](\w+)['\"]")


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
        found = _NEED.match(need)
        if found is None or found[3] != extra:
            continue

        name, least = found[1], found[2]
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # whether its module is there is looked at elsewhere

        if _numbers(version) < _numbers(least):
            return f"{name} {version} is installed, and {least} or later is needed"

    return None


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(one) for one in release[0].split(".")) if release else ()
