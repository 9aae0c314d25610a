"""Budgets: reserved before the submit, corrected after it, never overspent and never leaked."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from tarash.tarash_gateway import (
    Budget,
    BudgetExceededError,
    CostLimitError,
    Gateway,
    MockConfig,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    spend,
    spend_async,
)
from tarash.tarash_gateway._data._exchange import Call, Operation
from tarash.tarash_gateway._engine import Lease, rewrite
from tarash.tarash_gateway._engine._attempt import Attempt
from tarash.tarash_gateway._engine._spending import check_handler
from tarash.tarash_gateway.cli._app import run
from tarash.tarash_gateway.events import AttemptEvent, Settled, Submitting
from tarash.tarash_gateway.ledger import MemoryLedger, SqliteLedger
from tarash.tarash_gateway.ledger._contract import (
    BudgetWindow,
    Intent,
    JobRecord,
    OverBudgetError,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.conftest import until

KEY = "canary-key-of-the-tests"
REQUEST = VideoGenerationRequest(prompt="A tram", duration_seconds=5)
COST = Decimal("0.60")
"""Five seconds of Runway's gen4.5."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["runway", "luma"]) as running:
        running.script("runway", Script(billable_units=60))
        yield running


def config(simulator: Simulator, provider: str = "runway", **changes: Any) -> Any:
    given: dict[str, Any] = {
        "provider": provider,
        "model": {"runway": "gen4.5", "luma": "ray-2"}[provider],
        "api_key": KEY,
        "base_url": simulator.base_url(provider),
        "poll_interval": 0.02,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
    }
    return VideoGenerationConfig(**{**given, **changes})


async def test_what_does_not_fit_is_not_sent_and_the_error_says_when_it_renews(
    simulator: Simulator, ledger: Any
) -> None:
    gateway = Gateway(ledger=ledger, budgets=[Budget("1.00", per="day")])
    await gateway.generate_video_async(config(simulator), REQUEST)
    with pytest.raises(BudgetExceededError) as caught:
        await gateway.generate_video_async(config(simulator), REQUEST)

    error = caught.value
    assert isinstance(error, CostLimitError)
    assert (error.limit, error.submission) == (Decimal("0.40"), "not_sent")
    assert error.renews_at is not None
    assert timedelta(0) < error.renews_at - datetime.now(UTC) <= timedelta(days=1)
    assert "The budget of $1.00 per day has $0.40 left" in error.message
    assert "it renews at" in error.message
    assert simulator.counters("runway").submits == 1
    await gateway.aclose()


async def test_a_submit_that_bought_nothing_gives_its_share_back(
    simulator: Simulator, ledger: Any
) -> None:
    gateway = Gateway(ledger=ledger, budgets=["0.60/day"])
    simulator.fail("runway", "submit", Fault.status(503), times=3)
    for _ in range(3):
        with pytest.raises(TarashException):
            await gateway.generate_video_async(config(simulator), REQUEST)

    response = await gateway.generate_video_async(config(simulator), REQUEST)
    assert response.cost is not None
    (row,) = await spend_async(ledger, by=["provider"])
    assert [row.amount, row.possible, row.submits] == [COST, 0, 4]
    await gateway.aclose()


async def test_what_may_be_billed_stays_reserved(simulator: Simulator, ledger: Any) -> None:
    gateway = Gateway(ledger=ledger, budgets=["1.00/month"])
    simulator.fail("runway", "submit", Fault.reset_after())
    with pytest.raises(TarashException) as caught:
        await gateway.generate_video_async(config(simulator), REQUEST)

    assert caught.value.submission == "unknown"
    with pytest.raises(BudgetExceededError):
        await gateway.generate_video_async(config(simulator), REQUEST)

    (row,) = await spend_async(ledger, by=["state"])
    assert row.group == {"state": "possible"}
    assert [row.amount, row.possible] == [0, COST]
    await gateway.aclose()


