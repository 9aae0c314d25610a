"""What one origin of the simulator remembers: jobs, scripts, faults, requests, counts.

Written by the server's thread and read by the tests' threads, so every access takes the lock. It
must not know a protocol: a job has a phase here, and only the wire has words for it.
"""

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from tarash.tarash_gateway.testing._fault import Fault
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._records import (
    Counters,
    Job,
    RecordedRequest,
    SentWebhook,
    Step,
)
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import WireError

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
        self.wire_errors: list[WireError] = []
        """What the wire itself raised; kept by `reset`, since it is a bug in the simulator."""
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
            for name in [step] if step is not None else list(self._faults):
                self._faults.pop(name, None)

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
            jobs = [job for job in self._jobs.values() if job.script.outcome != "lost"]

        return jobs[::-1]

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
            signature = query.get("signature", "")
            return self._signatures is None or (
                signature.isdigit() and int(signature) > self._expired
            )

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
