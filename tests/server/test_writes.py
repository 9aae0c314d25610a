"""How often a create writes: no more than its promises need, since each write waits for a disk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import Start

WRITES = ("accept", "claim", "close", "enqueue", "intend", "note", "open", "settle", "write_state")


class Counting(SqliteLedger):
    """Counts what is written, by its name."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.writes: Counter[str] = Counter()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in WRITES:
            return found

        async def counted(*args: Any, **options: Any) -> Any:
            self.writes[args[0] if name == "write_state" else name] += 1
            return await found(*args, **options)

        return counted


@pytest.mark.parametrize("budget", [None, {"amount": "100", "per": "day"}])
@pytest.mark.parametrize("named", [{}, {"Idempotency-Key": "order-1"}])
def test_a_create_writes_six_times_and_its_end_thrice(
    start: Start,
    simulator: Simulator,
    tmp_path: Path,
    named: dict[str, str],
    budget: dict[str, str] | None,
) -> None:
    simulator.script("fal", Script(queue_seconds=0.3, run_seconds=0.1))
    ledger = Counting(tmp_path / "jobs.db")
    served = start(ledger, sweep_seconds=600)
    key = served.key(budget=budget)
    ledger.writes.clear()
    video = served.create(key, headers=named).json()
    before = Counter(ledger.writes)
    place = "server.idempotency" if named else "server.repeats"
    # The first keeps what a repetition is known by; the fifth and sixth are the submit's.
    once = (place, "enqueue", "server.names", "claim", "intend", "accept")
    assert before == Counter(once), before

    assert served.until_ended(video["id"], key)["status"] == "completed"
    served.stop()
    ended = ("times", "settle", "close", "server.timelines")
    after = ledger.writes - before
    assert after == Counter(ended), after

    assert simulator.counters("fal").accepted == 1
