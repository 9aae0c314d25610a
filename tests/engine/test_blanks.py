"""Jobs that are called done before their media are there: asked once more, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    TarashException,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.ledger import MemoryLedger
from tests.field.test_bodies_of_providers import OPERATION, config_of, said
from tests.field.test_reports_of_restarts import Look, bought, vendor

BLANK: dict[str, list[Any]] = {
    "google": [
        {"name": OPERATION, "done": True},
        {"name": OPERATION, "done": True, "response": {"generateVideoResponse": {}}},
    ],
    "luma-agents": [{"id": "j1", "state": "completed", "output": []}],
    "replicate": [{"id": "j1", "status": "succeeded", "output": None}],
    "runway": [{"id": "j1", "status": "SUCCEEDED", "output": []}],
    "xai": [{"status": "done", "video": {}}, {"status": "done"}],
}
CELLS = [(name, body) for name, bodies in BLANK.items() for body in bodies]
REQUEST = VideoGenerationRequest(prompt="A cat")


async def made(name: str, looks: Look, **changes: Any) -> tuple[Any, Any]:
    """Return what a job comes to, and how the ledger has it."""
    ledger = MemoryLedger()
    with vendor(name, [looks]) as server:
        config = config_of(name, server, **{"max_poll_attempts": None, **changes})
        async with Gateway(ledger=ledger) as gateway:
            try:
                end: Any = await gateway.generate_video_async(config, REQUEST)
            except TarashException as error:
                end = error

    assert bought(server) == 1
    (record,) = await ledger.jobs()
    return end, record


@pytest.mark.parametrize(("name", "body"), CELLS)
async def test_media_that_follow_their_status_are_delivered(name: str, body: Any) -> None:
    end, record = await made(name, lambda number: said(body) if number < 2 else None)
    assert end.status == "completed"
    assert record.state == "completed"


@pytest.mark.parametrize(("name", "body"), CELLS)
async def test_an_end_that_stays_empty_is_a_failure(name: str, body: Any) -> None:
    polls = []

    def looks(number: int) -> bytes:
        polls.append(number)
        return said(body)

    end, record = await made(name, looks)
    assert isinstance(end, GenerationFailedError)
    assert (end.code, end.submission) == ("no_media", "accepted")
    assert len(polls) > 3
    assert record.state == "failed"


async def test_the_last_poll_that_is_allowed_decides() -> None:
    body = BLANK["runway"][0]
    end, _ = await made("runway", lambda _number: said(body), max_poll_attempts=2)
    assert isinstance(end, GenerationFailedError)


async def test_a_refusal_in_words_is_believed_at_once() -> None:
    refused = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["Sensitive words"]}
    body = {"name": OPERATION, "done": True, "response": {"generateVideoResponse": refused}}
    polls = []

    def looks(number: int) -> bytes:
        polls.append(number)
        return said(body)

    end, _ = await made("google", looks)
    assert "Sensitive words" in end.message
    assert polls == [0]
