"""`tarash spend`: what was spent, from the ledger."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from .._data._money import written
from .._jobs._spend import PARTS, spend
from .._support._words import counted
from ..api import refresh_costs
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import REHEARSALS, existing, is_chosen, rehearsals

AGO = re.compile(r"(\d+)\s*([hdw])")
REHEARSED = f"; what was rehearsed is in --ledger {REHEARSALS}"
UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def show_spend(
    ledger: str | None, since: str | None, by: Sequence[str], *, json: bool, refresh: bool = False
) -> int:
    """Say what was spent, in groups; return the exit code."""
    used, first = existing(ledger), _since(since)
    if refresh:
        changes = refresh_costs(used, since=first or timedelta(days=1))
        terminal.hint(f"{counted(len(changes), 'later figure')} written down")

    for part in by:
        if part not in PARTS and not part.startswith("label."):
            near = difflib.get_close_matches(part, PARTS, 1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise CommandError(
                f"--by: {part!r} is none of what rows are made by; {meant}there are "
                f"{', '.join(PARTS)}, and label.NAME for a label"
            )

    rows = spend(used, since=first, by=tuple(by))
    if json:
        terminal.document([row.model_dump(mode="json") for row in rows])
        return Exit.DONE

    table = terminal.plain_table(*by, "spent", "possible", "submits", "without a price")
    for row in rows:
        table.add_row(
            *map(terminal.one_line, row.group.values()),
            "unknown" if row.unknown == row.submits else written(row.amount, row.currency),
            written(row.possible, row.currency),
            str(row.submits),
            str(row.unknown),
        )

    if not rows:
        also = "" if is_chosen(ledger) or rehearsals() is None else REHEARSED
        terminal.hint(f"nothing was spent{also}")
        return Exit.DONE

    terminal.show(table)
    return Exit.DONE


def _since(text: str | None) -> datetime | timedelta | None:
    if text is None:
        return None

    ago = AGO.fullmatch(text.strip())
    if ago is not None:
        return timedelta(**{UNITS[ago[2]]: int(ago[1])})

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"--since: {text!r} is no time; write 7d, 12h or 2w for how long ago, or 2026-11-01"
        ) from None

    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