async def test_the_providers_own_figure_takes_the_place_of_what_was_reserved(
    simulator: Simulator, ledger: Any
) -> None:
    simulator.script("runway", Script(billable_units=10))
    gateway = Gateway(ledger=ledger, budgets=["0.80/day"])
    await gateway.generate_video_async(config(simulator), REQUEST)
    await gateway.generate_video_async(config(simulator), REQUEST)  # 0.10 and 0.60 fit

    rows = await spend_async(ledger, by=["model"])
    assert rows[0].amount == Decimal("0.20")  # both were reported at ten credits
    await gateway.aclose()


async def test_each_value_of_a_label_has_a_budget_of_its_own(
    simulator: Simulator, ledger: Any
) -> None:
    gateway = Gateway(ledger=ledger, budgets=[Budget("0.60", per="day", label="user")])
    for user in ("42", "43"):
        await gateway.generate_video_async(config(simulator), REQUEST, labels={"user": user})

    with pytest.raises(BudgetExceededError, match="user '42'"):
        await gateway.generate_video_async(config(simulator), REQUEST, labels={"user": "42"})

    await gateway.generate_video_async(config(simulator), REQUEST)  # those without share one
    with pytest.raises(BudgetExceededError, match="user ''"):
        await gateway.generate_video_async(config(simulator), REQUEST, labels={"other": "1"})

    rows = await spend_async(ledger, by=["label.user"])
    assert {one.group["label.user"]: one.amount for one in rows} == {
        "42": COST,
        "43": COST,
        "": COST,
    }
    await gateway.aclose()


async def test_what_has_no_price_does_not_fit_into_a_budget(
    simulator: Simulator, ledger: Any
) -> None:
    gateway = Gateway(ledger=ledger, budgets=["100/day"])
    with pytest.raises(CostLimitError, match="there is a budget"):
        await gateway.generate_video_async(config(simulator, "luma", model="ray-1-6"), REQUEST)

    allowed = config(simulator, "luma", model="ray-1-6", allow_unpriced=True)
    await gateway.generate_video_async(allowed, REQUEST)
    (row,) = await spend_async(ledger)
    assert [row.amount, row.unknown] == [0, 1]
    await gateway.aclose()


async def test_what_was_enqueued_has_to_fit_when_it_is_sent(
    simulator: Simulator, ledger: Any
) -> None:
    async with Gateway(ledger=ledger, budgets=["1/day"]) as gateway:
        for _ in range(2):
            await gateway.enqueue_video_async(config(simulator), REQUEST)

        assert await ledger.spendings() == []  # nothing is sent yet
        await gateway.work_async(until_empty=True, api_keys={"runway": KEY})
        jobs = await gateway.list_jobs_async()

    errors = {one.state: str(one.error) for one in jobs}
    assert errors.keys() == {"completed", "failed"}
    assert "The budget of $1.00 per day" in errors["failed"]
    assert [one.amount for one in await ledger.spendings()] == [COST]
    assert simulator.counters("runway").submits == 1


async def test_the_mock_needs_no_budget(ledger: Any) -> None:
    gateway = Gateway(ledger=ledger, budgets=["0/total"])
    mocked = VideoGenerationConfig(provider="runway", model="gen4.5", mock=MockConfig(enabled=True))
    await gateway.generate_video_async(mocked, REQUEST)
    await gateway.aclose()


async def test_a_fallback_that_does_not_fit_is_skipped(simulator: Simulator, ledger: Any) -> None:
    simulator.fail("runway", "submit", Fault.reset_after())
    chain = config(simulator, fallback_configs=[config(simulator)])
    gateway = Gateway(ledger=ledger, budgets=["1/day"])
    with pytest.raises(TarashException) as caught:
        await gateway.generate_video_async(chain, REQUEST)

    assert "no other config was tried: The budget of" in caught.value.message
    assert simulator.counters("runway").submits == 1
    await gateway.aclose()


