"""What is written down of submits, in whose hands their jobs are; blocking, for any thread.

Whoever changes a job locks its row first, so that two who race for it come one after the other.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...exceptions import TarashException
from .._processes import SAID_IN_LEASE, now
from .._record_types import RECEIVED, STOPPED, bought_nothing
from ._costs import Costs
from ._queue import Queue
from ._rows import as_heard, as_json, as_time
from ._slots import Slots
from ._states import States

if TYPE_CHECKING:
    from ..._data._exchange import Operation
    from ..._data._types import JsonObject, Submission
    from .._record_types import Intent, Outcome
    from ._base import Transaction

CHANGED = "tarash_jobs"
"""On this channel the id of a job is sent that somebody may wait for."""
SAY = """
    INSERT INTO tarash.processes (id, pid, birth, place, renewed_at, lease_seconds)
    VALUES (%s, %s, %s, %s, clock_timestamp(), %s)
    ON CONFLICT (id) DO UPDATE SET renewed_at = clock_timestamp()
"""
INSERT = """
    INSERT INTO tarash.intents (
        id, job, kind, provider, model, attempt_number, created_at, payload, host, quote, heard
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
HEARD = "SELECT heard FROM tarash.intents WHERE id = %s FOR UPDATE"
ADOPTED = """
    SELECT 1 AS found FROM tarash.intents AS other JOIN tarash.intents AS mine ON mine.id = %s
    WHERE other.operation_provider = %s AND other.operation_id = %s AND other.id != mine.id
        AND (other.host = mine.host OR COALESCE(other.host, '') = ''
            OR COALESCE(mine.host, '') = '')
    LIMIT 1
"""
ACCEPT = """
    UPDATE tarash.intents SET submission = 'accepted', operation = %s, operation_provider = %s,
        operation_id = %s
    WHERE id = %s
"""
ANSWERED = """
    SELECT jobs.id AS job FROM tarash.jobs JOIN tarash.intents ON jobs.id = job
    WHERE intents.id = %s AND state IN ('open', 'unknown') FOR UPDATE OF jobs
"""
SETTLE = """
    UPDATE tarash.intents SET submission = %s, outcome = %s
    WHERE id = %s AND (
        outcome IS NULL OR outcome IN ('detached', 'unknown')
        OR outcome = 'stopped' AND %s = 'completed'
    )
"""


class Submits(States, Slots, Queue, Costs):
    """The submits in one database, and the process that this one is to the others."""

    FORGET_PROCESSES: str
    """Drops the processes that hold nothing, and have been silent for a day."""
    _said: tuple[str, datetime] | None = None
    """Which process has last said that it is alive, and when."""

    def intend(self, intent: Intent, owner_id: str) -> bool | None:
        """Write down a submit before it leaves; see `_contract.Ledger.intend`."""

        def work(transaction: Transaction) -> bool | None:
            if not (held := self._holds(transaction, intent.job_id, owner_id)):
                return held

            if _is_written(transaction, intent):
                return True

            self._reserve(transaction, intent)
            transaction.run(
                INSERT,
                intent.id, intent.job_id, intent.kind, intent.provider, intent.model,
                intent.attempt_number, as_time(intent.created_at), as_json(intent.payload),
                intent.host, as_json(intent.quote), as_json(intent.heard or None),
            )  # fmt: skip
            self._say_if_due(transaction)
            return True

        return self._write(work, "not_sent")

    def note(
        self, intent_id: str, owner_id: str, heard: JsonObject, submission: Submission | None
    ) -> bool | None:
        """Write down what was heard of a submit; see `_contract.Ledger.note`."""

        def work(transaction: Transaction) -> bool | None:
            intent = transaction.first("SELECT job FROM tarash.intents WHERE id = %s", intent_id)
            if intent is None:
                return None

            if not (held := self._holds(transaction, intent["job"], owner_id)):
                return held

            _add(transaction, intent_id, heard, submission)
            return True

        return self._write(work)

    def accept(self, intent_id: str, operation: Operation, adopted: bool) -> bool:
        """Write down the job that came of it; False where it is another intent's already."""
        name = (operation.provider, operation.id)

        def work(transaction: Transaction) -> bool:
            transaction.lock("tarash operation", *name)
            if adopted and transaction.first(ADOPTED, intent_id, *name) is not None:
                return False

            transaction.run(ACCEPT, as_json(operation.to_json()), *name, intent_id)
            _notify_waiting_for(transaction, intent_id)
            return True

        return self._write(work)

    def receive(self, intent_id: str, content: bytes) -> None:
        """Write down the result that answered a submit, and keep it as media are kept."""
        name = hashlib.sha256(content).hexdigest()
        with self._prepared({name: content}, None) as put:

            def work(transaction: Transaction) -> None:
                job = transaction.first(ANSWERED, intent_id)
                if job is None:
                    return  # it has ended, and nothing would drop what is kept for it

                put(transaction, job["job"])
                _add(transaction, intent_id, {RECEIVED: name}, "accepted")

            self._write(work)

    def settle(
        self,
        intent_id: str,
        submission: Submission | None,
        outcome: Outcome,
        cost: JsonObject | None,
        cost_state: str | None,
    ) -> None:
        """Write down how an attempt ended and what it cost, unless that is known for certain."""

        def work(transaction: Transaction) -> None:
            done = transaction.run(SETTLE, submission, outcome, intent_id, outcome)
            intent = transaction.first(
                "SELECT outcome FROM tarash.intents WHERE id = %s FOR UPDATE", intent_id
            )
            if intent is None:
                if cost_state is not None:
                    self._set_cost_of_forgotten(transaction, intent_id, cost, cost_state)

                return

            is_again = transaction.in_doubt and intent["outcome"] == outcome
            # Of what a user has stopped, whoever hears last what it came to knows what it cost.
            if cost_state is not None and (done or is_again or intent["outcome"] == STOPPED):
                self._set_cost(transaction, intent_id, cost, cost_state)

            if not done and not is_again and outcome == STOPPED:
                _add(transaction, intent_id, {STOPPED: True})

            if outcome == STOPPED:
                _notify_waiting_for(transaction, intent_id)

        self._write(work)

    def _holds(self, transaction: Transaction, job_id: str, owner_id: str) -> bool | None:
        row = transaction.first(
            "SELECT process, holder FROM tarash.jobs WHERE id = %s FOR UPDATE", job_id
        )
        if row is None:
            return None

        return (row["process"], row["holder"]) == (self.process.id, owner_id)

    # ------------------------------------------------------------------------------ being alive
    def renew(self) -> None:
        """Say that this process is alive."""
        self._write(self._say)

    def wants_renewal(self) -> bool:
        """Tell whether it is time to say that this process is alive; True to one who asks."""
        last = self._said
        if last is None or last[0] != self.process.id or not self._is_due():
            return False  # it has held nothing, or has said so just now

        self._said = (last[0], now())
        return True

    def renewal_failed(self) -> None:
        """Let the next one who asks try again."""
        if self._said is not None:
            self._said = (self._said[0], datetime.min.replace(tzinfo=UTC))

    def _is_due(self) -> bool:
        last = self._said
        if last is None or last[0] != self.process.id:
            return True

        # The time of day, as in the lease itself: it goes on while the machine sleeps.
        least = timedelta(seconds=self._lease_seconds / SAID_IN_LEASE)
        return not timedelta(0) <= now() - last[1] < least

    def _say_if_due(self, transaction: Transaction) -> None:
        """Say that this process is alive: seldom, since all its transactions change one row."""
        if transaction.in_doubt or self._is_due():
            self._say(transaction)

    def _say(self, transaction: Transaction) -> None:
        if self._said is None or self._said[0] != self.process.id:
            transaction.run(self.FORGET_PROCESSES)

        process, time = self.process, now()
        transaction.run(
            SAY, process.id, process.pid, process.birth, process.place, self._lease_seconds
        )
        # Not before it is so for certain: others count on the row.
        transaction.after.append(lambda: setattr(self, "_said", (process.id, time)))


def _add(
    transaction: Transaction, intent_id: str, heard: JsonObject, submission: str | None = None
) -> None:
    """Add to what was heard of a submit."""
    known = transaction.first(HEARD, intent_id)
    transaction.run(
        """
        UPDATE tarash.intents SET heard = %s, submission = COALESCE(%s, submission) WHERE id = %s
        """,
        as_json({**as_heard(None if known is None else known["heard"]), **heard}),
        submission,
        intent_id,
    )


def _is_written(transaction: Transaction, intent: Intent) -> bool:
    """Tell whether a submit was written down by a try whose answer was lost.

    One that came to nothing before makes room for the next.

    Raises:
        TarashException: It was written down by somebody else, and may have been made.
    """
    written = transaction.first(
        "SELECT submission, outcome, operation FROM tarash.intents WHERE id = %s", intent.id
    )
    if written is None:
        return False

    if transaction.in_doubt and written["operation"] is None and written["submission"] is None:
        return True

    if not bought_nothing({**written}):
        raise TarashException(
            f"The submit {intent.id} was written down before, and may have been made; it is "
            "not made again",
            submission="not_sent",
        )

    transaction.run("DELETE FROM tarash.intents WHERE id = %s", intent.id)
    return False


def notify_waiting(transaction: Transaction, name: str) -> None:
    """Wake whoever waits for a job, or for the queue, once the transaction is done."""
    if not transaction.is_silent:
        transaction.run("SELECT pg_notify(%s, %s)", CHANGED, name)


def _notify_waiting_for(transaction: Transaction, intent_id: str) -> None:
    if transaction.is_silent:
        return

    intent = transaction.first("SELECT job FROM tarash.intents WHERE id = %s", intent_id)
    if intent is not None:
        notify_waiting(transaction, intent["job"])
