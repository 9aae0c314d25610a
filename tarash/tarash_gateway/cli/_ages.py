"""Lengths of time, as options say them: how old something is, how long it is good."""

from __future__ import annotations

import re
from datetime import timedelta

from ._errors import CommandError

AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST = timedelta(days=36_500)


def age_of(text: str, option: str = "--older-than", what: str = "age") -> timedelta:
    """Return an age that was typed in: 30d, 12h, 2w; a number alone is days.

    Raises:
        CommandError: It is none.
    """
    match = AGE.fullmatch(text.strip())
    if match is None:
        raise CommandError(f"{option}: {text!r} is no {what}; use 30d, 12h or 2w")

    seconds = min(float(match[1]), 1e9) * SECONDS[match[2] or "d"]
    return min(timedelta(seconds=seconds), LONGEST)
