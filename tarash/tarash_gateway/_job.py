"""One job as this process sees it: driven by us, by somebody else, or by nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ._attempt import Attempt, Progress
from ._begin import changed, rebuilt
from ._engine import look, stop
from ._ids import generate_unique_id
from ._orchestrator import Run, adapter_of, watcher
from ._store import error_of, response_of
from .exceptions import TarashException
from .models import ImageGenerationUpdate, VideoGenerationUpdate

if TYPE_CHECKING:
    from ._attempt import Deliver
    from ._contract import Operation, Response, Snapshot
    from ._portal import Caller
    from ._records import JobRecord, Ledger
    from ._types import CancelAnswer


class Job:
    """A job and what is known of it here; the ledger knows better where it has one."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @property
    def job_id(self) -> str:
        """Its id in the ledger; empty where there is only an operation."""
        return self.run.hold.job_id

    async def go(self, deliver: Deliver | None, caller: Caller | None) -> Response:
        """Drive a job that is in our hands to its end."""
        return _certain(await self.run.go(deliver, caller))

    async def accepted(self) -> None:
        """Drive a job that is in our hands until a provider has accepted it."""
        await self.run.go(None, None, until_accepted=True)

    async def settle_in(self) -> None:
        """Wait until a job that somebody else submits has been accepted, or has ended."""
        tries = 0
        while (record := await self._record()) is not None and record.state == "open":
            self.run = await self._refreshed(record)
            if self.run.current.operation is not None:
                break

            if not record.held and await self._take():
                await self.accepted()
                return

            await changed(self._ledger, self.job_id, tries)
            tries += 1

    async def wait(self, deliver: Deliver | None, caller: Caller | None) -> Response:
        """Wait for a job: drive it where nobody does, else look at what it comes to."""
        if self.run.response is not None:
            return await _tell(self.run, deliver)

        if not self.job_id:
            return _certain(await watcher(self.run).go(deliver, caller))

        tries = 0
        while True:
            record = await self._record()
            if record is None:  # so old that the ledger has forgotten it
                return _certain(await watcher(self.run).go(deliver, caller))

            ended = await self._ended(record)
            if ended is not None:
                self.run.response = ended
                return await _tell(self.run, deliver)

            if await self._take():
                return await self.go(deliver, caller)

            if self.run.current.operation is not None:
                return _certain(await watcher(self.run).go(deliver, caller))

            await changed(self._ledger, self.job_id, tries)
            tries += 1

    async def _ended(self, record: JobRecord) -> Response | None:
        """Return the kept response of a job that has ended.

        Raises:
            TarashException: It ended in this error.
        """
        if record.state in ("open", "unknown"):
            return None

        if record.state == "completed":
            kept = None if record.result is None else response_of(record.result)
            if kept is None and self.run.current.operation is not None:
                return _certain(await watcher(self.run).go(None, None))

            if kept is not None:
                return kept

        raise self.run.failure or error_of(record.result)

    async def _take(self) -> bool:
        """Take the job into our hands, as it stands in the ledger by now."""
        holder = generate_unique_id()
        if not await self._ledger.claim(self.job_id, holder):
            record = await self._record()
            if record is not None:
                self.run = await self._refreshed(record)

            return False

        record = await self._record()
        if record is not None:
            if record.state not in ("open", "unknown"):
                # It ended between our look and our claim.
                await self._ledger.close(self.job_id, holder, record.state, record.result)
                return False

            self.run = await self._refreshed(record)

        self.run.hold = replace(self.run.hold, holder=holder)
        self.run.current.deadline = None
        return True

    async def _refreshed(self, record: JobRecord) -> Run:
        """Return our run where it is in step with the ledger, else one made from the ledger."""
        known = [one.intent.id for one in self.run.attempts if one.intent is not None]
        last = record.entries[-1] if record.entries else None
        in_step = known == [entry.intent.id for entry in record.entries]
        if in_step and (last is None or last.operation == self.run.current.operation):
            return self.run

        keys = {
            call.config.provider: call.config.api_key
            for call in self.run.calls
            if call.config.api_key
        }
        return await rebuilt(record, self.run.resources, keys)

    async def _record(self) -> JobRecord | None:
        return await self._ledger.get(self.job_id)

    @property
    def _ledger(self) -> Ledger:
        return self.run.resources.ledger

    async def status(self) -> Any:
        """Return an update that says where the job stands, after one look at it."""
        run = self.run
        if run.response is not None:
            return _update(run.current, "completed", result=run.response, progress_percent=100)

        if self.job_id and (record := await self._record()) is not None:
            self.run = run = await self._refreshed(record)
            if record.state in ("failed", "cancelled", "unknown"):
                return _update(run.current, "failed", error=error_of(record.result).message)

        operation = run.current.operation
        if operation is None:
            return _update(run.current, "queued")

        return await self._looked(run.current, operation)

    async def _looked(self, attempt: Attempt, operation: Operation) -> Any:
        resources = self.run.resources
        adapter = adapter_of(attempt.call, resources.registry)
        snapshot: Snapshot = await look(adapter, attempt, operation, resources)
        facts: dict[str, Any] = {"update": snapshot.raw}
        if snapshot.status == "completed":
            facts["progress_percent"] = 100
            if snapshot.finished is not None:
                response = adapter.parse(attempt.fitted or attempt.call, snapshot.finished)
                facts["result"] = response.model_copy(update={"request_id": operation.id})
        elif snapshot.status == "failed":
            facts["error"] = "The job failed" if snapshot.error is None else snapshot.error.message
        else:
            facts["progress_percent"] = snapshot.progress
            facts["queue_position"] = snapshot.queue_position

        return _update(attempt, snapshot.status, **facts)

    async def cancel(self) -> CancelAnswer:
        """Ask the provider to stop the job."""
        if self.run.response is not None:
            return "too_late"

        if self.job_id and (record := await self._record()) is not None:
            self.run = await self._refreshed(record)
            if record.state == "completed":
                return "too_late"

        attempt = self.run.current
        if attempt.operation is None:
            return "unsupported"

        resources = self.run.resources
        adapter = adapter_of(attempt.call, resources.registry)
        answer = await stop(adapter, attempt, attempt.operation, resources)
        attempt.stopped = answer in ("cancelled", "requested")
        if answer == "cancelled" and self.job_id and attempt.intent is not None:
            # Whoever waits for it reads this, and buys no fallback.
            await self._ledger.settle(attempt.intent.id, "accepted", "cancelled")
            holder = generate_unique_id()
            if await self._ledger.claim(self.job_id, holder):
                await self._ledger.close(self.job_id, holder, "cancelled")

        return answer


def _certain(response: Response | None) -> Response:
    if response is None:  # a run to its end returns one or raises
        raise TarashException("The job ended without a result")

    return response


async def _tell(run: Run, deliver: Deliver | None) -> Response:
    response = _certain(run.response)
    await Progress(run.current, deliver).completed(response)
    return response


def _update(attempt: Attempt, status: str, **facts: Any) -> Any:
    is_video = attempt.call.kind == "video"
    update = VideoGenerationUpdate if is_video else ImageGenerationUpdate
    return update(
        request_id=attempt.request_id,
        status=cast("Any", status),
        attempt_number=attempt.call.attempt_number,
        provider=attempt.call.config.provider,
        model=attempt.call.config.model,
        **facts,
    )
