"""A status that nobody knows yet: the job is polled on, and the word is named to its user."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tarash.tarash_gateway import (
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from tarash.tarash_gateway.providers._openai_wire import STATUSES
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Script
from tests.conftest import Leap, logged, until

from .cases import JOBS, Case
from .conftest import Run

WORD = "WARMING_UP"
LIMIT = 60


def has_words(case: Case) -> bool:
    """Tell whether a provider has words for work under way.

    Two only say whether it is done, one has numbers, and adapters of other packages may keep
    their words to themselves.
    """
    adapter: Any = default_registry.adapter(case.provider, need_extra=False)
    listed = dict(getattr(adapter, "statuses", {})).values()
    if not ("processing" in listed or hasattr(adapter, "said")) and case.provider not in (
        "openai",
        "azure-openai",
        "google",
    ):
        return False

    return case.provider not in ("comfyui", "cirrus") and not case.model.startswith("veo-")


def words_of(case: Case) -> dict[str, str]:
    """Return each word of a provider's for work under way, with what is said in its place."""
    adapter: Any = default_registry.adapter(case.provider)
    known: dict[str, str] = dict(getattr(adapter, "statuses", STATUSES))
    for poll in getattr(getattr(adapter, "said", None), "poll", ()):
        known |= poll.statuses

    return {word: WORD for word, one in known.items() if one in ("queued", "processing")}


def notes(run: Run) -> list[str]:
    return [update.note for update in run.updates if update.note]


@pytest.mark.parametrize("case", [one for one in JOBS if has_words(one)], ids=str)
async def test_an_unknown_status_is_named_and_polled_on(
    run: Run, leap: Leap, caplog: pytest.LogCaptureFixture
) -> None:
    run.script(Script(run_polls=1000, stream=False))
    run.fail("poll", Fault.other_words(words_of(run.case)), times=None)
    work = asyncio.ensure_future(run.failure(timeout=LIMIT, on_timeout="detach"))
    await until(lambda: run.counters.polls >= 3 or work.done())
    leap(LIMIT)
    error = await work

    assert isinstance(error, TimeoutError)
    assert WORD in error.message
    assert logged(caplog).count("status_unknown") == 1
    assert [WORD in note for note in notes(run)] == [True]
    assert run.outcomes() == ["detached"]


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_every_word_that_a_provider_usually_says_is_known(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    run.script(Script(queue_polls=1, run_polls=1, stream=False))
    await run.generate()
    assert "status_unknown" not in logged(caplog)
    assert notes(run) == []
