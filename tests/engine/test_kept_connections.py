"""What comes over a kept connection before anything was asked is the answer to nothing.

A proxy's parting word, or an answer that was sent twice, would be taken for the answer to the next
request: a caller would be given the job of another, and a submit that was accepted be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.contract.cases import CASES, Case, wire_of
from tests.engine.test_resumed_results import STORED
from tests.jobs.poll_matrix import KEY
from tests.lines import COUNTED, Line, kept

REFUSALS = {
    "a 503": b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b'Content-Length: 29\r\n\r\n{"error":{"message":"later"}}',
    "a 408": b"HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "no HTTP": b"bye\r\n\r\n",
}
AGAIN = "an answer, once more"
PROVIDERS = ("fal", "google", "openai", "replicate", "wavespeed", "stability")
"""By our own exchanges and by an SDK's, with jobs and at once."""
SAMPLED = [next(one for one in CASES if one.provider == name) for name in PROVIDERS]


async def ordered(gateway: Gateway, case: Case, line: Line, prompt: str) -> Any:
    config = case.config(KEY, line.url, max_retries=2)
    request = case.request(prompt=prompt, extra_params=STORED.get(case.model, {}))
    return await getattr(gateway, f"generate_{case.kind}_async")(config, request)


async def play(case: Case, refusals: Mapping[str, bytes], *, is_read: bool) -> None:
    """Let something come unasked between one job and the next, over and over."""
    with Simulator([wire_of(case.provider)]) as simulator:
        simulator.script(case.provider, Script(run_polls=1, stream=False))
        async with (
            Line(simulator, case.provider) as line,
            Gateway(ledger=MemoryLedger()) as gateway,
        ):
            for step in (*COUNTED.values(), "other"):
                line.twist(step, kept, stays=True)

            ids = {(await ordered(gateway, case, line, "before")).request_id}
            again = next(whole for step, whole in line.answers if step == "submit")
            for name, said in {AGAIN: kept(again).data, **refusals}.items():
                assert line.say_unasked(said), "no connection was kept"
                if is_read:
                    await asyncio.sleep(0.01)

                ids.add((await ordered(gateway, case, line, name)).request_id)
                counters = simulator.counters(case.provider)
                assert counters.submits == counters.accepted == len(ids), name


@pytest.mark.parametrize("is_read", [True, False], ids=["read by then", "not read yet"])
@pytest.mark.parametrize("case", SAMPLED, ids=str)
async def test_what_came_unasked_answers_nothing(case: Case, *, is_read: bool) -> None:
    await play(case, {}, is_read=is_read)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("is_read", [True, False], ids=["read by then", "not read yet"])
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_whatever_came_unasked_answers_nothing(case: Case, *, is_read: bool) -> None:
    await play(case, REFUSALS, is_read=is_read)
