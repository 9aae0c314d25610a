"""Ledgers that an earlier version has written: opened, brought up to date, and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger.sqlite._file import File
from tarash.tarash_gateway.ledger.sqlite._schema import MIGRATIONS
from tests.ledger.makers import make_operation

FIRST = MIGRATIONS[:1]


def write_first(path: Path) -> None:
    """Write a file of the first version, with a job that is accepted and one that is not."""
    file = File(path, FIRST)
    operation = make_operation("op")
    with file.write() as connection:
        for number in (1, 2):
            connection.execute(
                """
                INSERT INTO jobs (id, kind, chain, request, fingerprint, created_at, state)
                VALUES (?, 'video', '[{"provider": "fal", "model": "fal-ai/veo3.1"}]',
                    '{"prompt": "A cat"}', 'f', '2026-01-02T03:04:05.000000+00:00', 'open')
                """,
                (f"job-{number}",),
            )
            connection.execute(
                """
                INSERT INTO intents (id, job, kind, provider, model, attempt_number, created_at)
                VALUES (?, ?, 'video', 'fal', 'fal-ai/veo3.1', 1,
                    '2026-01-02T03:04:05.000000+00:00')
                """,
                (f"intent-{number}", f"job-{number}"),
            )

        connection.execute(
            """
            UPDATE intents SET submission = 'accepted', operation = ?, operation_provider = 'fal',
                operation_id = 'op'
            WHERE id = 'intent-1'
            """,
            (json.dumps(operation.to_json()),),
        )

    file.close()


async def test_a_file_of_the_first_version_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    write_first(path)
    ledger = SqliteLedger(path)
    for host in ("", "https://queue.fal.run"):
        found = await ledger.find("fal", "op", host)
        assert found is not None
        assert found.id == "job-1"
        (entry,) = found.entries
        assert (entry.heard, entry.intent.host) == ({}, "")

    assert await ledger.claim("job-2", "me")
    assert await ledger.note("intent-2", "me", {"tries": 1}, "rejected")
    found = await ledger.get("job-2")
    assert found is not None
    assert (found.entries[0].heard, found.entries[0].submission) == ({"tries": 1}, "rejected")
    await ledger.aclose()
