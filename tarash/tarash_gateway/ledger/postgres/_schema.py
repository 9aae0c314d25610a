"""The tables of a ledger in PostgreSQL, version by version, in a schema of their own.

A version only adds what those before it can do without: workers of both run on one database while
a deploy goes on. What is to be taken away is taken away a version later, which says in `OLDEST` who
can't use the database any more. JSON is text, since `jsonb` takes neither NUL nor half characters.
"""

from __future__ import annotations

SCHEMA = "tarash"
LOCK = 0x54475731
"""The advisory lock of whoever changes the tables."""
OLDEST = 1
"""The version of the tables that a worker has to know at least to use those of the newest."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE tarash.processes (
            id text PRIMARY KEY,
            pid integer NOT NULL,
            birth text NOT NULL,
            place text NOT NULL,
            renewed_at timestamptz NOT NULL,
            lease_seconds double precision NOT NULL
        )
        """,
        # A job's holder is a name within a process; both are null where nobody holds it.
        """
        CREATE TABLE tarash.jobs (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id text NOT NULL UNIQUE,
            kind text NOT NULL,
            chain text NOT NULL,
            request text NOT NULL,
            fingerprint text NOT NULL,
            idempotency_key text,
            key_is_free boolean NOT NULL DEFAULT false,
            labels text,
            created_at timestamptz NOT NULL,
            closed_at timestamptz,
            state text NOT NULL,
            result text,
            process text,
            holder text
        )
        """,
        """
        CREATE UNIQUE INDEX jobs_by_key ON tarash.jobs (idempotency_key)
        WHERE idempotency_key IS NOT NULL AND NOT key_is_free
        """,
        "CREATE INDEX jobs_by_state ON tarash.jobs (state, number)",
        "CREATE INDEX jobs_by_end ON tarash.jobs (closed_at) WHERE closed_at IS NOT NULL",
        "CREATE INDEX jobs_by_process ON tarash.jobs (process) WHERE process IS NOT NULL",
        """
        CREATE TABLE tarash.intents (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id text NOT NULL UNIQUE,
            job text NOT NULL REFERENCES tarash.jobs (id) ON DELETE CASCADE,
            kind text NOT NULL,
            provider text NOT NULL,
            model text NOT NULL,
            attempt_number integer NOT NULL,
            created_at timestamptz NOT NULL,
            payload text,
            host text NOT NULL DEFAULT '',
            quote text,
            heard text,
            operation text,
            operation_provider text,
            operation_id text,
            submission text,
            outcome text
        )
        """,
        "CREATE INDEX intents_by_job ON tarash.intents (job, number)",
        """
        CREATE INDEX intents_by_operation ON tarash.intents (operation_id, operation_provider)
        WHERE operation_id IS NOT NULL
        """,
        # The bytes of open jobs, each once.
        "CREATE TABLE tarash.contents (sha256 text PRIMARY KEY, content bytea NOT NULL)",
        "ALTER TABLE tarash.contents ALTER COLUMN content SET STORAGE EXTERNAL",
        """
        CREATE TABLE tarash.media (
            sha256 text NOT NULL REFERENCES tarash.contents (sha256),
            job text NOT NULL REFERENCES tarash.jobs (id) ON DELETE CASCADE,
            PRIMARY KEY (sha256, job)
        )
        """,
        "CREATE INDEX media_by_job ON tarash.media (job)",
        # What was spent outlives the job that spent it. Labels are JSON of a name and a value each.
        """
        CREATE TABLE tarash.spending (
            intent text PRIMARY KEY,
            job text NOT NULL,
            kind text NOT NULL,
            provider text NOT NULL,
            model text NOT NULL,
            at timestamptz NOT NULL,
            amount numeric,
            currency text NOT NULL,
            state text NOT NULL,
            label_names text[] NOT NULL,
            labels text[] NOT NULL
        )
        """,
        "CREATE INDEX spending_by_time ON tarash.spending (at)",
        "CREATE SEQUENCE tarash.versions",
        """
        CREATE TABLE tarash.states (
            space text COLLATE "C" NOT NULL,
            name text COLLATE "C" NOT NULL,
            value text NOT NULL,
            version bigint NOT NULL,
            until timestamptz,
            PRIMARY KEY (space, name)
        )
        """,
        "CREATE INDEX states_by_end ON tarash.states (until) WHERE until IS NOT NULL",
        """
        CREATE TABLE tarash.slots (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id text NOT NULL UNIQUE,
            line text NOT NULL,
            request text NOT NULL,
            process text,
            renewed_at timestamptz NOT NULL,
            turn bigint,
            taken_at timestamptz,
            is_free boolean NOT NULL DEFAULT false
        )
        """,
        "CREATE INDEX slots_by_line ON tarash.slots (line, number)",
    ),
    (
        # Budgets of a label sum up what was spent within each submit. Without a list of what is
        # still to be sorted in, which each of them would read through.
        """
        CREATE INDEX spending_by_label ON tarash.spending USING gin (labels)
        WITH (fastupdate = off)
        """,
    ),
    (
        # Changes of what was spent in each hour: of everything (''), of whatever has a label, and
        # of a value of it, named as in `spending`. A budget sums up these within each submit, and
        # makes one row an hour of many: no row is waited for that others change, too. What is gone
        # by that is read again by each of them until it is vacuumed, which is not put off.
        """
        CREATE TABLE tarash.spending_totals (
            whose text NOT NULL,
            hour timestamptz NOT NULL,
            amount numeric NOT NULL
        ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)
        """,
        """
        CREATE FUNCTION tarash.total_spending() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF (OLD.at, OLD.amount, OLD.currency)
                    IS NOT DISTINCT FROM (NEW.at, NEW.amount, NEW.currency)
                THEN
                    RETURN NULL;
                END IF;
            END IF;
            IF TG_OP <> 'INSERT' AND OLD.currency = 'USD' AND OLD.amount <> 0 THEN
                INSERT INTO tarash.spending_totals
                SELECT whose, date_trunc('hour', OLD.at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
                    -OLD.amount
                FROM unnest(''::text || OLD.label_names || OLD.labels) AS whose;
            END IF;
            IF TG_OP <> 'DELETE' AND NEW.currency = 'USD' AND NEW.amount <> 0 THEN
                INSERT INTO tarash.spending_totals
                SELECT whose, date_trunc('hour', NEW.at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
                    NEW.amount
                FROM unnest(''::text || NEW.label_names || NEW.labels) AS whose;
            END IF;
            RETURN NULL;
        END
        $$
        """,
        # By a trigger with the rights of who made the tables, so that workers of the version before
        # keep them right, too, whatever they have been granted. Making it waits
        # for those who are writing, so that what comes next sees all that it will not hear of.
        """
        CREATE TRIGGER spending_totalled AFTER INSERT OR DELETE OR UPDATE OF at, amount, currency
        ON tarash.spending FOR EACH ROW EXECUTE FUNCTION tarash.total_spending()
        """,
        """
        INSERT INTO tarash.spending_totals
        SELECT whose, date_trunc('hour', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', sum(amount)
        FROM tarash.spending, unnest(''::text || label_names || labels) AS whose
        WHERE currency = 'USD' AND amount <> 0 GROUP BY 1, 2
        """,
        """
        CREATE INDEX spending_totals_of ON tarash.spending_totals (whose, hour) INCLUDE (amount)
        """,
    ),
    (
        # A task of the queue beside its job, so that an index holds those that are due and in
        # nobody's hands, and nothing else: in their order, since a rank is the priority with its
        # sign turned. `task_at` is emptied when the time has come. No index or query here names the
        # state, whose index would be taken where the last statistics saw no open job.
        "ALTER TABLE tarash.jobs ADD COLUMN task_rank integer, ADD COLUMN task_at timestamptz",
        # By triggers, so that what workers of the version before enqueue and end is seen, too. A
        # state's name has the collation "C", by which no index of jobs is sorted.
        """
        CREATE FUNCTION tarash.note_task() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                UPDATE tarash.jobs SET task_rank = NULL, task_at = NULL
                WHERE id = OLD.name COLLATE "default" AND task_rank IS NOT NULL;
            ELSE
                UPDATE tarash.jobs
                SET task_rank = -coalesce((NEW.value::jsonb ->> 'priority')::integer, 0),
                    task_at = (NEW.value::jsonb ->> 'at')::timestamptz
                WHERE id = NEW.name COLLATE "default" AND (task_rank, task_at) IS DISTINCT FROM (
                    -coalesce((NEW.value::jsonb ->> 'priority')::integer, 0),
                    (NEW.value::jsonb ->> 'at')::timestamptz
                );
            END IF;
            RETURN NULL;
        END
        $$
        """,
        """
        CREATE TRIGGER task_noted AFTER INSERT OR UPDATE OF value ON tarash.states
        FOR EACH ROW WHEN (NEW.space = 'queue') EXECUTE FUNCTION tarash.note_task()
        """,
        """
        CREATE TRIGGER task_dropped AFTER DELETE ON tarash.states
        FOR EACH ROW WHEN (OLD.space = 'queue') EXECUTE FUNCTION tarash.note_task()
        """,
        """
        UPDATE tarash.jobs
        SET task_rank = -coalesce((value::jsonb ->> 'priority')::integer, 0),
            task_at = (value::jsonb ->> 'at')::timestamptz
        FROM tarash.states WHERE space = 'queue' AND name COLLATE "default" = jobs.id
        """,
        """
        CREATE INDEX jobs_due ON tarash.jobs (task_rank, number)
        WHERE task_rank IS NOT NULL AND task_at IS NULL AND process IS NULL
        """,
        "CREATE INDEX jobs_scheduled ON tarash.jobs (task_at) WHERE task_at IS NOT NULL",
    ),
    (
        # What a job leaves behind that is forgotten before its end is known: under the provider's
        # name of it, so that whoever waits for it by a token settles it.
        """
        ALTER TABLE tarash.spending ADD COLUMN operation_provider text,
            ADD COLUMN operation_id text, ADD COLUMN host text, ADD COLUMN quote text
        """,
        # By a trigger, as above, so that what workers of the version before forget is named, too.
        """
        CREATE FUNCTION tarash.leave_spending() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog AS $$
        BEGIN
            UPDATE tarash.spending SET operation_provider = OLD.operation_provider,
                operation_id = OLD.operation_id, host = OLD.host, quote = OLD.quote
            WHERE intent = OLD.id AND state IN ('reserved', 'possible');
            RETURN OLD;
        END
        $$
        """,
        """
        CREATE TRIGGER spending_left BEFORE DELETE ON tarash.intents
        FOR EACH ROW WHEN (OLD.operation_id IS NOT NULL) EXECUTE FUNCTION tarash.leave_spending()
        """,
        """
        CREATE INDEX spending_by_operation ON tarash.spending (operation_id)
        WHERE operation_id IS NOT NULL
        """,
    ),
)
"""What makes each version out of the one before; never changed, only added to."""

META = """
    CREATE TABLE IF NOT EXISTS tarash.meta (
        identity text NOT NULL,
        version integer NOT NULL,
        oldest integer NOT NULL
    )
"""
