"""What the names of resolutions mean, in lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NAMED: Mapping[str, float] = {
    "8k": 4320.0,
    "4k": 2160.0,
    "2k": 1440.0,
    "1k": 1080.0,
    "uhd": 2160.0,
    "qhd": 1440.0,
    "full hd": 1080.0,
    "fullhd": 1080.0,
    "fhd": 1080.0,
    "hd": 720.0,
    "sd": 480.0,
}


def lines_of(value: Any) -> float | None:
    """Return the lines of `720p`, `768P`, `1080`, `2K`, `4k`, `UHD`; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value

    text = str(value).strip().lower()
    if text in NAMED:
        return NAMED[text]

    match = re.fullmatch(r"(\d{3,4})\s*[pi]?(?:\s*hd)?", text)
    return float(match[1]) if match else None
