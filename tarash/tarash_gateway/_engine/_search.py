"""Searches the provider's own list for a job whose submit was never answered, and adopts it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._data._events import Adopted
from .._data._exchange import Payload
from .._data._hints import check_dashboard
from ..exceptions import TarashException, UnsupportedOperationError
from ..ledger._contract import RECEIVED
from ._cross_process_wakeups import named_job
from ._lease import ledger_failed
from ._second_jobs import keep_second, payload_of
from ._submit import is_small
from ._timeouts import SEARCH_PAUSES
from ._trust import is_id

if TYPE_CHECKING:
    from .._data._exchange import Operation
    from ..ledger._contract import Intent
    from ..providers._contract import Adapter, CallingBackAdapter, FindingAdapter
    from ._attempt import Attempt
    from ._lease import Lease


class Search:
    """The search for the job of one attempt."""

    def __init__(self, adapter: Adapter, client: Any, attempt: Attempt, lease: Lease) -> None:
        self.payload: Payload | None = None
        """What was sent; None where that is not known, so that there is nothing to compare."""
        lists = "find_submitted" in adapter.abilities
        self._find = cast("FindingAdapter", adapter).find_submitted if lists else None
        self._adapter = adapter
        self._client = client
        self._attempt = attempt
        self._lease = lease
        self._since = datetime.now(UTC)
        self._matches: int | None = None
        self._trouble: str | None = None

    def lighten(self) -> None:
        """Let go of what was sent, where it is large: its job is known."""
        if self.payload is not None and not is_small(self.payload.body):
            self.payload = None

    def recall(self, intent: Intent) -> None:
        """Search for what another process was about to send."""
        self._since = intent.created_at
        self.payload = payload_of(intent) or self.payload

    async def adopt(self, pauses: Sequence[float] = SEARCH_PAUSES) -> bool:
        """Look until the job shows; take it where it is the only one that it can be.

        Args:
            pauses: Seconds before each reading: lists lag behind. None is longer than the config's
                poll interval.
        """
        attempt = self._attempt
        named = await self._named()
        if named is not None and await self._take(named):
            await attempt.apply(Adopted(operation=named, named=True))
            return True

        if self._find is None or self.payload is None:
            return False

        longest = attempt.call.config.poll_interval
        operations: list[Operation] = []
        for pause in pauses:
            await anyio.sleep(min(pause, longest))
            operations = await self._matching()
            if operations or self._find is None:
                break

        if len(operations) != 1 or not await self._take(operations[0]):
            return False

        await attempt.apply(Adopted(operation=operations[0]))
        return True

    async def is_named(self) -> bool:
        """Tell whether the provider has called us about a job of this attempt."""
        return await self._named_id() is not None

    async def _named_id(self) -> str | None:
        """Return the id that the provider has named in a call back, to an address of its own."""
        attempt = self._attempt
        if not self._lease.job_id or "webhook" not in self._adapter.abilities:
            return None

        try:
            return await named_job(self._lease.ledger, attempt.call.request_id)
        except Exception as error:  # noqa: BLE001  (the search must not hide why there is one)
            attempt.log(logging.WARNING, "search_failed", error=str(error))
            return None

    async def _named(self) -> Operation | None:
        """Return the job of that id."""
        attempt = self._attempt
        job_id = await self._named_id()
        if job_id is None:
            return None

        call = attempt.fitted or attempt.call
        payload = self.payload or Payload(call.config.model, {})
        adapter = cast("CallingBackAdapter", self._adapter)
        return adapter.job_named(self._client, payload, call, job_id)

    async def keep_second(self) -> None:
        """Write down what a refused try came to all the same, where the next came to another job.

        To be asked once the next try is accepted; a call back that comes later writes it down, too.
        """
        attempt = self._attempt
        second = await self._named()
        intent, taken = attempt.intent, attempt.operation
        if second is None or intent is None or (taken is not None and second.id == taken.id):
            return

        ledger = self._lease.ledger
        try:
            first = await ledger.get(self._lease.job_id)
            if first is not None:
                await keep_second(ledger, first, intent, second)
        except Exception as error:  # noqa: BLE001  (the job at hand is paid for, too)
            job = {"second": second.id, "error": str(error)}
            attempt.log(logging.ERROR, "second_job_not_kept", **job)

    async def keep_late(self) -> None:
        """Write down what a submit came to that was refused for good, where its provider says so.

        To be asked once the refusal is written down: who calls back later finds it there.
        """
        attempt = self._attempt
        if attempt.called_back and attempt.submission in ("rejected", "not_sent"):
            await self.keep_second()

    async def _matching(self) -> list[Operation]:
        """Return the jobs that match, and that no other attempt is known to have started."""
        attempt = self._attempt
        try:
            assert self._find is not None  # noqa: S101  (`adopt` looked)
            assert self.payload is not None  # noqa: S101
            listed = await self._find(
                self._client, self.payload, attempt.fitted or attempt.call, self._since
            )
            provider = attempt.call.config.provider
            ledger = self._lease.ledger
            operations = [
                one
                for one in listed
                if is_id(one.id) and await ledger.find(provider, one.id, attempt.host) is None
            ]
        except UnsupportedOperationError:
            self._find = None  # this provider lists other jobs, not those of this kind
            return []
        except Exception as error:  # noqa: BLE001  (the search must not hide why there is one)
            self._trouble = f"{type(error).__name__}: {error}"
            attempt.log(logging.WARNING, "search_failed", error=self._trouble)
            return []

        self._matches = len(operations)
        return operations

    async def _take(self, operation: Operation) -> bool:
        intent = self._attempt.intent
        if intent is None:
            return False

        accept = partial(self._lease.ledger.accept, intent.id, operation, adopted=True)
        try:
            taken = await accept()
        except Exception as error:  # noqa: BLE001  (the job is paid for, written down or not)
            ledger_failed(self._lease, error)
            self._lease.unwritten.append(accept)
            taken = True

        return taken

    def learn(self, error: TarashException) -> None:
        """Say on an error what the search has shown."""
        if error.submission != "unknown" or self._find is None:
            return

        if self._matches is not None:
            shown = "no job" if self._matches == 0 else f"{self._matches} jobs"
            outcome = f"its list shows {shown} with this model and input"
        elif self._trouble is not None:
            outcome = f"its list could not be read ({self._trouble})"
        else:
            outcome = "what was sent is not known, so that its list can't be searched"

        error.amend(after=f" ({outcome})")


def unsettled(attempt: Attempt, intent: Intent) -> TarashException:
    """Return the error of a submit of which nobody knows what came of it, with its cause."""
    name = attempt.request_id
    how = f"No answer came that settles the submit of {name}"
    if RECEIVED in attempt.heard:
        how = f"The result that answered the submit of {name} was kept in the ledger, and is gone"
    elif attempt.cut_off:
        how = f"A process ended while it submitted {name}"

    return TarashException(
        f"{how} to {intent.provider} ({intent.model}, {intent.created_at:%Y-%m-%d %H:%M:%S} UTC), "
        "so a job may run and be billed",
        submission="unknown",
        hints=[check_dashboard()],
    )
