"""One job as this process sees it: driven by us, by somebody else, or by nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio

from .._data._events import CancelAsked
from .._data._hints import keep_results
from .._data._made_by import keep_config
from .._engine import Lease, ledger_failed, poll_once
from .._support._ids import generate_unique_id
from .._support._secrets import Keys
from .._support._under_way import UnderWay
from ..exceptions import TarashException
from ._adapters import adapter_of
from ._chain import ChainRun, report_end, watcher
from ._closing import close_cancelled, close_delivered
from ._forgotten import recall, recall_safely, settle_seen
from ._hedging import certain, watched
from ._opening import changed, come_back, rebuilt
from ._queue import is_for_others
from ._stopping import record_cancelled, stop_all, stop_the_next, unfinished
from ._store import (
    ended_in,
    is_kept,
    kept_of,
    nameless,
    response_of,
    result_of,
)
from ._updates import update_of
from ._withdrawing import let_go_later

if TYPE_CHECKING:
    from .._data._exchange import Operation, Response, Snapshot
    from .._data._types import CancelAnswer
    from .._engine._attempt import Attempt
    from .._engine._progress import Deliver
    from .._support._portal import Caller
    from ..ledger._contract import JobRecord, Ledger


class Job:
    """A job and what is known of it here; the ledger knows better where it has one."""

    def __init__(self, run: ChainRun, *, works: bool = False, seen: Any = None) -> None:
        self.run, self._works, self.stays_open = run, works, works
        """Whether it is somebody's order: who drives it may leave, and others go on with it."""
        self._seen: JobRecord | None = seen  # what the ledger has said of it a moment ago
        self.untaken: Lease | None = None  # which the ledger may have, and nobody drives it by
        self.is_others = False  # whether another worker was faster than ours
        self._driven: ChainRun | None = None
        """What this handle drives at the moment, and knows better than the ledger."""

    @property
    def job_id(self) -> str:
        """Its id in the ledger; empty where there is only an operation."""
        return self.run.lease.job_id

    async def go(self, deliver: Deliver | None, caller: Caller | None) -> Response:
        """Drive a job that is in our hands to its end."""
        return certain(await self._drive(deliver, caller))

    async def accepted(self, deliver: Deliver | None = None, caller: Caller | None = None) -> None:
        """Drive a job in our hands until a provider has accepted it."""
        await self._drive(deliver, caller, until_accepted=True)

    async def until_accepted(
        self, deliver: Deliver | None = None, caller: Caller | None = None
    ) -> None:
        """Drive a job until a provider has accepted it, or wait until somebody else has.

        Raises:
            TarashException: It ended in this error.
        """
        if self.run.response is None:
            await self.settle_in(deliver, caller)

        record = None if self.run.response is not None else await self._record()
        if record is not None and record.state not in ("open", "completed"):
            raise ended_in(record, self.run.failure)

    async def _drive(
        self, deliver: Deliver | None, caller: Caller | None, *, until_accepted: bool = False
    ) -> Response | None:
        self._driven = self.run
        try:
            with UnderWay(self.run.leave_behind):
                return await self.run.go(deliver, caller, until_accepted=until_accepted)
        finally:
            self._driven = None

    async def settle_in(self, deliver: Deliver | None = None, caller: Caller | None = None) -> None:
        """Wait until a job that somebody else submits has been accepted, or has ended."""
        tries = 0
        while (record := await self._record()) is not None and record.state == "open":
            self.run = await self._refreshed(record)
            if self.run.current.operation is not None:
                break

            if not (record.held or await self._is_left(record)) and await self._take():
                await self.accepted(deliver, caller)
                return

            await changed(self._ledger, self.job_id, tries)
            tries += 1

    async def wait(self, deliver: Deliver | None, caller: Caller | None) -> Response:
        """Wait for a job: drive it where nobody does, else look at what it comes to."""
        if self.run.response is not None:
            return await report_end(self.run, deliver)

        if self.job_id:
            return await self._follow(deliver, caller)

        await recall_safely(self.run)
        response = certain(await watcher(self.run).go(deliver, caller))
        try:
            record = await self._recorded()
            if record is not None:
                await close_delivered(self.run, record, response)
        except Exception as error:  # noqa: BLE001  (a paid result matters more)
            ledger_failed(self.run.lease, error)

        return response

    async def _follow(self, deliver: Deliver | None, caller: Caller | None) -> Response:
        """Wait for a job of the ledger, in whosever hands it is by then."""
        tries = 0
        known_at: float | None = None
        failure: TarashException | None = None
        while True:
            if self.run.response is not None:  # another task's, by this handle
                return await report_end(self.run, deliver)

            record, self._seen = self._seen or await self._record(), None
            record = record or await come_back(self.run, known_at)
            known_at = anyio.current_time()
            if record is None:  # so old that the ledger has forgotten it
                await recall_safely(self.run)
                return certain(await watcher(self.run).go(deliver, caller))

            if (ended := await self._ended(record, failure)) is not None:
                self.run.response = ended
                return await report_end(self.run, deliver)

            is_left = await self._is_left(record)
            if not is_left and await self._take():
                del record  # thousands of jobs wait here, each with what it keeps
                return await self.go(deliver, caller)

            operation = None if is_left else self.run.current.operation
            if operation is not None and (failure is None or failure.request_id != operation.id):
                seen = watcher(self.run)
                try:
                    if (response := await watched(seen, self._record, deliver, caller)) is not None:
                        return response
                except TarashException as error:
                    if not seen.may_follow(error):
                        raise

                    # Whoever holds the job will see it too, and go on along the chain, or not.
                    failure, tries = error, 0

            await changed(self._ledger, self.job_id, tries)
            tries += 1

    async def _ended(
        self, record: JobRecord, failure: TarashException | None = None
    ) -> Response | None:
        """Return the kept response of a job that has ended.

        Args:
            record: The job.
            failure: What we have seen of its last attempt.

        Raises:
            TarashException: It ended in this error.
        """
        if record.state in ("open", "unknown"):
            return None

        if record.state == "completed":
            return await self._result_of(record)

        raise ended_in(record, failure or self.run.failure)

    async def _result_of(self, record: JobRecord) -> Response:
        """Return the response of a job that is done: as it was kept, else from its provider."""
        kept = None if record.result is None else response_of(record.result)
        if kept is not None:
            call = self.run.current.call
            keep_config(kept, call.config, self.run.resources.makers(call))
            return kept

        self.run = await self._refreshed(record)
        if self.run.current.operation is None:
            raise TarashException(
                f"The job {record.id} is done; its result was the answer itself, and only the "
                "process that drove it has that",
                submission="accepted",
                code="result_not_kept",
                hints=[keep_results()],
            )

        return certain(await watcher(self.run).go(None, None))

    async def _is_left(self, record: JobRecord) -> bool:
        return not self._works and await is_for_others(record, self._ledger)

    async def _take(self) -> bool:
        """Take the job into our hands, as it stands in the ledger by now."""
        lease = replace(self.run.lease, owner_id=generate_unique_id())
        try:
            taken = await self._taken(lease)
        except BaseException:
            # It may be ours in the ledger, whose answer was lost or which failed after that.
            if not await lease.let_go():
                self.untaken = lease
                let_go_later(lease)  # a worker does so itself before it reads its queue again

            raise

        self.is_others = self._works and not taken
        if self.is_others:  # a worker has room for what it drives, and not for looking on
            raise TarashException(f"Another worker has the job {self.job_id}")

        return taken

    async def _taken(self, lease: Lease) -> bool:
        if not await self._ledger.claim(self.job_id, lease.owner_id):
            record = await self._record()
            if record is not None:
                self.run = await self._refreshed(record)

            return False

        record = await self._record()
        if record is not None:
            if record.state not in ("open", "unknown"):
                # It ended between our look and our claim.
                await self._ledger.close(self.job_id, lease.owner_id, record.state, record.result)
                return False

            self.run = await self._refreshed(record)

        self.run.lease = replace(self.run.lease, owner_id=lease.owner_id)
        self.run.is_worked, self.run.current.deadline = self._works, None
        self.run.stays_open = self.stays_open
        return True

    async def _refreshed(self, record: JobRecord) -> ChainRun:
        """Return our run where it is in step with the ledger, else one made from the ledger."""
        if self._driven is not None:
            return self._driven

        run = self.run
        if run.lease.unwritten:
            await run.lease.catch_up()
            return run  # which knows more than the ledger had

        known = [attempt.intent.id for attempt in run.attempts if attempt.intent is not None]
        in_step = known == [entry.intent.id for entry in record.entries]
        last = record.entries[-1] if record.entries else None
        last = next((one for one in record.entries if one.outcome == "completed"), last)
        # Of several attempts, the one to go on with follows from how the others ended.
        is_plain = len(known) <= 1 or record.state not in ("open", "unknown")
        kept = record.state == "open" and is_kept(record)
        if in_step and is_plain and not kept:
            operation = None if last is None else last.operation
            if operation in (None, run.current.operation):
                return run

        configs = [call.config for call in run.calls]
        head = run.calls[0]
        request = None if head.lost else head.request
        return await rebuilt(record, run.resources, Keys(None), configs, request)

    async def _record(self) -> JobRecord | None:
        """Return the job as the ledger has it; None where a job that we know can't be read."""
        try:
            return await self._ledger.get(self.job_id)
        except Exception as error:
            if self.run.current.operation is None:
                raise

            # The job is paid for, and can be looked at without the ledger.
            ledger_failed(self.run.lease, error)
            return None

    @property
    def _ledger(self) -> Ledger:
        return self.run.resources.ledger

    async def status(self) -> Any:
        """Return an update that says where the job stands, after one poll of it."""
        run = self.run
        if run.response is not None:
            return update_of(run.current, "completed", result=run.response, progress_percent=100)

        if self.job_id and (record := await self._record()) is not None:
            self.run = run = await self._refreshed(record)
            if record.state in ("failed", "cancelled", "unknown"):
                error = ended_in(record, run.failure)
                return update_of(run.current, "failed", error=error.message)

            kept = await result_of(record, self._ledger)
            if kept is not None:
                return update_of(run.current, "completed", result=kept, progress_percent=100)

        operation = run.current.operation
        if operation is None:
            return update_of(run.current, "queued")

        return await self._polled(run.current, operation)

    async def _polled(self, attempt: Attempt, operation: Operation) -> Any:
        resources = self.run.resources
        adapter = adapter_of(attempt.call, resources.registry)
        snapshot: Snapshot = await poll_once(adapter, attempt, operation, resources)
        await settle_seen(self.run, adapter, snapshot)
        news: dict[str, Any] = {"update": snapshot.raw}
        if snapshot.status == "completed":
            news["progress_percent"] = 100
            if snapshot.finished is not None:
                response = adapter.parse(attempt.fitted or attempt.call, snapshot.finished)
                ids = {"request_id": operation.id, "operation": operation.to_json()}
                news["result"] = response.model_copy(update=ids)
                keep_config(
                    news["result"], attempt.call.config, self.run.resources.makers(attempt.call)
                )
        elif snapshot.status == "failed":
            news["error"] = "The job failed" if snapshot.error is None else snapshot.error.message
        else:
            news["progress_percent"] = snapshot.progress
            news["queue_position"] = snapshot.queue_position

        return update_of(attempt, snapshot.status, **news)

    async def cancel(self) -> CancelAnswer:
        """Ask the provider to stop the job."""
        if self.run.response is not None:
            return "too_late"

        record = await self._recorded()
        if record is not None and (
            record.state == "completed" or await kept_of(record, self._ledger) is not None
        ):
            return "too_late"

        attempts = unfinished(self.run)
        if not attempts:
            return await self._cancel_unsent(record)

        for attempt in attempts:
            await attempt.apply(CancelAsked(reason="handle"))
            if record is not None and attempt.operation is not None:
                await record_cancelled(record, attempt.operation, self._ledger)

        answer = await stop_all(self.run, attempts)
        if answer == "cancelled" and record is not None and record.state == "open":
            await close_cancelled(self.run, record)

        return answer

    async def _cancel_unsent(self, record: JobRecord | None) -> CancelAnswer:
        """Close a job that was never sent; of one that may have been, nobody has the id.

        Raises:
            TarashException: A job may run that nobody can name.
        """
        if record is None:
            return "unsupported"

        if record.held:
            return await stop_the_next(record, self._ledger)

        safe = ("not_sent", "rejected")
        if not all(entry.submission in safe for entry in record.entries):
            raise nameless(record)

        if record.state == "open":
            await close_cancelled(self.run, record)

        return "cancelled"

    async def _recorded(self) -> JobRecord | None:
        """Return the job as the ledger has it; for a token, too, where it is the job's ledger."""
        if self.job_id:
            record = await self._record()
            if record is not None:
                self.run = await self._refreshed(record)

            return record

        return await recall(self.run)
