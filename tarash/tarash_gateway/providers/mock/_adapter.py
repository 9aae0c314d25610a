"""The mock's protocol: draws, jobs, statuses. It never waits: the pace goes to the engine."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..._data._exchange import MediaSupport, Operation, Payload, RawResult, Snapshot
from ..._http._send_state import current_wire
from ..._support._words import with_article
from ...exceptions import GenerationFailedError, ValidationError
from ...media import samples
from ...models import (
    ImageGenerationResponse,
    MockPollingConfig,
    MockResponse,
    VideoGenerationResponse,
)
from .._contract import AdapterDefaults
from ._draws import Draw, draw_for, fresh, outcome_of, settings
from ._media import event_of, finish, image_of, previews, sent, visible
from ._responses import response_of

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, PartialImage, Response
    from ..._data._types import CancelAnswer, JobStatus
    from ..._http._client import Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec
    from .._contract import Ability

MOST_JOBS = 10_000
"""Jobs remembered in one process; the oldest makes room."""
MOST_MEDIA = 64
"""Videos or images in one request."""
ENDED = frozenset({"completed", "failed"})


class MockClient:
    """Stands where a provider's connections would be: there are none."""

    async def aclose(self) -> None:
        """Close nothing."""


@dataclass(slots=True)
class _Job:
    """A job that pretends to be worked on."""

    call: Call
    polling: MockPollingConfig
    draw: Draw
    last: Snapshot | None = None
    looks: int = 0
    cancelled: bool = False

    @property
    def ended(self) -> bool:
        return self.last is not None and self.last.status in ENDED

    def step(self, job_id: str) -> Snapshot:
        """Return what the next poll sees, without a result."""
        # A poll that was cut short while the result was made is made good by the next one.
        index = min(self.looks, len(self.polling.status_sequence) - 1)
        self.looks += 1
        status = self.polling.status_sequence[index]
        progress = self._progress(index, status)
        updates = self.polling.custom_updates
        raw = {"id": job_id, "status": status, "progress": progress}
        return Snapshot(
            status,
            raw=raw if updates is None else updates[index],
            progress=progress,
            retry_after=None if status in ENDED else self.polling.delay_between_updates,
        )

    def _progress(self, index: int, status: JobStatus) -> float | None:
        if self.polling.progress_percentages is not None:
            return self.polling.progress_percentages[index]

        if status == "failed":
            return None

        steps = len(self.polling.status_sequence) - 1
        return 100 * index / steps if steps else 100


