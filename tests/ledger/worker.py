"""A process of its own that does to a ledger what its standard input says, one line each.

Arguments: the ledger's file or URL, and the lease in seconds. Answers are lines of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tarash.tarash_gateway.ledger import PostgresLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import Ledger
from tests.ledger.makers import HOLDER, make_intent, make_job, make_operation


async def answer(ledger: Ledger, command: str, job_id: str, count: int) -> Any:
    """Do one thing and return what came of it."""
    job = make_job(id=job_id)
    match command:
        case "open":
            jobs = [make_job(id=f"{job_id}-{n}", idempotency_key="order") for n in range(count)]
            found = await asyncio.gather(*(ledger.open(one, HOLDER, {}) for one in jobs))
            return [None if one is None else one.id for one in found]
        case "begin":
            await ledger.open(job, HOLDER, {})
            return await ledger.intend(make_intent(job), HOLDER)
        case "intend":
            return await ledger.intend(make_intent(job, count), HOLDER)
        case "close":
            return await ledger.close(job_id, HOLDER, "failed", {"answer": "the late one"})
        case "accept":
            return await ledger.accept(f"{job_id}-1", make_operation("late"))
        case "claim":
            return await ledger.claim(job_id, HOLDER)

    raise ValueError(command)


def say(answer: Any) -> None:
    """Write one answer."""
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


async def main() -> None:
    """Answer until the input ends."""
    place, lease_seconds = sys.argv[1], float(sys.argv[2])
    kind = PostgresLedger if place.startswith("postgresql:") else SqliteLedger
    ledger: Ledger = kind(place, lease_seconds)
    say("ready")
    for line in iter(sys.stdin.readline, ""):
        say(await answer(ledger, *json.loads(line)))

    await ledger.aclose()


if __name__ == "__main__":
    asyncio.run(main())
