"""What refusals say of limits, and what is made of it: smaller at once, larger again slowly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Limits,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    VideoGenerationConfig,
)
from tarash.tarash_gateway._engine._admission import _target_of
from tarash.tarash_gateway._engine._learned_limits import Learned, LearnedLimits
from tarash.tarash_gateway._engine._limit_rules import group_of, limit_rules_for, limits_in, line_of
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.providers._registry import default_registry, shipped
from tests.engine.test_billing import attempt

LINE = "fal:abc"
SAID = [
    ("Too many concurrent requests. Limit: 1 concurrent requests", 1, None),
    ("You have reached your limit of 5 concurrent generations", 5, None),
    ("Maximum concurrency of 3 reached", 3, None),
    ("parallel task over resource pack limit", None, None),
    ("Rate limit reached: at most 2 tasks in flight at a time", 2, None),
    (
        (
            "Your rate limit for creating predictions is reduced to 6 requests per minute with a "
            "burst of 1 requests until you add a payment method."
        ),
        None,
        6,
    ),
    ("Request was throttled. Expected available in 9 seconds.", None, None),
    ("60 requests/min", None, 60),
    ("You can have 0 concurrent jobs", None, None),
    ("HTTP 429", None, None),
    ("", None, None),
]


def refusal(text: str = "Too many requests") -> TarashException:
    return RateLimitError(text, status_code=429)


@pytest.mark.parametrize(("text", "in_flight", "per_minute"), SAID)
def test_a_refusal_is_taken_at_its_word(
    text: str, in_flight: int | None, per_minute: int | None
) -> None:
    assert limits_in(refusal(text)) == (in_flight, per_minute)
    body: Any = {"detail": text}
    assert limits_in(RateLimitError("no", raw_response=body, status_code=429)) == (
        in_flight,
        per_minute,
    )


def test_each_refusal_takes_one_and_each_minute_gives_one_back() -> None:
    now = [1000.0]
    learned = LearnedLimits(lambda: now[0])
    for number in range(3):
        learned.refused(LINE, "", refusal(), 10 - number)

    assert learned.most(LINE, "m") == (7, None)
    now[0] += 59
    assert learned.most(LINE, "m") == (7, None)
    now[0] += 121
    assert learned.most(LINE, "m") == (10, None)
    learned.refused(LINE, "", refusal(), 4)
    assert learned.most(LINE, "m") == (3, None)
    for _ in range(10):
        learned.refused(LINE, "", refusal(), 1)

    assert learned.most(LINE, "m") == (1, None)


def test_what_no_pause_mends_teaches_nothing() -> None:
    learned = LearnedLimits()
    learned.refused(LINE, "", QuotaExceededError("no credit", status_code=429), 5)
    learned.refused(LINE, "", TarashException("another"), 5)
    assert learned.most(LINE, "m") == (None, None)


def test_what_was_said_is_the_most_that_it_grows_to() -> None:
    now = [1000.0]
    learned = LearnedLimits(lambda: now[0])
    learned.declared(LINE, {"m": 4, "": 9})
    learned.refused(LINE, "m", refusal(), 4)
    assert learned.most(LINE, "m") == (9, 3)
    now[0] += 10_000
    assert learned.most(LINE, "m") == (9, 4)
    learned.refused(LINE, "", refusal("at most 2 concurrent jobs"), 4)
    assert learned.most(LINE, "m") == (2, 4)


def test_what_a_refusal_has_named_holds_for_an_hour_and_grows_again() -> None:
    """An account that is given more says so nowhere: a process that runs on has to try."""
    now = [1000.0]
    learned = LearnedLimits(lambda: now[0])
    learned.refused(LINE, "", refusal("at most 2 concurrent jobs, 6 requests per minute"), 4)
    learned.refused(LINE, "", refusal("6 requests per minute"), 2)
    assert (learned.most(LINE, "m"), learned.per_minute(LINE)) == ((2, None), 6)
    now[0] += 3599
    assert (learned.most(LINE, "m"), learned.per_minute(LINE)) == ((2, None), 6)
    now[0] += 61
    assert (learned.most(LINE, "m"), learned.per_minute(LINE)) == ((3, None), None)
    now[0] += 300
    assert learned.most(LINE, "m") == (8, None)
    learned.refused(LINE, "", refusal("at most 5 concurrent jobs"), 8)
    assert learned.most(LINE, "m") == (5, None)


@pytest.mark.parametrize(
    "text",
    [
        "Too many concurrent requests, try again in 60 seconds",
        "parallel task over resource pack limit (code 1303)",
        "Concurrency limit reached for request 4711",
    ],
)
def test_a_number_that_is_no_limit_makes_it_smaller_all_the_same(text: str) -> None:
    """What was refused with fewer in flight than it "allows" was not refused for that."""
    learned = LearnedLimits()
    learned.refused(LINE, "", refusal(text), 5)
    assert learned.most(LINE, "m") == (4, None)


@pytest.mark.parametrize("number", [0, -1])
def test_a_model_that_may_have_no_job_keeps_nobody_waiting(number: int) -> None:
    learned = LearnedLimits()
    learned.declared(LINE, {"m": number, "n": 3})
    assert (learned.most(LINE, "m"), learned.most(LINE, "n")) == ((None, None), (None, 3))


async def test_processes_share_what_was_learned() -> None:
    ledger = MemoryLedger()
    now = [1000.0]
    first, second = LearnedLimits(lambda: now[0]), LearnedLimits(lambda: now[0])
    first.refused(LINE, "", refusal(), 5)
    await first.sync(LINE, ledger)
    await second.sync(LINE, ledger)
    assert second.most(LINE, "m") == (4, None)

    now[0] += 1
    second.refused(LINE, "", refusal(), 4)
    await second.sync(LINE, ledger)
    await first.sync(LINE, ledger)
    assert first.most(LINE, "m") == (4, None)  # asked a moment ago
    now[0] += 5
    await first.sync(LINE, ledger)
    assert first.most(LINE, "m") == (3, None)
    await ledger.write_state("limits", LINE, {"": {"of": "another version"}})
    now[0] += 5
    await first.sync(LINE, ledger)
    assert first.most(LINE, "m") == (3, None)


def test_no_limit_is_no_limit() -> None:
    assert Learned().most(0) is None
    assert LearnedLimits().per_minute(LINE) is None


def config(**changes: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(provider="fal", model="veo", **changes)


def test_of_several_limits_the_smallest_holds() -> None:
    gateway = [
        Limits(in_flight=10, queue_timeout=60),
        Limits(in_flight=7, provider="fal", fair_by="user"),
        Limits(in_flight=1, provider="runway"),
        Limits(in_flight=3, model="veo"),
        Limits(submits_per_minute=5, per="model", learn=False),
        Limits(in_flight=2, model="another"),
    ]
    limit_rules = limit_rules_for(gateway, config(limits=Limits(in_flight=8), queue_timeout=30))
    assert limit_rules is not None
    assert (limit_rules.max_in_flight, limit_rules.max_of_model) == (7, 3)
    assert (limit_rules.per_minute, limit_rules.per_minute_of_model) == (None, 5)
    assert (limit_rules.queue_timeout, limit_rules.fair_by, limit_rules.learns) == (
        30,
        "user",
        True,
    )
    assert limit_rules_for(gateway[2:3], config()) is None


def test_equal_labels_are_one_group() -> None:
    assert group_of({"a": "1", "b": "2"}, None) == group_of({"b": "2", "a": "1"}, None)
    assert group_of({"user": "42", "order": "7"}, "user") == "42"
    assert group_of({}, "user") == group_of({}, None) == ""


def test_a_line_names_no_key() -> None:
    mine = line_of("fal", "https://fal.run", "secret-key", mocked=False)
    assert mine == line_of("fal", "https://fal.run", " secret-key\n", mocked=False)
    assert "secret" not in mine
    others = {
        line_of("fal", "https://fal.run", "another", mocked=False),
        line_of("fal", "https://other.run", "secret-key", mocked=False),
        line_of("fal", "https://fal.run", "secret-key", mocked=True),
        line_of("runway", "https://fal.run", "secret-key", mocked=False),
    }
    assert len(others | {mine}) == 5


@pytest.mark.parametrize(
    ("alias", "name"),
    [(name, row.name) for name, row in shipped().items() if name != row.name],
)
def test_an_account_has_one_line_by_whichever_name(alias: str, name: str) -> None:
    limits = [Limits(provider=name, in_flight=2)], [Limits(provider=alias, in_flight=2)]
    targets = []
    for used in (alias, name):
        config = VideoGenerationConfig(provider=used, model="m", api_key="k")
        for every in limits:
            limit_rules = limit_rules_for(every, config)
            assert limit_rules is not None
            assert limit_rules.max_in_flight == 2

        made = attempt()
        made.call = replace(made.call, config=config)
        targets.append(_target_of(None, made, default_registry)[0])

    assert targets[0] == targets[1]
