"""What was heard of jobs between their submits and their ends: kept beside the job, for a month."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..exceptions import TarashException

if TYPE_CHECKING:
    from ..ledger._records import StateLedger
    from ._driving import Driven

SPACE = "server.timelines"
KEPT = timedelta(days=30)


async def keep(states: StateLedger, driven: Driven) -> None:
    """Write down what was heard of a job that has ended."""
    value = {"moves": driven.moves}
    with suppress(TarashException):  # the job itself is written down in any case
        await states.write_state(SPACE, driven.handle.id, value, until=datetime.now(UTC) + KEPT)


async def heard_of(states: StateLedger, job_id: str) -> list[dict[str, Any]]:
    """Return what was heard of a job that this process does not drive."""
    kept = await states.read_state(SPACE, job_id)
    return [] if kept is None else list(kept.value["moves"])
