"""A planted key is searched for in everything that a call with any provider leaves behind."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from typing import Any

import pytest

from tarash.tarash_gateway import TarashException
from tarash.tarash_gateway.testing import Fault, Script, Step

from .cases import CASES, JOBS
from .conftest import KEY, Run

LOOKS: tuple[Step, ...] = ("poll", "stream", "result", "download")
STEPS = [
    *(pytest.param(case, "submit", id=f"{case}-submit") for case in CASES),
    *(pytest.param(case, step, id=f"{case}-{step}") for case in JOBS for step in LOOKS),
]


def shown(error: BaseException) -> list[str]:
    """Return everything that an error shows, with its causes, contexts and attributes."""
    texts = ["".join(traceback.format_exception(error)), repr(pickle.dumps(error))]
    link: BaseException | None = error
    while link is not None:
        texts += [str(link), repr(link), repr(vars(link)), repr(link.args)]
        link = link.__cause__ or link.__context__

    return texts


def left_behind(run: Run, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what a call leaves behind, whatever came of it."""
    config = run.config()
    texts = [repr(config), str(config), config.model_dump_json()]
    texts += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    texts += [repr(update) for update in run.updates]
    return [*texts, repr(run.ledger.entries())]


async def tried(run: Run, **changes: Any) -> list[str]:
    """Generate, and return what a result or an error shows."""
    try:
        response = await run.generate(**changes)
    except TarashException as error:
        return shown(error)

    return [
        repr(response),
        str(response.raw_response),
        json.dumps(response.model_dump(mode="json")),
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_happy_run_does_not_tell_the_key(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = await tried(run)
    sent = [str(request.headers) for request in run.simulator.requests(run.case.provider)]

    assert all(KEY in headers for headers in sent)
    assert not [text for text in [*texts, *left_behind(run, caplog)] if KEY in text]


@pytest.mark.parametrize(("case", "step"), STEPS)
async def test_a_provider_that_echoes_the_key_does_not_spread_it(
    run: Run, caplog: pytest.LogCaptureFixture, step: Step
) -> None:
    """In refusals and in failures, in its own words and in words of another shape."""
    caplog.set_level(logging.DEBUG)
    texts = []
    faults = (
        Fault.echo_key(500),
        Fault.echo_key(400),
        Fault.echo_key(401),
        Fault.status(422, {"key": KEY, "odd": [{KEY: f"Bearer {KEY}"}]}),
        Fault.status(200, {"odd": f"Bearer {KEY}"}),
    )
    for fault in faults:
        run.script(Script(run_polls=0))
        run.fail(step, fault)
        texts += await tried(run)

    assert not [text for text in [*texts, *left_behind(run, caplog)] if KEY in text]


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_a_failed_job_that_names_the_key_does_not_spread_it(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run.script(Script(outcome="failed", error_message=f"no access for {KEY}"))
    texts = await tried(run)
    assert not [text for text in [*texts, *left_behind(run, caplog)] if KEY in text]
