"""What one origin of the simulator remembers: jobs, scripts, faults, requests, counts.

Written by the server's thread and read by the tests' threads, so every access takes the lock. It
must not know a protocol: a job has a phase here, and only the wire has words for it.
"""

import asyncio
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tarash.tarash_gateway.testing._fault import Fault
from tarash.tarash_gateway.testing._records import (
    Counters,
    Job,
    JobStatus,
    RecordedRequest,
    SentWebhook,
    Step,
)
from tarash.tarash_gateway.testing._script import Script

Phase = Literal["queued", "running", "ended"]

_COUNTER_OF_STEP: dict[Step, str] = {
    "submit": "submits",
    "poll": "polls",
    "stream": "streams",
    "result": "results",
    "cancel": "cancels",
    "list": "lists",
    "model": "models",
    "upload": "uploads",
    "download": "downloads",
}


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
        self.looks += 1
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
            # What the first poll will say holds before it too.
            return max(self.looks - 1, 0), script.queue_polls or 0, script.run_polls or 0

        return now - self.accepted_at, script.queue_seconds, script.run_seconds

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
        )


@dataclass(slots=True)
class _PlannedFault:
    fault: Fault
    times: int | None
    skip: int
    ends: float | None = None
    """When a fault that lasts for some time is over; None before it has met a request."""

    def is_over(self, now: float) -> bool:
        """Tell whether it has lasted for as long as it should; it starts to where it meets one."""
        if self.fault.lasts is None or self.skip > 0:
            return False

        self.ends = now + self.fault.lasts if self.ends is None else self.ends
        return now >= self.ends


