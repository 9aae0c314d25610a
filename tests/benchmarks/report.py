"""The page that the benchmarks write: tables of ratios, and the machine that they were taken on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
PACKAGES = (
    *("aiohttp", "anyio", "pydantic"),
    *("fal-client", "openai", "runwayml", "replicate", "google-genai", "lumaai"),
)
HEAD = """# Benchmarks

What the gateway costs, beside what you would use instead. Everything here is written by
`nox -s bench`, against the simulator in a process of its own, in some minutes. Absolute figures are
this machine's; what carries over are the *ratios*: each is taken within one run, and below 1.00 the
gateway is ahead.

Providers' networks and queues are not in these figures, and are much slower than anything here. In
short, on the machine below:
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One table, with what a reader has to know to read it."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    gist: str = ""
    """What it comes to, in a sentence, for who reads no tables."""

    def markdown(self) -> str:
        """Return it as a section of the page."""
        lines = [self.columns, ["---", *["--:"] * (len(self.columns) - 1)], *self.rows]
        table = "\n".join(f"| {' | '.join(map(_shown, line))} |" for line in lines)
        return f"## {self.title}\n\n{self.text.strip()}\n\n{table}\n"


def span(values: Sequence[float]) -> str:
    """Return the smallest and the largest, as the tables show figures."""
    least, most = _shown(float(min(values))), _shown(float(max(values)))
    return least if least == most else f"{least} to {most}"


def _shown(value: object) -> str:
    if isinstance(value, float):
        digits = 3 if abs(value) < 0.0995 else 2 if abs(value) < 9.995 else 0
        return f"{value:.{digits}f}"

    return "" if value is None else str(value)


def write(tables: Sequence[Table], page: Path = PAGE) -> None:
    """Write the page."""
    gists = "\n".join(f"- {table.gist}" for table in tables if table.gist)
    parts = [HEAD, f"{gists}\n", *(table.markdown() for table in tables), machine()]
    page.write_text("\n".join(parts), encoding="utf-8")


def machine() -> str:
    """Return the section that says where and when the figures were taken."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg()) if hasattr(os, "getloadavg") else "?"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    facts = {
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "System": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "Python": f"{python}, {sys.platform}",
        "Versions": versions,
        "Load": f"{load} (averages over 1, 5 and 15 minutes, at the end of the run)",
        "Taken": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    lines = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return f"## The machine\n\n{lines}\n"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []

    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(not installed)"