async def test_labels_are_in_events_and_in_the_ledger(simulator: Simulator, ledger: Any) -> None:
    seen: list[AttemptEvent] = []
    gateway = Gateway(ledger=ledger, observers=[seen.append])
    job = await gateway.submit_video_async(config(simulator), REQUEST, labels={"user": "42"})
    resumed = await gateway.resume_async(job.id, api_keys={"runway": KEY})
    await resumed.wait_async()

    assert {tuple(one.labels.items()) for one in seen} == {(("user", "42"),)}
    record = await ledger.get(job.id)
    assert record.labels == {"user": "42"}
    costs = [one.cost for one in seen if isinstance(one, Settled)]
    assert costs[-1] is not None
    await gateway.aclose()


@pytest.mark.parametrize("name", ["größe", 'a"b', "a.b", "a\\b", "o'x", "日本", "$", "[0]", "a b"])
async def test_a_label_of_any_name_has_its_budget(ledger: Any, name: str) -> None:
    window = BudgetWindow(Decimal(1), "a budget", label=(name, "ü"))
    outcomes = []
    for number in ("1", "2"):
        labels = {name: "ü"}
        job = JobRecord(f"job-{number}", "video", ({},), {"prompt": "x"}, "f", labels=labels)
        await ledger.open(job, "me", {})
        wanted = replace(intent(number, "0.6", "1"), budgets=(window,), labels=labels)
        try:
            outcomes.append(await ledger.intend(wanted, "me"))
        except OverBudgetError:
            outcomes.append(None)

    assert outcomes == [True, None]
    await ledger.aclose()


class Spender(MemoryLedger):
    """Spends the budget of others while a refused submit waits for its next try."""

    async def note(self, intent_id: str, *facts: Any, **more: Any) -> bool | None:
        noted = await super().note(intent_id, *facts, **more)
        if "other" not in self._spent and "retry_at" in facts[1]:
            await race(self, ["other"], "0.9", "9")

        return noted


async def test_a_try_that_no_longer_fits_gives_back_what_the_refused_one_had(
    simulator: Simulator,
) -> None:
    ledger = Spender()
    simulator.fail("runway", "submit", Fault.status(503), times=1)
    gateway = Gateway(ledger=ledger, budgets=["1/day"])
    with pytest.raises(BudgetExceededError) as caught:
        await gateway.generate_video_async(config(simulator, max_retries=2), REQUEST)

    assert caught.value.submission == "rejected"
    assert simulator.counters("runway").submits == 1
    amounts = {one.intent_id: one.amount for one in await ledger.spendings()}
    assert amounts.pop("other") == Decimal("0.9")
    assert list(amounts.values()) == [Decimal(0)]


async def test_what_is_bought_is_written_down_again_whatever_the_budget(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "new.db")
    await race(ledger, ["full"], "1", "1")
    job = JobRecord("job-bought", "video", ({},), {"prompt": "x"}, "f")
    await ledger.open(job, "me", {})
    made = VideoGenerationConfig(provider="runway", model="gen4.5")
    attempt = Attempt(Call("video", made, REQUEST, "bought"), submission="accepted")
    await attempt.apply(Submitting(), intent=intent("bought", "0.6", "1"))
    attempt.operation = Operation("runway", "gen4.5", "video", "op", "2026-01-01T00:00:00+00:00")
    await rewrite(attempt, Lease(ledger, "job-bought", "me"))

    record = await ledger.get("job-bought")
    assert record is not None
    assert record.entries[0].operation == attempt.operation
    await ledger.aclose()


@pytest.mark.parametrize("is_told", [True, False])
async def test_what_a_user_has_stopped_in_the_queue_costs_nothing_where_the_provider_says_so(
    simulator: Simulator, ledger: Any, is_told: bool
) -> None:
    # What a stopped task has cost, or no such task any more.
    cancel: Any = "queued_ok" if is_told else None
    simulator.script("runway", Script(queue_polls=1000, cancel=cancel, billable_units=60))
    gateway = Gateway(ledger=ledger, budgets=["0.60/day"])
    updates: list[Any] = []
    job = await gateway.submit_video_async(config(simulator), REQUEST)
    waiting = asyncio.create_task(job.wait_async(updates.append))
    await until(lambda: any(one.status == "queued" for one in updates))
    assert await job.cancel_async() == "cancelled"
    with pytest.raises(TarashException):
        await waiting

    (row,) = await spend_async(ledger, by=["state"])
    assert [row.amount, row.possible] == [0, 0 if is_told else COST], row
    await gateway.aclose()