class OriginState:
    """The memory of one origin.

    Args:
        name: The provider's name, `media` or `foreign`.
        clock: Monotonic seconds.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.clock = clock
        self.open_connections = 0
        self.webhook_endpoint: str | None = None
        self._lock = threading.RLock()
        self._tokens: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Forget everything but what clients still hold: open connections and tokens."""
        with self._lock:
            self._jobs: dict[str, JobRecord] = {}
            self._requests: list[RecordedRequest] = []
            self._counts: Counter[str] = Counter()
            self._faults: dict[Step, deque[_PlannedFault]] = {}
            self._scripts: tuple[Script, ...] = (Script(),)
            self._next_script = 0
            self._signatures: int | None = None
            self._expired = 0
            self.webhooks: list[SentWebhook] = []
            self._running: list[JobRecord] = []
            self.most_in_flight: int | None = None
            self.models: tuple[Mapping[str, Any], ...] | None = None
            self.prices: tuple[Mapping[str, Any], ...] = ()

    def set_scripts(self, scripts: tuple[Script, ...]) -> None:
        """Put scripts in force: one for each job, the last one for all that follow."""
        with self._lock:
            self._scripts = scripts or (Script(),)
            self._next_script = 0

    def plan_fault(self, step: Step, fault: Fault, times: int | None, skip: int) -> None:
        """Queue a fault for a step, after those that are planned already."""
        with self._lock:
            self._faults.setdefault(step, deque()).append(_PlannedFault(fault, times, skip))

    def drop_faults(self, step: Step | None) -> None:
        """Forget the faults of a step, or of all steps."""
        with self._lock:
            for one in [step] if step is not None else list(self._faults):
                self._faults.pop(one, None)

    def next_fault(self, step: Step) -> Fault | None:
        """Take the fault that is due for a request of this step, if any."""
        with self._lock:
            queue = self._faults.get(step) or deque()
            while queue and queue[0].is_over(self.clock()):
                queue.popleft()

            if not queue:
                return None

            planned = queue[0]
            if planned.skip > 0:
                planned.skip -= 1
                return None

            if planned.times is not None:
                planned.times -= 1
                if planned.times <= 0:
                    queue.popleft()

            return planned.fault

    def accept(
        self,
        job_id: str,
        endpoint: str,
        payload: Any,
        request: RecordedRequest,
        result: Callable[[Script], tuple[int, Any]],
    ) -> JobRecord:
        """Create a job from the script that is in force.

        Args:
            job_id: The provider's id for it.
            endpoint: What it was submitted to.
            payload: The parsed body.
            request: The submit.
            result: Makes status and body of the result, as the script wants it.
        """
        with self._lock:
            script = self._scripts[min(self._next_script, len(self._scripts) - 1)]
            self._next_script += 1
            status, body = result(script)
            job = JobRecord(
                id=job_id,
                endpoint=endpoint,
                payload=payload,
                request=request,
                script=script,
                accepted_at=self.clock(),
                submitted_at=datetime.now(UTC),
                result_status=status,
                result_body=body,
            )
            self._jobs[job_id] = job
            self._counts["accepted"] += 1
            self._counts["most_in_flight"] = max(
                self._counts["most_in_flight"], len(self._in_flight()) + 1
            )
            self._running.append(job)
            return job

    def is_full(self) -> bool:
        """Tell whether the account has as many jobs in flight as it may have."""
        with self._lock:
            return self.most_in_flight is not None and len(self._in_flight()) >= self.most_in_flight

    def _in_flight(self) -> list[JobRecord]:
        self._running = [job for job in self._running if job.phase(self.clock()) != "ended"]
        return self._running

    def find(self, job_id: str) -> JobRecord | None:
        """Return a job that a poll can see: one that exists and isn't lost."""
        with self._lock:
            job = self._jobs.get(job_id)

        return None if job is None or job.script.outcome == "lost" else job

    def answered(self, request: RecordedRequest) -> None:
        """Note that the answer to a submit has been made."""
        job = self._of(request)
        if job is not None:
            job.is_answered = True

    def job_of(self, request: RecordedRequest) -> JobRecord | None:
        """Return the job that a submit has made and that can end, if any."""
        job = self._of(request)
        return None if job is None or job.script.outcome in ("lost", "never") else job

    def _of(self, request: RecordedRequest) -> JobRecord | None:
        with self._lock:
            jobs = reversed(self._jobs.values())
            return next((job for job in jobs if job.request is request), None)

    def listed(self) -> list[JobRecord]:
        """Return the jobs that a list shows, newest first: all but those that are lost."""
        with self._lock:
            found = [job for job in self._jobs.values() if job.script.outcome != "lost"]

        return found[::-1]

    def look(self, job_id: str) -> JobRecord | None:
        """Return a job as `find` does, for a status request: where polls count, it counts."""
        job = self.find(job_id)
        if job is not None:
            job.look(self.clock())

        return job

    def jobs(self) -> list[Job]:
        """Return all accepted jobs in order, lost ones too."""
        with self._lock:
            now = self.clock()
            return [job.snapshot(now) for job in self._jobs.values()]

    def record(self, request: RecordedRequest) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(request)

    def requests(self) -> list[RecordedRequest]:
        """Return all requests in order."""
        with self._lock:
            return list(self._requests)

    def sign_urls(self) -> None:
        """Let URLs of produced files carry signatures from now on."""
        with self._lock:
            self._signatures = self._signatures or 0

    def expire_urls(self) -> None:
        """Let the signatures that were given out so far be worth nothing."""
        with self._lock:
            self._expired = self._signatures or 0

    def signed(self, body: bytes) -> bytes:
        """Return an answer with a new signature on each URL of a produced file."""
        with self._lock:
            if self._signatures is None:
                return body

            pattern = rb'(https?://[^"\s/]+/' + self.name.encode() + rb'/[^"\s?]+\.\w+)(?=")'
            signature = str(self._signatures + 1).encode()
            body, count = re.subn(pattern, rb"\g<1>?signature=" + signature, body)
            self._signatures += bool(count)
            return body

    def opens(self, query: Mapping[str, str]) -> bool:
        """Tell whether a produced file may be had with this query."""
        with self._lock:
            told = query.get("signature", "")
            return self._signatures is None or (told.isdigit() and int(told) > self._expired)

    def count_step(self, step: Step) -> None:
        """Count a request by what it is for."""
        if step in _COUNTER_OF_STEP:
            with self._lock:
                self._counts[_COUNTER_OF_STEP[step]] += 1

    def count_connection(self, change: Literal[1, -1]) -> None:
        """Count a connection that was opened (1) or closed (-1)."""
        with self._lock:
            self.open_connections += change
            if change > 0:
                self._counts["connections"] += 1

    def counters(self) -> Counters:
        """Return all counts as frozen data."""
        with self._lock:
            return Counters(**self._counts, open_connections=self.open_connections)

    def issue_token(self, token: str) -> None:
        """Let a token pass as a key, as a provider's short-lived ones do."""
        with self._lock:
            self._tokens.add(token)

    def knows_token(self, token: str) -> bool:
        """Tell whether a token was issued."""
        with self._lock:
            return token in self._tokens
