"""A provider on the virtual clock, which answers for many jobs by a list. No network, no thread."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tarash.tarash_gateway import Gateway, HTTPError, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway._data._exchange import (
    Call,
    Operation,
    Page,
    Payload,
    RawResult,
    Snapshot,
    Together,
)
from tarash.tarash_gateway._data._types import JobStatus
from tarash.tarash_gateway.providers import ErrorRules, RestAdapter
from tarash.tarash_gateway.providers._registry import Registry

LATENCY = 0.05
"""Seconds that a request takes; what it says is so in the middle of them."""
VIDEO = {"url": "https://cdn.example.com/v.mp4"}


@dataclass(eq=False)
class Job:
    """One job of the provider."""

    begins: float
    """When it is no longer queued, by the clock of the loop."""
    ends: float
    polls: list[float] = field(default_factory=list)
    """When it was asked for by itself."""
    heard: list[float] = field(default_factory=list)
    """When a page said where it stands."""
    progress: float | None = None


class Studio(RestAdapter):
    """Its adapter, and the provider itself."""

    name = "studio"
    base_url = "https://api.studio.example"
    abilities = frozenset({"poll_many", "verify_credentials"})
    key_variables = ()
    errors = ErrorRules(title="Studio")
    min_poll_interval = 0.1
    media: ClassVar[dict[str, str]] = {"video": "result", "image": "result"}

    def __init__(self, size: int = 100) -> None:
        """Begin without a job.

        Args:
            size: Jobs on a page.
        """
        self.size = size
        self.jobs: dict[str, Job] = {}
        self.lengths: Iterator[float] = itertools.repeat(0.0)
        """How many seconds the next jobs run."""
        self.lists = 0
        self.is_listed = asyncio.Event()
        self.latency = LATENCY
        """Of lists."""
        self.hidden: set[str] = set()
        """Jobs that its list lacks."""
        self.fails = False
        """Whether it can't be read."""
        self.queued = 0.0
        """For how many seconds a job is queued."""
        self.registry = Registry()
        self.registry.register_provider("studio", self)
        self.gateway = Gateway(registry=self.registry)

    @property
    def polls(self) -> int:
        """How often jobs were asked for by themselves."""
        return sum(len(job.polls) for job in self.jobs.values())

    @property
    def heard(self) -> int:
        """How often pages said where jobs stand."""
        return sum(len(job.heard) for job in self.jobs.values())

    async def submit(self, client: Any, payload: Payload, call: Call) -> Operation:
        del payload
        await asyncio.sleep(LATENCY)
        name = f"job-{len(self.jobs)}"
        self.jobs[name] = Job(_now() + self.queued, _now() + next(self.lengths))
        return self.operation(client, call, name)

    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        del client
        job = self.jobs[operation.id]
        job.polls.append(_now())
        await asyncio.sleep(LATENCY / 2)
        snapshot = self._at(operation.id, job)
        await asyncio.sleep(LATENCY / 2)
        return snapshot

    def together(self, operation: Operation) -> Together:
        del operation
        return Together()

    async def poll_many(self, client: Any, operations: Sequence[Operation], place: str) -> Page:
        del client, operations
        self.lists += 1
        self.is_listed.set()
        await asyncio.sleep(self.latency / 2)
        if self.fails:
            raise HTTPError("HTTP 500", status_code=500)

        listed = [name for name in reversed(self.jobs) if name not in self.hidden]
        start = listed.index(place) if place in listed else 0
        page = listed[start : start + self.size]
        said: Mapping[str, Snapshot] = {name: self._at(name, self.jobs[name]) for name in page}
        await asyncio.sleep(self.latency / 2)
        for name in page:
            self.jobs[name].heard.append(_now())

        return Page(said, "".join(listed[start + self.size :][:1]))

    def _at(self, name: str, job: Job) -> Snapshot:
        if _now() >= job.ends:
            body = {"id": name, "result": VIDEO}
            return Snapshot("completed", raw=body, finished=RawResult(body, {}))

        status: JobStatus = "queued" if _now() < job.begins else "processing"
        return Snapshot(status, raw={"id": name}, progress=job.progress)

    async def generate(self, on_progress: Any = None, **changes: Any) -> float:
        """Generate; return how long after its end the job was delivered."""
        facts = {"provider": "studio", "model": "m", "api_key": "key-of-a-test"}
        config = VideoGenerationConfig(**{**facts, **changes})
        request = VideoGenerationRequest(prompt="A cat")
        response = await self.gateway.generate_video_async(config, request, on_progress)
        return _now() - self.jobs[response.request_id].ends


def _now() -> float:
    return asyncio.get_running_loop().time()
