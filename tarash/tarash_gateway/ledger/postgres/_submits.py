"""What is written down of submits, in whose hands their jobs are; blocking, for any thread.

Whoever changes a job locks its row first, so that two who race for it come one after the other.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ...exceptions import TarashException
from .._facts import RECEIVED, STOPPED, bought_nothing
from .._processes import Process, now
from .._renewals import Renewals
from .._rows import as_heard, as_json
from ._queue import Queue
from ._rows import as_time
from ._slots import Slots
from ._spending import reserve, set_cost, set_cost_of_forgotten
from ._states import States

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..._data._exchange import Operation
    from ..._data._types import JsonObject, Submission
    from .._facts import Intent, Outcome
    from ._database import Database, Transaction

CHANGED = "tarash_jobs"
"""On this channel the id of a job is sent that somebody may wait for."""
SAY = """
    INSERT INTO tarash.processes (id, pid, birth, place, renewed_at, lease_seconds)
    VALUES (%s, %s, %s, %s, clock_timestamp(), %s)
    ON CONFLICT (id) DO UPDATE SET renewed_at = clock_timestamp()
"""
FORGET_PROCESSES = """
    DELETE FROM tarash.processes WHERE id IN (
        SELECT id FROM tarash.processes AS old
        WHERE renewed_at < clock_timestamp() - interval '1 day'
            AND NOT EXISTS (SELECT 1 FROM tarash.jobs WHERE jobs.process = old.id)
        FOR UPDATE SKIP LOCKED
    )
"""
ADOPTED = """
    SELECT 1 AS found FROM tarash.intents AS other JOIN tarash.intents AS mine ON mine.id = %s
    WHERE other.operation_provider = %s AND other.operation_id = %s AND other.id != mine.id
        AND (other.host = mine.host OR other.host = '' OR mine.host = '')
    LIMIT 1
"""
SETTLE = """
    UPDATE tarash.intents SET submission = %s, outcome = %s
    WHERE id = %s AND (
        outcome IS NULL OR outcome IN ('detached', 'unknown')
        OR outcome = 'stopped' AND %s = 'completed'
    )
