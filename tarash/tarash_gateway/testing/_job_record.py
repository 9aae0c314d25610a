"""One accepted job of the simulator: where it stands, by its script and the clock or the polls."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from tarash.tarash_gateway.testing._records import Job, JobStatus, RecordedRequest
from tarash.tarash_gateway.testing._script import Script

Phase = Literal["queued", "running", "ended"]


@dataclass(eq=False, kw_only=True)
class JobRecord:
    """One accepted job. Its phase follows from its script, and from the clock or the polls."""

    id: str
    endpoint: str
    payload: Any
    request: RecordedRequest
    script: Script
    accepted_at: float
    submitted_at: datetime
    result_status: int = 200
    result_body: Any = None
    cancel_requested: bool = False
    cancelled: bool = False
    ended_at: float | None = None
    looks: int = 0
    looked_at: float | None = None
    shortest_pause: float | None = None
    is_answered: bool = False  # to whoever submitted it
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def phase(self, now: float) -> Phase:
        """Return where the job stands at a moment of the monotonic clock."""
        if self.ended_at is not None:
            return "ended"

        passed, queue, run = self._way(now)
        if passed < queue:
            return "queued"

        if passed < queue + run or self.script.outcome == "never":
            return "running"

        ends_unseen = not self.script.by_polls and self.script.outcome != "lost"
        return "ended" if ends_unseen or self.is_answered else "queued"

    def progress(self, now: float) -> float:
        """Return how much of its run a running job has behind it, 0 to 0.99."""
        passed, queue, run = self._way(now)
        return min(max(passed - queue, 0) / (run or 1), 0.99)

    def queue_position(self, now: float) -> int:
        """Count down with the seconds or polls that are left: no job ahead has to exist for it."""
        passed, queue, _ = self._way(now)
        return int(queue - passed) if passed < queue else 0

    def look(self, now: float) -> None:
        """Count a poll of the status; tell whoever waits where it moves the job."""
        before = self.phase(now)
        if self.looked_at is not None:
            pause = now - self.looked_at
            least = pause if self.shortest_pause is None else self.shortest_pause
            self.shortest_pause = min(pause, least)

        self.looks, self.looked_at = self.looks + 1, now
        if self.phase(now) != before:
            self.changed.set()
            self.changed = asyncio.Event()

    def seconds_to_next_phase(self, now: float) -> float | None:
        """Return when the phase changes by itself; None where it never will."""
        if self.script.by_polls:
            return None

        phase = self.phase(now)
        passed, queue, run = self._way(now)
        if phase == "running" and self.script.outcome != "never":
            return queue + run - passed

        return queue - passed if phase == "queued" else None

    def _way(self, now: float) -> tuple[float, float, float]:
        """Return how far the job is and how far queue and run reach, in polls or in seconds."""
        script = self.script
        if script.by_polls:
            # What the first poll will hear holds before it too.
            return max(self.looks - 1, 0), script.queue_polls or 0, script.run_polls or 0

        return now - self.accepted_at, script.queue_seconds, script.run_seconds

    def ask_to_cancel(self, now: float) -> Phase:
        """Note that a cancel has come, and return where the job stands then.

        One that is scripted to be too late meets a job that has ended just before.
        """
        self.cancel_requested = True
        if self.script.cancel == "too_late" and self.phase(now) != "ended":
            self.end(now, cancelled=False)

        return self.phase(now)

    def end(self, now: float, *, cancelled: bool) -> None:
        """End the job now and wake whoever waits for its next phase."""
        self.ended_at = now
        self.cancelled = cancelled
        self.changed.set()

    def status(self, now: float) -> JobStatus:
        """Return the job's status in the words of `Job`."""
        if self.script.outcome == "lost":
            return "lost"

        phase = self.phase(now)
        if phase != "ended":
            return phase

        if self.cancelled:
            return "cancelled"

        return "failed" if self.script.outcome in ("failed", "moderated") else "completed"

    def snapshot(self, now: float) -> Job:
        """Return the job as frozen data."""
        return Job(
            id=self.id,
            endpoint=self.endpoint,
            payload=self.payload,
            headers=self.request.headers,
            query=self.request.query,
            submitted_at=self.submitted_at,
            status=self.status(now),
            cancel_requested=self.cancel_requested,
            result_status=self.result_status,
            result_body=self.result_body,
            shortest_pause=self.shortest_pause,
        )