class MockAdapter(AdapterDefaults):
    """The mock, by the contract of adapters; its jobs live in the process, not in a client."""

    name = "mock"
    abilities: frozenset[Ability] = frozenset({"partial_image"})
    accepts = MediaSupport()
    min_poll_interval = 0.0
    base_url = "mock://local"
    trusted_hosts: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, _Job] = OrderedDict()

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:  # noqa: ARG002  (the contract's parameters)
        """Return what stands for a key: none is needed."""
        return "none"

    def connect(self, account: Credentials, transport: Transport) -> MockClient:  # noqa: ARG002  (as above)
        """Make a client."""
        return MockClient()

    def build(self, call: Call, spec: ModelSpec) -> Payload:  # noqa: ARG002  (as above)
        """Return the request as JSON, with placeholders for bytes.

        Raises:
            ValidationError: More or larger media than the mock makes.
        """
        _check(call)
        asked = call.request.model_dump(exclude_defaults=True)
        return Payload(f"{call.kind}s", {"model": call.config.model, **visible(asked)})

    async def submit(
        self,
        client: MockClient,  # noqa: ARG002  (as above)
        payload: Payload,  # noqa: ARG002  (as above)
        call: Call,
    ) -> Operation | RawResult:
        """Draw an outcome: raise its error, answer at once, or begin a job."""
        mock = settings(call)
        draw = draw_for(mock, call)
        outcome = outcome_of(mock, draw.outcome)
        if outcome.error is not None:
            raise fresh(outcome.error)

        _check_kind(outcome, call)
        if mock.polling is None or not mock.polling.enabled:
            wire = current_wire.get()
            if wire is not None and wire.hear is not None:
                for part in await previews(call, draw):
                    wire.hear(event_of(part))

            return await finish(call, draw, call.request_id)

        operation = Operation(
            # Never the config's provider: nobody shall look for this job at a real one.
            provider=self.name,
            model=call.config.model,
            kind=call.kind,
            id=f"mock-{uuid.uuid4().hex}",
            submitted_at=datetime.now(UTC).isoformat(),
            data={"retry_after": mock.polling.delay_between_updates},
        )
        self._jobs[operation.id] = _Job(_without_media(call), mock.polling, draw)
        while len(self._jobs) > MOST_JOBS:
            self._jobs.popitem(last=False)

        return operation

    async def poll(self, client: MockClient, operation: Operation) -> Snapshot:  # noqa: ARG002  (as above)
        """Walk one status on; a job that has ended stays as it is."""
        job = self._jobs.get(operation.id)
        if job is None:
            return _lost(operation)

        if job.last is not None and (job.ended or job.cancelled):
            return job.last

        snapshot = job.step(operation.id)
        if snapshot.status == "failed":
            snapshot = _failed(job, operation, snapshot.raw, "ended as status_sequence says")
        elif snapshot.status == "completed":
            finished = await finish(job.call, job.draw, operation.id)
            snapshot = replace(snapshot, finished=finished)

        if snapshot.status in ("processing", "completed"):
            snapshot = await self._with_parts(job, snapshot)

        if not job.cancelled:  # meanwhile, that is
            job.last = replace(snapshot, parts=())
            return snapshot

        return job.last or snapshot

    @staticmethod
    async def _with_parts(job: _Job, snapshot: Snapshot) -> Snapshot:
        """Return what a poll says, with its share of the images on the way."""
        parts = await previews(job.call, job.draw)
        statuses = enumerate(job.polling.status_sequence)
        looks = [place for place, status in statuses if status == "processing"]
        place = job.looks - 1
        if not looks or place not in looks:
            return replace(snapshot, parts=() if looks else parts)

        share, whole = looks.index(place), len(looks)
        first, after = share * len(parts) // whole, (share + 1) * len(parts) // whole
        return replace(snapshot, parts=parts[first:after])

    def partial_image(self, event: bytes) -> PartialImage | None:
        """Return the image on the way that an event holds; None for any other."""
        return image_of(event)

    async def cancel(self, client: MockClient, operation: Operation) -> CancelAnswer:  # noqa: ARG002  (as above)
        """Stop the job, unless it has ended."""
        job = self._jobs.get(operation.id)
        if job is None or (job.ended and not job.cancelled):
            return "too_late"

        job.cancelled = True
        raw = {"id": operation.id, "status": "cancelled"}
        job.last = _failed(job, operation, raw, "was cancelled")
        return "cancelled"

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response that was drawn, given or made."""
        return response_of(call, finished)


def _lost(operation: Operation) -> Snapshot:
    """Return the end of a job that nobody can make any more."""
    error = GenerationFailedError(
        f"The mock does not know the job {operation.id}: it keeps the last {MOST_JOBS} jobs of a "
        "process, and only while the process lives; generate again",
        operation.provider,
        operation.model,
        operation.id,
        submission="accepted",
    )
    raw = {"id": operation.id, "status": "lost"}
    return Snapshot("failed", raw=raw, error=error, billing="none", certain=True)


def _failed(job: _Job, operation: Operation, raw: Any, what: str) -> Snapshot:
    config = job.call.config
    error = GenerationFailedError(
        f"The mocked job {what}",
        config.provider,
        config.model,
        operation.id,
        raw,
        submission="accepted",
    )
    return Snapshot("failed", raw=raw, error=error, billing="none", certain=True)


def _check(call: Call) -> None:
    count = _count(call)
    if count > MOST_MEDIA:
        raise _refusal(call, f"makes at most {MOST_MEDIA} {call.kind}s at once, not {count}")

    if call.kind == "image":
        shape = sent(call)
        width, height = samples.image_size(shape["size"], shape["aspect_ratio"])
        if max(width, height) > samples.LARGEST_IMAGE_SIDE:
            most = samples.LARGEST_IMAGE_SIDE
            raise _refusal(call, f"makes images of up to {most} pixels a side, not {shape['size']}")


def _check_kind(outcome: MockResponse, call: Call) -> None:
    given = outcome.mock_response
    wanted = VideoGenerationResponse if call.kind == "video" else ImageGenerationResponse
    if given is not None and not isinstance(given, wanted):
        raise _refusal(
            call,
            f"was given {with_article(type(given).__name__)} as mock_response where {call.kind}s "
            f"are asked for; give {with_article(wanted.__name__)}",
        )


def _refusal(call: Call, what: str) -> ValidationError:
    config = call.config
    return ValidationError(
        f"The mock {what}", config.provider, config.model, call.request_id, submission="not_sent"
    )


def _count(call: Call) -> int:
    name = "number_of_videos" if call.kind == "video" else "n"
    count: int = getattr(call.request, name)
    return count


def _without_media(call: Call) -> Call:
    """Return the call without what the mock has no use for, since a job may be kept for long."""
    dropped: dict[str, Any] = {"image_list": (), "video": None, "mask_image": None}
    changes = {name: dropped[name] for name in dropped if hasattr(call.request, name)}
    return replace(call, request=call.request.model_copy(update=changes))


adapter = MockAdapter()
