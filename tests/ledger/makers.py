"""Jobs to write down, for the tests and for the processes that they start."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway.ledger._contract import Intent, JobRecord, Ledger

HOLDER = "whoever drives it"
_numbers = itertools.count(1)


def make_job(**facts: Any) -> JobRecord:
    """Return a job as the engine hands it over."""
    stored: dict[str, Any] = {
        "id": f"job-{next(_numbers)}",
        "kind": "video",
        "chain": ({"provider": "fal", "model": "fal-ai/veo3.1"},),
        "request": {
            "prompt": "Ein Kätzchen 🐈 im \ud83d Regen",
            "seed": 7,
            "extra": {"a": [1, None]},
        },
        "fingerprint": "f" * 64,
    }
    return JobRecord(**{**stored, **facts})


def make_intent(job: JobRecord, number: int = 1, **facts: Any) -> Intent:
    """Return a submit of a job."""
    stored: dict[str, Any] = {
        "id": f"{job.id}-{number}",
        "kind": job.kind,
        "provider": "fal",
        "model": "fal-ai/veo3.1",
        "attempt_number": number,
        "job_id": job.id,
        "payload": {"path": "fal-ai/veo3.1", "method": "POST", "body": {"prompt": "Ein Kätzchen"}},
    }
    return Intent(**{**stored, **facts})


def make_operation(name: str) -> Operation:
    """Return what a provider makes of a submit."""
    return Operation(
        "fal", "fal-ai/veo3.1", "video", name, "2026-01-02T03:04:05+00:00",
        {"status": f"https://queue.fal.run/{name}"}, {"retry_after": 0.5},
    )  # fmt: skip


def make_media(content: bytes) -> dict[str, bytes]:
    """Return bytes by their hash."""
    return {hashlib.sha256(content).hexdigest(): content}


async def begin(ledger: Ledger, **facts: Any) -> JobRecord:
    """Write down a new job, held by `HOLDER`."""
    job = make_job(**facts)
    assert await ledger.open(job, HOLDER, {}) is None
    return job
