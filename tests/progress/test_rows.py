"""What is said of a generation, how far it is, and how long it may still take."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import VideoGenerationUpdate
from tarash.tarash_gateway._support import _durations
from tarash.tarash_gateway.progress._row import Row


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def update(status: str, model: str = "m", **facts: Any) -> VideoGenerationUpdate:
    return VideoGenerationUpdate.model_validate(
        {"request_id": "1", "status": status, "provider": "p", "model": model, **facts}
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def row(clock: Clock) -> Row:
    return Row(clock=clock)


def test_a_line_says_who_and_where(row: Row) -> None:
    assert row.text() == "generation  starting"
    row.follow(update("queued", queue_position=3))
    assert row.text() == "p m  queued, position 3"
    row.follow(update("processing", progress_percent=41.6))
    assert row.text() == "p m  processing, 42 %"
    row.follow(update("queued", attempt_number=2, model="other"))
    assert row.text() == "attempt 2  p other  queued"


def test_a_chain_and_a_label_name_it(clock: Clock) -> None:
    row = Row(["one", "two"], clock=clock)
    assert row.text() == "attempt 1/2  one  starting"
    row.follow(update("queued", attempt_number=2))
    assert row.text() == "attempt 2/2  two  queued"
    named = Row(label="the cat", clock=clock)
    named.follow(update("processing"))
    assert named.text() == "the cat  processing"


def test_its_last_words_say_how_and_when_it_ended(row: Row, clock: Clock) -> None:
    row.follow(update("processing"))
    clock.now += 72
    row.follow(update("failed", error="first line\n\x1b[2Jsecond"))
    said = "".join(text for text, _ in row.closing_line())
    assert said == "p m  failed after 1:12: first line [2Jsecond"


def test_one_update_tells_nothing_of_how_long_it_took(row: Row) -> None:
    row.follow(update("completed", progress_percent=100))
    assert "".join(text for text, _ in row.closing_line()) == "p m  completed"


def test_the_time_left_is_what_this_model_usually_takes(row: Row, clock: Clock) -> None:
    for seconds in (20, 60, 30):
        _durations.record_duration("p", "seen", seconds)

    row.follow(update("queued", model="never-seen"))
    assert (row.times(), row.share()) == ("0 s", None)

    row.follow(update("processing", model="seen"))
    clock.now += 10
    assert row.times() == "10 s, about 20 s left"
    assert row.share() == pytest.approx(1 / 3)
    clock.now += 20
    assert row.times() == "30 s, any moment"
    assert row.share() == 0.95
    clock.now += 10
    assert row.times() == "40 s, longer than usual (30 s)"

    row.follow(update("completed", model="seen", progress_percent=100))
    assert (row.times(), row.share()) == ("40 s", 1)


def test_what_the_provider_says_goes_before_what_is_usual(row: Row) -> None:
    _durations.record_duration("p", "told", 100)
    row.follow(update("processing", model="told", progress_percent=70))
    assert row.share() == pytest.approx(0.7)


def test_each_attempt_has_its_own_time(row: Row, clock: Clock) -> None:
    _durations.record_duration("p", "second", 30)
    row.follow(update("processing", model="first"))
    clock.now += 50
    row.follow(update("processing", model="second", attempt_number=2))
    clock.now += 5
    assert row.times() == "55 s, about 25 s left"


def test_attempts_that_take_turns_keep_their_own_times(row: Row, clock: Clock) -> None:
    _durations.record_duration("p", "first", 100)
    _durations.record_duration("p", "second", 30)
    for _ in range(2):
        row.follow(update("processing", model="first"))
        clock.now += 5
        row.follow(update("processing", model="second", attempt_number=2))
        clock.now += 5

    assert row.times() == "20 s, about 15 s left"
    row.follow(update("processing", model="first"))
    assert row.times() == "20 s, about 1:20 left"


def test_what_is_remembered_is_bounded() -> None:
    for number in range(_durations.MODELS + 10):
        _durations.record_duration("bounded", str(number), 1)

    assert _durations.typical("bounded", "0") is None
    assert _durations.typical("bounded", str(_durations.MODELS + 9)) == 1
    for _ in range(_durations.KEPT):
        _durations.record_duration("bounded", "new", 5)

    _durations.record_duration("bounded", "new", 7)
    assert _durations.typical("bounded", "new") == 5