async def test_what_is_stopped_while_nobody_waits_is_no_longer_reserved(
    simulator: Simulator, ledger: Any
) -> None:
    simulator.script("runway", Script(run_polls=1000))
    gateway = Gateway(ledger=ledger)
    job = await gateway.submit_video_async(config(simulator), REQUEST)
    await job.cancel_async()

    (row,) = await spend_async(ledger, by=["state"])
    assert row.group == {"state": "possible"}
    assert [row.amount, row.possible] == [0, COST]
    await gateway.aclose()


async def test_a_handler_that_was_cut_off_may_have_bought_whatever_it_costs(ledger: Any) -> None:
    made = VideoGenerationConfig(provider="acme", model="clip", max_cost=0)
    attempt = Attempt(Call("video", made, REQUEST, "cut", labels={}))
    attempt.money.limit = Decimal(0)
    attempt.intent = intent("cut", "0.6", "1")
    check_handler(attempt)  # which would refuse a new one

    attempt.intent = None
    with pytest.raises(CostLimitError):
        check_handler(attempt)

    await ledger.aclose()


@pytest.mark.parametrize(
    "labels", [{"user": 42}, {"": "x"}, {"a" * 65: "x"}, {"a": "x" * 257}, ["user"], "user=42"]
)
async def test_labels_that_can_not_be_kept_are_refused(labels: Any) -> None:
    mocked = VideoGenerationConfig(provider="runway", model="gen4.5", mock=MockConfig(enabled=True))
    with pytest.raises(ValidationError, match="labels"):
        await Gateway(ledger=MemoryLedger()).generate_video_async(mocked, REQUEST, labels=labels)


async def test_a_ledger_that_counts_nothing_holds_no_budget(simulator: Simulator) -> None:
    class Old(MemoryLedger):
        keeps_money = False

    with pytest.raises(ValidationError, match="does not count what is spent"):
        await Gateway(ledger=Old(), budgets=["1/day"]).generate_video_async(
            config(simulator), REQUEST
        )

    response = await Gateway(ledger=Old()).generate_video_async(config(simulator), REQUEST)
    assert response.cost is not None


async def test_what_stands_before_a_ledger_hands_on_what_it_costs(
    simulator: Simulator, ledger: Any
) -> None:
    class Before:
        """Hands everything on, as a wrapper of a user's may."""

        def __getattr__(self, name: str) -> Any:
            return getattr(ledger, name)

    gateway = Gateway(ledger=cast("Any", Before()), budgets=["1/day"])
    await gateway.generate_video_async(config(simulator), REQUEST)

    (row,) = await spend_async(ledger, by=["state"])
    assert [row.group, row.amount] == [{"state": "reported"}, COST]
    await gateway.aclose()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("50/day", "$50.00 per day"),
        ("$2.5 per month", "$2.50 per month"),
        ("5/month/user", "$5.00 per month for each user"),
        ("9/total", "$9.00 in all"),
    ],
)
def test_a_budget_is_read_from_text(text: str, said: str) -> None:
    assert str(Budget.parse(text)) == said


def test_an_amount_that_is_none_is_named_as_such() -> None:
    with pytest.raises(ValidationError, match="say how many US dollars"):
        Budget(cast("Any", None), per="day")

    assert str(Budget("-0", per="day")) == "$0.00 per day"


@pytest.mark.parametrize("text", ["50", "50/week", "fifty/day", "-1/day", "1.2.3/day"])
def test_a_text_that_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Budget.parse(text)


