"""The tables of a ledger's file, version by version.

Only what every database knows: texts, numbers, JSON as text, times as ISO 8601 in UTC.
"""

from __future__ import annotations

import sqlite3

from ._dialect import taught

APPLICATION_ID = 0x54475731
"""`TGW1`, in the file's header: this file is a ledger of ours."""

_TOTALS = """
    INSERT INTO spending_totals
    SELECT whose, substr({row}.at, 1, 13), {sign}({row}.amount / 1000000000),
        {sign}({row}.amount % 1000000000)
    FROM (
        SELECT json_array() AS whose
        UNION ALL SELECT json_array(key) FROM json_each({row}.labels)
        UNION ALL SELECT json_array(key, value) FROM json_each({row}.labels)
    )
    WHERE {row}.currency = 'USD' AND {row}.amount IS NOT NULL
    ON CONFLICT (whose, hour) DO UPDATE SET dollars = dollars + excluded.dollars,
        billionths = billionths + excluded.billionths;
"""
_ADD = _TOTALS.format(row="NEW", sign="")
_TAKE = _TOTALS.format(row="OLD", sign="-")
_SUMMED = """
    INSERT INTO spending_totals
    SELECT whose, hour, SUM(amount / 1000000000), SUM(amount % 1000000000) FROM (
        SELECT json_array() AS whose, substr(at, 1, 13) AS hour, amount, currency FROM spending
        UNION ALL SELECT json_array(key), substr(at, 1, 13), amount, currency
            FROM spending, json_each(labels)
        UNION ALL SELECT json_array(key, value), substr(at, 1, 13), amount, currency
            FROM spending, json_each(labels)
    )
    WHERE currency = 'USD' AND amount IS NOT NULL GROUP BY whose, hour
"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE processes (
            id TEXT PRIMARY KEY NOT NULL,
            pid INTEGER NOT NULL,
            birth TEXT NOT NULL,
            place TEXT NOT NULL,
            renewed_at TEXT NOT NULL,
            lease_seconds REAL NOT NULL
        )
        """,
        # A job's holder is a name within a process; both are null where nobody holds it.
        """
        CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            chain TEXT NOT NULL,
            request TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            idempotency_key TEXT,
            key_is_free INTEGER NOT NULL DEFAULT 0,
            created_at TEXT NOT NULL,
            closed_at TEXT,
            state TEXT NOT NULL,
            result TEXT,
            process TEXT,
            holder TEXT
        )
        """,
        """
        CREATE UNIQUE INDEX jobs_by_key ON jobs (idempotency_key)
        WHERE idempotency_key IS NOT NULL AND key_is_free = 0
        """,
        "CREATE INDEX jobs_by_state ON jobs (state, number)",
        "CREATE INDEX jobs_by_process ON jobs (process) WHERE process IS NOT NULL",
        """
        CREATE TABLE intents (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            attempt_number INTEGER NOT NULL,
            created_at TEXT NOT NULL,
            payload TEXT,
            operation TEXT,
            operation_provider TEXT,
            operation_id TEXT,
            submission TEXT,
            outcome TEXT
        )
        """,
        "CREATE INDEX intents_by_job ON intents (job, number)",
        "CREATE INDEX intents_by_operation ON intents (operation_provider, operation_id)",
        """
        CREATE TABLE media (
            sha256 TEXT NOT NULL,
            job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            PRIMARY KEY (sha256, job)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX media_by_job ON media (job)",
    ),
    (
        "ALTER TABLE intents ADD COLUMN heard TEXT",
        "ALTER TABLE intents ADD COLUMN host TEXT",
        # Users name a job by its provider's id, without the provider.
        "CREATE INDEX intents_by_operation_id ON intents (operation_id)",
    ),
    (
        "ALTER TABLE intents ADD COLUMN quote TEXT",
        "ALTER TABLE jobs ADD COLUMN labels TEXT",
        # What was spent outlives the job that spent it: a month's budget counts pruned jobs, too.
        # Amounts are whole billionths of the currency; null where nobody knows.
        """
        CREATE TABLE spending (
            intent TEXT PRIMARY KEY NOT NULL,
            job TEXT NOT NULL,
            kind TEXT NOT NULL,
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            at TEXT NOT NULL,
            amount INTEGER,
            currency TEXT NOT NULL,
            state TEXT NOT NULL,
            labels TEXT
        )
        """,
        "CREATE INDEX spending_by_time ON spending (at)",
    ),
    (
        # A change inserts a new row in place of the old one, so that no version comes twice.
        """
        CREATE TABLE states (
            version INTEGER PRIMARY KEY AUTOINCREMENT,
            space TEXT NOT NULL,
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            until TEXT,
            UNIQUE (space, name)
        )
        """,
        "CREATE INDEX states_by_end ON states (until) WHERE until IS NOT NULL",
    ),
    (
        # A slot is the intent's of the same id, which is written down later, and perhaps never.
        """
        CREATE TABLE slots (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            line TEXT NOT NULL,
            request TEXT NOT NULL,
            process TEXT,
            renewed_at TEXT NOT NULL,
            turn INTEGER,
            taken_at TEXT,
            is_free INTEGER NOT NULL DEFAULT 0
        )
        """,
        "CREATE INDEX slots_by_line ON slots (line, number)",
    ),
    (
        # Budgets sum up what was spent within each submit: neither all rows nor their JSON is read.
        "CREATE INDEX spending_summed ON spending (currency, at, amount, intent)",
        """
        CREATE TABLE spending_labels (
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            at TEXT NOT NULL,
            intent TEXT NOT NULL,
            PRIMARY KEY (name, value, at, intent)
        ) WITHOUT ROWID
        """,
        """
        INSERT INTO spending_labels SELECT key, value, at, intent FROM spending, json_each(labels)
        """,
        # By a trigger, so that processes of the version before fill it, too, as long as they run.
        # A row whose submit is reserved anew at another time stays, and matches nothing.
        """
        CREATE TRIGGER spending_labelled AFTER INSERT ON spending BEGIN
            INSERT OR IGNORE INTO spending_labels
            SELECT key, value, NEW.at, NEW.intent FROM json_each(NEW.labels);
        END
        """,
    ),
    (
        # What was spent in each hour: of everything (`[]`), of whatever has a label (`["user"]`),
        # and of a value of it (`["user","42"]`). A budget reads these few rows within each submit.
        """
        CREATE TABLE spending_totals (
            whose TEXT NOT NULL,
            hour TEXT NOT NULL,
            dollars INTEGER NOT NULL,
            billionths INTEGER NOT NULL,
            PRIMARY KEY (whose, hour)
        ) WITHOUT ROWID
        """,
        _SUMMED,
        # By triggers, so that processes of the version before keep them right, too. Those replace a
        # row in its insert, of which a trigger for deletions hears nothing.
        """
        CREATE TRIGGER spending_replaced BEFORE INSERT ON spending BEGIN
            DELETE FROM spending WHERE intent = NEW.intent;
        END
        """,
        f"CREATE TRIGGER spending_added AFTER INSERT ON spending BEGIN {_ADD} END",
        f"CREATE TRIGGER spending_taken AFTER DELETE ON spending BEGIN {_TAKE} END",
        f"""
        CREATE TRIGGER spending_changed AFTER UPDATE OF amount, currency ON spending
        BEGIN {_TAKE} {_ADD} END
        """,
    ),
    (
        # A task of the queue beside its job, so that an index holds those that are due and in
        # nobody's hands, and nothing else: in their order, since a rank is the priority with its
        # sign turned. `task_at` is emptied when the time has come. No index or query here names the
        # state, whose index could be taken instead.
        "ALTER TABLE jobs ADD COLUMN task_rank INTEGER",
        "ALTER TABLE jobs ADD COLUMN task_at TEXT",
        # By triggers, so that what processes of the version before enqueue and end is seen, too.
        # Some of them write the task down before its job.
        """
        CREATE TRIGGER task_noted AFTER INSERT ON states WHEN NEW.space = 'queue' BEGIN
            UPDATE jobs SET task_rank = -coalesce(json_extract(NEW.value, '$.priority'), 0),
                task_at = json_extract(NEW.value, '$.at')
            WHERE id = NEW.name AND (
                task_rank IS NOT -coalesce(json_extract(NEW.value, '$.priority'), 0)
                OR task_at IS NOT json_extract(NEW.value, '$.at')
            );
        END
        """,
        """
        CREATE TRIGGER task_dropped AFTER DELETE ON states WHEN OLD.space = 'queue' BEGIN
            UPDATE jobs SET task_rank = NULL, task_at = NULL
            WHERE id = OLD.name AND task_rank IS NOT NULL;
        END
        """,
        """
        CREATE TRIGGER job_of_task AFTER INSERT ON jobs WHEN NEW.task_rank IS NULL
            AND EXISTS (SELECT 1 FROM states WHERE space = 'queue' AND name = NEW.id)
        BEGIN
            UPDATE jobs SET
                task_rank = (
                    SELECT -coalesce(json_extract(value, '$.priority'), 0) FROM states
                    WHERE space = 'queue' AND name = NEW.id
                ),
                task_at = (
                    SELECT json_extract(value, '$.at') FROM states
                    WHERE space = 'queue' AND name = NEW.id
                )
            WHERE id = NEW.id;
        END
        """,
        """
        UPDATE jobs SET
            task_rank = (
                SELECT -coalesce(json_extract(value, '$.priority'), 0) FROM states
                WHERE space = 'queue' AND name = jobs.id
            ),
            task_at = (
                SELECT json_extract(value, '$.at') FROM states
                WHERE space = 'queue' AND name = jobs.id
            )
        WHERE id IN (SELECT name FROM states WHERE space = 'queue')
        """,
        """
        CREATE INDEX jobs_due ON jobs (task_rank, number)
        WHERE task_rank IS NOT NULL AND task_at IS NULL AND process IS NULL
        """,
        "CREATE INDEX jobs_scheduled ON jobs (task_at) WHERE task_at IS NOT NULL",
    ),
    (
        # What a job leaves behind that is forgotten before its end is known: under the provider's
        # name of it, so that whoever waits for it by a token settles it.
        "ALTER TABLE spending ADD COLUMN operation_provider TEXT",
        "ALTER TABLE spending ADD COLUMN operation_id TEXT",
        "ALTER TABLE spending ADD COLUMN host TEXT",
        "ALTER TABLE spending ADD COLUMN quote TEXT",
        # By a trigger, so that what processes of the version before forget is named, too.
        """
        CREATE TRIGGER spending_left BEFORE DELETE ON intents WHEN OLD.operation_id IS NOT NULL
        BEGIN
            UPDATE spending SET operation_provider = OLD.operation_provider,
                operation_id = OLD.operation_id, host = OLD.host, quote = OLD.quote
            WHERE intent = OLD.id AND state IN ('reserved', 'possible');
        END
        """,
        """
        CREATE INDEX spending_by_operation ON spending (operation_id)
        WHERE operation_id IS NOT NULL
        """,
    ),
)
"""What makes each version out of the one before; never changed, only added to."""


def empty() -> sqlite3.Connection:
    """Return a ledger with nothing in it, in memory."""
    connection = taught(sqlite3.connect(":memory:", isolation_level=None))
    for steps in MIGRATIONS:
        for step in steps:
            connection.execute(step)

    return connection