"""


class Submits(Renewals, States, Slots, Queue):
    """The submits in one database, and the process that this one is to the others."""

    def __init__(self, database: Database, lease_seconds: float) -> None:
        """Take the database, and how long a process may be silent, in seconds."""
        self._database = database
        self._lease_seconds = lease_seconds
        self.process = Process()

    @property
    def own_id(self) -> str:
        """The id of the process that this one is to the others."""
        return self.process.id

    def begin_anew(self) -> None:
        """Go on in a forked child, which is another process."""
        self.process = Process()

    def intend(self, intent: Intent, owner_id: str) -> bool | None:
        """Write down a submit before it leaves; see `_records.Ledger.intend`."""

        def work(transaction: Transaction) -> bool | None:
            if not (held := self._holds(transaction, intent.job_id, owner_id)):
                return held

            if _is_written(transaction, intent):
                return True

            reserve(transaction, intent)
            transaction.run(
                """
                INSERT INTO tarash.intents (
                    id, job, kind, provider, model, attempt_number, created_at, payload, host,
                    quote, heard
                ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                intent.id, intent.job_id, intent.kind, intent.provider, intent.model,
                intent.attempt_number, as_time(intent.created_at), as_json(intent.payload),
                intent.host, as_json(intent.quote), as_json(intent.heard or None),
            )  # fmt: skip
            self._say_if_due(transaction)
            return True

        return self._database.write(work, "not_sent")

    def note(
        self, intent_id: str, owner_id: str, heard: JsonObject, submission: Submission | None
    ) -> bool | None:
        """Write down what was heard of a submit; see `_records.Ledger.note`."""

        def work(transaction: Transaction) -> bool | None:
            intent = transaction.first("SELECT job FROM tarash.intents WHERE id = %s", intent_id)
            if intent is None:
                return None

            if not (held := self._holds(transaction, intent["job"], owner_id)):
                return held

            known = transaction.first(
                "SELECT heard FROM tarash.intents WHERE id = %s FOR UPDATE", intent_id
            )
            transaction.run(
                """
                UPDATE tarash.intents SET heard = %s, submission = COALESCE(%s, submission)
                WHERE id = %s
                """,
                as_json({**as_heard(None if known is None else known["heard"]), **heard}),
                submission,
                intent_id,
            )
            return True

        return self._database.write(work)

    def accept(self, intent_id: str, operation: Operation, adopted: bool) -> bool:
        """Write down the job that came of it; False where it is another intent's already."""
        name = (operation.provider, operation.id)

        def work(transaction: Transaction) -> bool:
            transaction.lock("tarash operation", *name)
            if adopted and transaction.first(ADOPTED, intent_id, *name) is not None:
                return False

            transaction.run(
                """
                UPDATE tarash.intents SET submission = 'accepted', operation = %s,
                    operation_provider = %s, operation_id = %s
                WHERE id = %s
                """,
                as_json(operation.to_json()),
                *name,
                intent_id,
            )
            _tell_of_intent(transaction, intent_id)
            return True

        return self._database.write(work)

    def receive(self, intent_id: str, content: bytes) -> None:
        """Write down the result that answered a submit, and keep it as media are kept."""
        name = hashlib.sha256(content).hexdigest()

        def work(transaction: Transaction) -> None:
            job = transaction.first(
                """
                SELECT jobs.id AS job FROM tarash.jobs JOIN tarash.intents ON jobs.id = job
                WHERE intents.id = %s AND state IN ('open', 'unknown') FOR UPDATE OF jobs
                """,
                intent_id,
            )
            if job is None:
                return  # it has ended, and nothing would drop what is kept for it

            put_media(transaction, job["job"], {name: content})
            known = transaction.first(
                "SELECT heard FROM tarash.intents WHERE id = %s FOR UPDATE", intent_id
            )
            heard = as_json({**as_heard(None if known is None else known["heard"]), RECEIVED: name})
            transaction.run(
                "UPDATE tarash.intents SET heard = %s, submission = 'accepted' WHERE id = %s",
                heard,
                intent_id,
            )

        self._database.write(work)

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
                "SELECT heard, outcome FROM tarash.intents WHERE id = %s FOR UPDATE", intent_id
            )
            if intent is None:
                if cost_state is not None:
                    set_cost_of_forgotten(transaction, intent_id, cost, cost_state)

                return

            is_again = transaction.in_doubt and intent["outcome"] == outcome
            # Of what a user has stopped, whoever hears last what it came to knows what it cost.
            if cost_state is not None and (done or is_again or intent["outcome"] == STOPPED):
                set_cost(transaction, intent_id, cost, cost_state)

            if not done and not is_again and outcome == STOPPED:
                heard = as_json({**as_heard(intent["heard"]), STOPPED: True})
                transaction.run(
                    "UPDATE tarash.intents SET heard = %s WHERE id = %s", heard, intent_id
                )

            if outcome == STOPPED:
                _tell_of_intent(transaction, intent_id)

        self._database.write(work)

    def reprice(self, intent_id: str, cost: JsonObject, cost_state: str) -> None:
        """Write down what a submit has cost, however it had ended."""
        self._database.write(lambda one: set_cost(one, intent_id, cost, cost_state))

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
        self._database.write(self._say)

    def _say_if_due(self, transaction: Transaction) -> None:
        """Say that this process is alive: seldom, since all its transactions change one row."""
        if transaction.in_doubt or self._is_due():
            self._say(transaction)

    def _say(self, transaction: Transaction) -> None:
        if self._said is None or self._said[0] != self.process.id:
            transaction.run(FORGET_PROCESSES)

        process, time = self.process, now()
        transaction.run(
            SAY, process.id, process.pid, process.birth, process.place, self._lease_seconds
        )
        # Not before it is so for certain: others count on the row.
        transaction.after.append(lambda: setattr(self, "_said", (process.id, time)))


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

    if not bought_nothing(written):
        raise TarashException(
            f"The submit {intent.id} was written down before, and may have been made; it is "
            "not made again",
            submission="not_sent",
        )

    transaction.run("DELETE FROM tarash.intents WHERE id = %s", intent.id)
    return False


def put_media(transaction: Transaction, job_id: str, media: Mapping[str, bytes]) -> None:
    """Keep bytes for a job: each once, whoever else needs or drops the same at this moment."""
    for name in sorted(media):
        transaction.lock("tarash media", name)
        transaction.run(
            """
            INSERT INTO tarash.contents (sha256, content) VALUES (%s, %b)
            ON CONFLICT (sha256) DO NOTHING
            """,
            name,
            media[name],
        )
        transaction.run(
            "INSERT INTO tarash.media (sha256, job) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            name,
            job_id,
        )


def drop_media(transaction: Transaction, job_id: str) -> None:
    """Let go of a job's bytes, and drop those that no other job needs."""
    rows = transaction.all("SELECT sha256 FROM tarash.media WHERE job = %s ORDER BY sha256", job_id)
    transaction.run("DELETE FROM tarash.media WHERE job = %s", job_id)
    for row in rows:
        transaction.lock("tarash media", row["sha256"])
        transaction.run(
            """
            DELETE FROM tarash.contents WHERE sha256 = %s AND NOT EXISTS (
                SELECT 1 FROM tarash.media WHERE media.sha256 = contents.sha256
            )
            """,
            row["sha256"],
        )


def tell(transaction: Transaction, job_id: str) -> None:
    """Wake whoever waits for a job, once the transaction is done."""
    if not transaction.is_silent:
        transaction.run("SELECT pg_notify(%s, %s)", CHANGED, job_id)


def _tell_of_intent(transaction: Transaction, intent_id: str) -> None:
    intent = transaction.first("SELECT job FROM tarash.intents WHERE id = %s", intent_id)
    if intent is not None:
        tell(transaction, intent["job"])
