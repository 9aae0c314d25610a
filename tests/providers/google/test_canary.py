"""The key and the token are searched for in everything that a Google call shows or stores."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, TarashException, VideoGenerationRequest
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step

from .conftest import KEY, OMNI, TOKEN, VEO, VERTEX, Make

CAT = VideoGenerationRequest(prompt="A cat")
STEPS: tuple[Step, ...] = ("submit", "poll", "result", "download", "cancel")


@pytest.mark.parametrize(("model", "own"), [(OMNI, {}), (VEO, {}), (VEO, VERTEX)])
@pytest.mark.parametrize("step", STEPS)
async def test_an_echoed_secret_does_not_spread(  # noqa: PLR0913, PLR0917 (a table's columns)
    simulator: Simulator,
    video: Make,
    caplog: pytest.LogCaptureFixture,
    model: str,
    own: dict[str, Any],
    step: Step,
) -> None:
    caplog.set_level(logging.DEBUG)
    ledger = MemoryLedger()
    secret = TOKEN if own else KEY
    updates: list[object] = []
    texts: list[str] = []
    config = video(model, provider_config=own, max_poll_attempts=3, max_retries=0)
    outcome: Any = "never" if step == "cancel" else "completed"
    simulator.script("google", Script(run_polls=0, outcome=outcome))
    async with Gateway(ledger=ledger) as gateway:
        for status in (400, 401, 500):
            said = {"error": {"code": status, "message": f"Error while checking {KEY} and {TOKEN}"}}
            simulator.fail("google", step, Fault.status(status, said), times=3)
            try:
                response = await gateway.generate_video_async(config, CAT, updates.append)
                texts.append(json.dumps(response.model_dump(mode="json")))
            except TarashException as error:
                texts += shown(error)

    texts += [repr(config), config.model_dump_json(), str(ledger.entries()), str(updates)]
    texts += [str(vars(record)) for record in caplog.records]
    assert all(secret not in text for text in texts)
    assert simulator.leaks == []


def shown(error: BaseException) -> list[str]:
    """Return everything that an error shows, with its causes and contexts."""
    texts = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        texts.append(f"{link!s}{link!r}{vars(link)!r}")
        link = link.__cause__ or link.__context__

    return texts
