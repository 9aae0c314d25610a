"""Log lines say all there is to say, also where an application has only called `basicConfig`."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)
from tarash.tarash_gateway._support._logging import LOGGER_NAME, event


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What `logging.basicConfig(level=logging.INFO)` writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_the_message_carries_the_facts(written: io.StringIO) -> None:
    event(logging.INFO, "polled", provider="fal", attempt=1, status="queued", cancel=None)
    assert written.getvalue() == f"INFO:{LOGGER_NAME}:polled provider=fal attempt=1 status=queued\n"


def test_the_record_carries_them_as_attributes(caplog: pytest.LogCaptureFixture) -> None:
    event(logging.WARNING, "adjusted", field="duration_seconds", requested=7.0, module="mine")
    (record,) = caplog.records
    facts = vars(record)
    assert (facts["event"], facts["field"], facts["requested"]) == (
        "adjusted",
        "duration_seconds",
        7.0,
    )
    assert facts["tarash_module"] == "mine"  # `module` is the record's own


@pytest.mark.parametrize("text", ["two\nERROR:root:forged", "a=b", "\u2028line", 'say "hi"', ""])
def test_what_a_provider_says_cannot_fake_a_line_or_a_fact(written: io.StringIO, text: str) -> None:
    event(logging.ERROR, "failed", error=text, attempt=1)
    (line,) = written.getvalue().splitlines()
    assert line.startswith(f'ERROR:{LOGGER_NAME}:failed error="')
    assert line.endswith('" attempt=1')


def test_context_variables_of_the_application_join_in_whatever_they_are_called(
    written: io.StringIO,
) -> None:
    with structlog.contextvars.bound_contextvars(name="nightly", order=7):
        event(logging.INFO, "submitted")

    assert "submitted" in written.getvalue()
    assert "order=7" in written.getvalue()
    assert "name=nightly" in written.getvalue()


CONFIG = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1", mock=MockConfig(enabled=True))
REQUEST = VideoGenerationRequest(prompt="A cat")


@pytest.mark.parametrize("way", ["blocking", "async"])
async def test_records_are_about_the_line_that_asked(
    caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.DEBUG, LOGGER_NAME)
    if way == "blocking":
        generate_video(CONFIG, REQUEST)
    else:
        await Gateway().generate_video_async(CONFIG, REQUEST)

    records = [one for one in caplog.records if one.name == LOGGER_NAME]
    assert {"attempt_started", "submitted", "completed"} <= {vars(one)["event"] for one in records}
    assert {(one.pathname, one.funcName) for one in records} == {
        (__file__, "test_records_are_about_the_line_that_asked")
    }
    assert len({one.lineno for one in records}) == 1


def test_the_message_of_an_event_is_constant(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(2):
        event(logging.ERROR, "failed", attempt=number)

    assert {one.msg for one in caplog.records} == {"failed %s"}
    assert [one.getMessage() for one in caplog.records] == ["failed attempt=0", "failed attempt=1"]
