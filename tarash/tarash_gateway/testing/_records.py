"""What the simulator saw, as frozen data that tests can keep and compare.

Plain data: nothing here knows a provider, a server or a thread.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Step = Literal[
    "submit",
    "poll",
    "stream",
    "result",
    "cancel",
    "list",
    "model",
    "upload_init",
    "upload",
    "download",
]
"""What a request is for; faults and counters go by it.

`list` are the requests for a page of the account's jobs, `model` those for what a model takes.

`upload_init` are the calls around an upload (a token, a signed URL), `upload` those that carry its
bytes.
"""

JobStatus = Literal["queued", "running", "completed", "failed", "cancelled", "lost"]


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One HTTP request as it arrived.

    Attributes:
        origin: A provider's name, `media` or `foreign`.
        method: Upper case.
        path: Decoded, without the query.
        query: The last value of each parameter.
        headers: Names in lower case; repeated headers are joined by a comma.
        body: The whole body.
        path_values: What the wire's route read out of the path.
    """

    origin: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    path_values: Mapping[str, str]

    def json(self) -> Any:
        """Parse the body; raises `ValueError` where it is no JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted job at the moment it was looked at.

    Attributes:
        id: The provider's id of the job.
        endpoint: The model or endpoint that it was submitted to.
        payload: The parsed body of the submit.
        headers: Of the submit, names in lower case.
        query: Of the submit.
        submitted_at: UTC.
        status: Where the job stands by its script.
        cancel_requested: Whether a cancel reached this job, whatever it was answered.
        result_status: The HTTP status that the result is, or will be, served with.
        result_body: The body of the result as it is, or will be, served.
        shortest_pause: Seconds between the two polls that came closest together; None where there
            were fewer than two.
    """

    id: str
    endpoint: str
    payload: Any
    headers: Mapping[str, str]
    query: Mapping[str, str]
    submitted_at: datetime
    status: JobStatus
    cancel_requested: bool
    result_status: int
    result_body: Any
    shortest_pause: float | None = None


@dataclass(frozen=True, slots=True)
class SentWebhook:
    """One webhook as it was sent.

    Attributes:
        job_id: The provider's id of the job that it is about.
        url: Where it went.
        headers: Its signature among them.
        body: The whole body.
        status: The HTTP status that it was answered with; 0 for no answer.
    """

    job_id: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    status: int


@dataclass(frozen=True, slots=True)
class Counters:
    """How often each step was reached, whatever came of it.

    Attributes:
        submits: Requests that reached the submit step, those that a fault or a wrong key ended too.
        accepted: Jobs created: what a provider would have billed.
        polls: Requests for a job's status.
        streams: Status streams asked for.
        results: Results asked for.
        cancels: Cancels asked for.
        lists: Pages of the list of jobs asked for.
        uploads: Requests that carried the bytes of an upload.
        models: Requests for what a model takes.
        downloads: Requests for a produced file, on the public media origin or the provider's own.
        connections: TCP connections opened.
        open_connections: TCP connections open right now.
        most_in_flight: The most jobs that were accepted and had not ended at one moment.
    """

    submits: int = 0
    accepted: int = 0
    polls: int = 0
    streams: int = 0
    results: int = 0
    cancels: int = 0
    lists: int = 0
    uploads: int = 0
    models: int = 0
    downloads: int = 0
    connections: int = 0
    open_connections: int = 0
    most_in_flight: int = 0