def test_a_budget_of_the_environment_holds(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARASH_BUDGET", "0.50/day, 9/month")
    gateway = Gateway(ledger=MemoryLedger())
    with pytest.raises(BudgetExceededError):
        gateway.generate_video(config(simulator), REQUEST)


def test_a_period_begins_at_full_days_and_months_in_utc() -> None:
    at = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)
    spans = {per: Budget(1, per).period(at) for per in ("hour", "day", "month", "total")}

    assert spans["hour"] == (
        datetime(2026, 12, 31, 23, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert spans["day"] == (datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert spans["month"] == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert spans["total"] == (None, None)


# ------------------------------------------------------------------------------------- the races
def intent(name: str, amount: str, limit: str) -> Intent:
    window = BudgetWindow(Decimal(limit), "a race")
    quote = {"low": amount, "high": amount, "currency": "USD"}
    return Intent(name, "video", "acme", "m", 1, f"job-{name}", quote=quote, budgets=(window,))


async def race(ledger: Any, names: list[str], amount: str, limit: str) -> int:
    """Have each name try to spend; return how many could."""
    done = 0
    for name in names:
        job = JobRecord(f"job-{name}", "video", ({},), {"prompt": "x"}, "f")
        await ledger.open(job, "me", {})
        try:
            done += bool(await ledger.intend(intent(name, amount, limit), "me"))
        except OverBudgetError:
            continue

    return done


def test_threads_never_overspend(ledger: Any) -> None:
    won: list[int] = []

    def compete(number: int) -> None:
        names = [f"{number}-{one}" for one in range(4)]
        won.append(asyncio.run(race(ledger, names, "0.1", "1")))

    threads = [threading.Thread(target=compete, args=(number,)) for number in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sum(won) == 10
    rows = spend(ledger, by=["provider"])
    assert rows[0].possible == Decimal(1)


COMPETE = """
import asyncio, sys
from tarash.tarash_gateway.ledger import open_ledger
from tests.prices.test_budgets import race

names = [f"{sys.argv[2]}-{one}" for one in range(12)]
print(asyncio.run(race(open_ledger(sys.argv[1]), names, "0.1", "1")))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_processes_never_overspend(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")

    started = [
        subprocess.Popen(
            [sys.executable, "-c", COMPETE, url, str(number)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for number in range(3)
    ]
    won = [int(one.communicate(timeout=120)[0]) for one in started]

    assert sum(won) == 10
    assert spend(url, by=["provider"])[0].submits == 10


KILLED = """
import asyncio, os, sys
from tarash.tarash_gateway.ledger import SqliteLedger
from tests.prices.test_budgets import race

assert asyncio.run(race(SqliteLedger(sys.argv[1]), ["dead"], "0.6", "1")) == 1
os._exit(9)
"""


async def test_a_share_that_a_dead_process_had_reserved_follows_its_job(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", KILLED, str(path)]
    dead = await asyncio.to_thread(subprocess.run, command, check=False, cwd=root)
    assert dead.returncode == 9

    ledger = SqliteLedger(path, lease_seconds=0.01)
    assert await race(ledger, ["late"], "0.6", "1") == 0  # it may have been bought
    await ledger.claim("job-dead", "me")
    await ledger.settle(
        "dead", "rejected", "failed", cost={"amount": "0", "currency": "USD"}, cost_state="settled"
    )
    assert await race(ledger, ["later"], "0.6", "1") == 1
    await ledger.aclose()


async def test_what_is_free_fits_into_a_budget_that_is_overspent(ledger: Any) -> None:
    assert await race(ledger, ["paid"], "0.6", "1") == 1
    dear = {"amount": "3", "currency": "USD"}
    await ledger.settle("paid", "accepted", "completed", cost=dear, cost_state="settled")

    assert await race(ledger, ["cheap"], "0.01", "1") == 0
    assert await race(ledger, ["free"], "0", "1") == 1
    await ledger.aclose()


async def test_what_forgotten_jobs_spent_still_counts(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "jobs.db")
    await race(ledger, ["one"], "0.6", "1")
    await ledger.close("job-one", "me", "completed")
    assert await ledger.forget("job-one")

    assert await race(ledger, ["two"], "0.6", "1") == 0
    await ledger.aclose()


def test_the_command_line_says_what_was_spent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "jobs.db"
    asyncio.run(race(SqliteLedger(path), ["one", "two"], "0.6", "2"))
    url = f"sqlite:///{path}"
    assert run(["spend", "--ledger", url, "--by", "model", "--since", "7d", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["group"], row["possible"], row["submits"]) == ({"model": "m"}, "1.2", 2)

    assert run(["spend", "--ledger", url]) == 0
    assert "$1.20" in capsys.readouterr().out
    missing = f"sqlite:///{tmp_path / 'none.db'}"
    assert run(["spend", "--ledger", missing]) == 2
    assert "there is no ledger at" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "none.db").exists()
    assert run(["spend", "--ledger", url, "--since", "yesterday"]) == 2
    assert "--since" in capsys.readouterr().err
    assert run(["spend", "--ledger", url, "--since", "99999999d"]) == 0
    assert "$1.20" in capsys.readouterr().out
    assert run(["spend", "--ledger", url, "--by", "colour"]) == 2
    assert "--by: 'colour'" in capsys.readouterr().err


class Trap(SqliteLedger):
    """A file whose process ends right before it can write down how an attempt ended."""

    async def settle(self, *_facts: Any, **_more: Any) -> None:
        raise SystemExit(9)

    async def close(self, *_facts: Any, **_more: Any) -> bool | None:
        return True


@pytest.mark.parametrize(
    ("fault", "script", "left"),
    [
        (Fault.status(403), None, 0),
        (None, Script(outcome="failed"), 0),
        (None, Script(outcome="moderated"), None),
    ],
)
async def test_what_a_process_had_heard_before_it_died_is_no_longer_reserved(
    simulator: Simulator, tmp_path: Path, fault: Fault | None, script: Script | None, left: Any
) -> None:
    path = tmp_path / "jobs.db"
    if fault is not None:
        simulator.fail("runway", "submit", fault)
    else:
        simulator.script("runway", *([script] if script else []))

    with pytest.raises(SystemExit):
        await Gateway(ledger=Trap(path, lease_seconds=0.05)).generate_video_async(
            config(simulator), REQUEST
        )

    ledger = SqliteLedger(path)
    (reserved,) = await ledger.spendings()
    assert (reserved.state, reserved.amount) == ("reserved", COST)
    (record,) = await ledger.jobs()
    assert record.state == "open"
    await asyncio.sleep(0.06)  # so that the lease is over, however fast the machine
    async with Gateway(ledger=ledger) as gateway:
        (job,) = await gateway.resume_all_async(api_keys={"runway": KEY})
        with pytest.raises(TarashException):
            await job.wait_async()

    (row,) = await ledger.spendings()
    assert row.state != "reserved"
    assert left is None or row.amount == left
    await ledger.aclose()


async def test_a_time_without_a_zone_is_in_utc(ledger: Any) -> None:
    await race(ledger, ["one"], "0.6", "1")
    now = datetime.now(UTC).replace(tzinfo=None)
    hour = timedelta(hours=1)

    for first, last, submits in (
        (now - hour, None, 1),
        (now + hour, None, 0),
        (None, now - hour, 0),
        (timedelta.max, now + hour, 1),
        (timedelta.min, None, 0),
    ):
        rows = await spend_async(ledger, since=first, until=last)
        assert sum(one.submits for one in rows) == submits, (first, last)

    await ledger.aclose()


def test_a_label_of_any_text_is_one_line_of_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = SqliteLedger(tmp_path / "jobs.db")
    label = "two\nlines \x1b[31m [red]"
    job = JobRecord("job-one", "video", ({},), {"prompt": "x"}, "f", labels={"user": label})

    async def write() -> None:
        await ledger.open(job, "me", {})
        await ledger.intend(replace(intent("one", "0.6", "1"), labels={"user": label}), "me")

    asyncio.run(write())
    assert run(["spend", "--ledger", f"sqlite:///{ledger.path}", "--by", "label.user"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 2
    assert "\x1b" not in printed
    assert "[red]" in printed
