"""What is written down of submits, in whose hands their jobs are; blocking, for any thread."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from ...exceptions import TarashException
from .._facts import bought_nothing
from .._processes import now
from .._records import RECEIVED, STOPPED
from .._renewals import Renewals
from .._rows import as_heard, as_json
from ._queue import Queue
from ._rows import as_text
from ._slots import Slots
from ._spending import reserve, set_cost, set_cost_of_forgotten
from ._states import States

if TYPE_CHECKING:
    import sqlite3

    from ..._data._exchange import Operation
    from ..._data._types import JsonObject, Submission
    from .._records import Intent, Outcome
    from ._file import File

FORGET_PROCESSES = """
    DELETE FROM processes
    WHERE renewed_at < ? AND id NOT IN (SELECT process FROM jobs WHERE process IS NOT NULL)
"""


class Submits(Renewals, Slots, States, Queue):
    """The submits in one file, and the process that this one is to the others."""

    def __init__(self, file: File, lease_seconds: float) -> None:
        """Take the file, and how long a process may be silent, in seconds."""
        self._file = file
        self._lease_seconds = lease_seconds

    @property
    def own_id(self) -> str:
        """The id of the process that this one is to the others."""
        return self._file.process.id

    def intend(self, intent: Intent, owner_id: str) -> bool | None:
        """Write down a submit before it leaves; see `_records.Ledger.intend`."""
        with self._file.write("not_sent") as connection:
            if not (held := self._holds(connection, intent.job_id, owner_id)):
                return held

            self._make_room(connection, intent)
            reserve(connection, intent)
            connection.execute(
                """
                INSERT INTO intents (
                    id, job, kind, provider, model, attempt_number, created_at, payload, host,
                    quote, heard
                ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                (
                    intent.id, intent.job_id, intent.kind, intent.provider, intent.model,
                    intent.attempt_number, as_text(intent.created_at), as_json(intent.payload),
                    intent.host, as_json(intent.quote), as_json(intent.heard or None),
                ),
            )  # fmt: skip
            self._say(connection)
            return True

    def note(
        self, intent_id: str, owner_id: str, heard: JsonObject, submission: Submission | None
    ) -> bool | None:
        """Write down what was heard of a submit; see `_records.Ledger.note`."""
        with self._file.write() as connection:
            intent = connection.execute(
                "SELECT job, heard FROM intents WHERE id = ?", (intent_id,)
            ).fetchone()
            if intent is None:
                return None

            if not (held := self._holds(connection, intent["job"], owner_id)):
                return held

            connection.execute(
                """
                UPDATE intents SET heard = ?, submission = COALESCE(?, submission) WHERE id = ?
                """,
                (as_json({**as_heard(intent["heard"]), **heard}), submission, intent_id),
            )
            return True

    def accept(self, intent_id: str, operation: Operation, adopted: bool) -> bool:
        """Write down the job that came of it; False where it is another intent's already."""
        name = (operation.provider, operation.id)
        with self._file.write() as connection:
            if adopted and is_there(
                connection,
                """
                SELECT 1 FROM intents AS other JOIN intents AS mine ON mine.id = ?
                WHERE other.operation_provider = ? AND other.operation_id = ?
                    AND other.id != mine.id
                    AND (other.host = mine.host OR COALESCE(other.host, '') = ''
                        OR COALESCE(mine.host, '') = '')
                LIMIT 1
                """,
                intent_id,
                *name,
            ):
                return False

            connection.execute(
                """
                UPDATE intents SET submission = 'accepted', operation = ?,
                    operation_provider = ?, operation_id = ?
                WHERE id = ?
                """,
                (as_json(operation.to_json()), *name, intent_id),
            )
            return True

    def receive(self, intent_id: str, content: bytes) -> None:
        """Write down the result that answered a submit, and keep it as media are kept."""
        name = hashlib.sha256(content).hexdigest()
        with (
            self._file.prepared({name: content}, None) as prepared,
            self._file.write() as connection,
        ):
            intent = connection.execute(
                """
                SELECT job, heard FROM intents JOIN jobs ON jobs.id = job
                WHERE intents.id = ? AND state IN ('open', 'unknown')
                """,
                (intent_id,),
            ).fetchone()
            if intent is None:
                return  # it has ended, and nothing would drop what is kept for it

            # On disk before the row that refers to it is.
            prepared.put()
            connection.execute(
                """
                INSERT INTO media (sha256, job) VALUES (?, ?) ON CONFLICT (sha256, job) DO NOTHING
                """,
                (name, intent["job"]),
            )
            heard = as_json({**as_heard(intent["heard"]), RECEIVED: name})
            connection.execute(
                "UPDATE intents SET heard = ?, submission = 'accepted' WHERE id = ?",
                (heard, intent_id),
            )

    def settle(
        self,
        intent_id: str,
        submission: Submission | None,
        outcome: Outcome,
        cost: JsonObject | None,
        cost_state: str | None,
    ) -> None:
        """Write down how an attempt ended and what it cost, unless that is known for certain."""
        with self._file.write() as connection:
            done = connection.execute(
                """
                UPDATE intents SET submission = ?, outcome = ?
                WHERE id = ? AND (
                    outcome IS NULL OR outcome IN ('detached', 'unknown')
                    OR outcome = 'stopped' AND ? = 'completed'
                )
                """,
                (submission, outcome, intent_id, outcome),
            ).rowcount
            sql = "SELECT heard, outcome FROM intents WHERE id = ?"
            intent = connection.execute(sql, (intent_id,)).fetchone()
            if intent is None:
                if cost_state is not None:
                    set_cost_of_forgotten(connection, intent_id, cost, cost_state)

                return

            # Of what a user has stopped, whoever hears last what it came to knows what it cost.
            if cost_state is not None and (done or intent["outcome"] == STOPPED):
                set_cost(connection, intent_id, cost, cost_state)

            if not done and outcome == STOPPED:
                heard = as_json({**as_heard(intent["heard"]), STOPPED: True})
                connection.execute("UPDATE intents SET heard = ? WHERE id = ?", (heard, intent_id))

    def reprice(self, intent_id: str, cost: JsonObject, cost_state: str) -> None:
        """Write down what a submit has cost, however it had ended."""
        with self._file.write() as connection:
            set_cost(connection, intent_id, cost, cost_state)

    def _holds(self, connection: sqlite3.Connection, job_id: str, owner_id: str) -> bool | None:
        row = connection.execute(
            "SELECT process, holder FROM jobs WHERE id = ?", (job_id,)
        ).fetchone()
        if row is None:
            return None

        return (row["process"], row["holder"]) == (self._file.process.id, owner_id)

    @staticmethod
    def _make_room(connection: sqlite3.Connection, intent: Intent) -> None:
        """Refuse a submit that is known already, unless the first one came to nothing."""
        written = connection.execute(
            "SELECT submission, outcome, operation FROM intents WHERE id = ?", (intent.id,)
        ).fetchone()
        if written is None:
            return

        if not bought_nothing(written):
            raise TarashException(
                f"The submit {intent.id} was written down before, and may have been made; it is "
                "not made again",
                submission="not_sent",
            )

        connection.execute("DELETE FROM intents WHERE id = ?", (intent.id,))

    def _say(self, connection: sqlite3.Connection) -> None:
        """Write down that this process is alive; with what it does, at no cost."""
        process, time = self._file.process, now()
        if self._said is None or self._said[0] != process.id:
            connection.execute(FORGET_PROCESSES, (as_text(time - timedelta(days=1)),))

        connection.execute(
            """
            INSERT INTO processes (id, pid, birth, place, renewed_at, lease_seconds)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET renewed_at = excluded.renewed_at
            """,
            (
                process.id, process.pid, process.birth, process.place, as_text(time),
                self._lease_seconds,
            ),
        )  # fmt: skip
        self._said = (process.id, time)


def is_there(connection: sqlite3.Connection, query: str, *arguments: str) -> bool:
    """Tell whether a query finds anything."""
    return connection.execute(query, arguments).fetchone() is not None
