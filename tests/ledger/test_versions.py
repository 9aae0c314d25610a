"""Ledgers that an earlier version has written: opened, brought up to date, and gone on with."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.ledger._contract import BudgetWindow, Intent, OverBudgetError
from tarash.tarash_gateway.ledger.sqlite._file import File
from tarash.tarash_gateway.ledger.sqlite._schema import MIGRATIONS
from tarash.tarash_gateway.ledger.sqlite._spending import RESERVE
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


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_a_file_of_each_version_before_is_gone_on_with(tmp_path: Path, version: int) -> None:
    path = tmp_path / "jobs.db"
    write_first(path)
    file = File(path, MIGRATIONS[:version])
    with file.write():
        pass

    file.close()
    ledger = SqliteLedger(path)
    found = await ledger.get("job-1")
    assert found is not None
    assert (found.labels, found.entries[0].intent.quote) == ({}, None)
    assert await ledger.claim("job-2", "me")
    assert await ledger.spendings() == []  # nothing was counted then, and nothing is made up

    window = BudgetWindow(Decimal(1), "a budget", label=("user", "42"))
    quote = {"low": "0.6", "high": "0.6", "currency": "USD"}
    facts: dict[str, Any] = {"quote": quote, "budgets": (window,), "labels": {"user": "42"}}
    wanted = Intent("intent-3", "video", "fal", "m", 2, "job-2", **facts)
    assert await ledger.intend(wanted, "me")
    with pytest.raises(OverBudgetError):
        await ledger.intend(replace(wanted, id="intent-4"), "me")

    await ledger.reprice("intent-3", {"amount": "0.25", "currency": "USD"}, "settled")
    (row,) = await ledger.spendings()
    assert (row.amount, row.state, dict(row.labels)) == (Decimal("0.25"), "settled", {"user": "42"})

    told = {"amount": "0.5", "currency": "USD"}
    await ledger.settle("intent-1", "accepted", "completed", cost=told, cost_state="reported")
    first = (await ledger.spendings())[0]  # by the time of its submit
    assert (first.intent_id, first.job_id, first.amount) == ("intent-1", "job-1", Decimal("0.5"))
    assert (first.provider, first.at.year) == ("fal", 2026)
    await ledger.aclose()


async def test_what_a_label_has_spent_before_counts_still(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    write_first(path)
    file = File(path, MIGRATIONS[:5])
    with file.write() as connection:
        for number, labels in enumerate(('{"user":"42"}', '{"user":"7"}', None)):
            connection.execute(
                RESERVE,
                (f"before-{number}", "gone", "video", "fal", "m", "2026-01-02T03:04:05+00:00",
                 500_000_000, "USD", labels),
            )  # fmt: skip

    file.close()
    ledger = SqliteLedger(path)
    assert await ledger.claim("job-2", "me")
    quote = {"low": "0.6", "high": "0.6", "currency": "USD"}
    wanted = Intent("intent-3", "video", "fal", "m", 2, "job-2", quote=quote)
    for user, spent in (("42", "0.5"), ("7", "0.5"), ("", "0.5"), ("8", "0")):
        window = BudgetWindow(Decimal("0.55"), "a budget", label=("user", user))
        with pytest.raises(OverBudgetError) as caught:
            await ledger.intend(replace(wanted, budgets=(window,)), "me")

        assert caught.value.spent == Decimal(spent)

    await ledger.aclose()


async def test_what_a_process_of_the_version_before_spends_counts(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    write_first(path)
    before = File(path, MIGRATIONS[:6])
    row: tuple[Any, ...] = (
        "old", "gone", "video", "fal", "m", "2026-01-02T03:04:05+00:00", 500_000_000, "USD",
        '{"user":"42"}',
    )  # fmt: skip
    with before.write() as connection:
        connection.execute(RESERVE, row)

    ledger = SqliteLedger(path)
    assert await ledger.claim("job-2", "me")  # which changes the tables under it
    with before.write() as connection:
        connection.execute(RESERVE, row)  # once more, as after a refusal
        connection.execute(RESERVE, ("older", *row[1:]))
        connection.execute("UPDATE spending SET amount = 100000000 WHERE intent = 'older'")

    before.close()
    quote = {"low": "0.6", "high": "0.6", "currency": "USD"}
    for label, spent in ((("user", "42"), "0.6"), (("user", ""), "0"), (None, "0.6")):
        window = BudgetWindow(Decimal("0.1"), "a budget", label=label)
        wanted = Intent("new", "video", "fal", "m", 2, "job-2", quote=quote, budgets=(window,))
        with pytest.raises(OverBudgetError) as caught:
            await ledger.intend(wanted, "me")

        assert caught.value.spent == Decimal(spent)

    await ledger.aclose()


async def test_what_a_process_of_the_version_before_forgets_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    write_first(path)
    before = File(path, MIGRATIONS[:8])
    with before.write() as connection:
        connection.execute(
            RESERVE,
            ("intent-1", "job-1", "video", "fal", "m", "2026-01-02T03:04:05+00:00", 500_000_000,
             "USD", None),
        )  # fmt: skip

    ledger = SqliteLedger(path)
    assert await ledger.spendings_of("fal", "op") == []  # which changes the tables under it
    with before.write() as connection:
        connection.execute("UPDATE spending SET state = 'possible' WHERE intent = 'intent-1'")
        connection.execute("DELETE FROM jobs WHERE id = 'job-1'")

    before.close()
    (row,) = await ledger.spendings_of("fal", "op", "https://queue.fal.run")
    assert (row.intent_id, row.state, row.amount) == ("intent-1", "possible", Decimal("0.5"))
    await ledger.settle(
        "intent-1", "accepted", "failed", cost={"amount": "0", "currency": "USD"},
        cost_state="settled",
    )  # fmt: skip
    (row,) = await ledger.spendings()
    assert (row.state, row.amount) == ("settled", Decimal(0))
    await ledger.aclose()
