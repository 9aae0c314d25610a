"""Whatever a server sends at a submit, a look or a result: memory stays, nothing is bought twice.

One process plays all providers against bodies without end and small ones that unpack to much; this
one only serves them, so that what serving takes is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step
from tests.contract.cases import CASES, wire_of

ROOT = Path(__file__).parents[2]
MEGABYTE = 1024 * 1024
MOST = 200 * MEGABYTE
"""What a hostile body may take over the process as it was before."""
ROUNDS: dict[str, tuple[Step, Fault] | None] = {
    "as it should be": None,  # which loads what is loaded once
    "a submit without end": ("submit", Fault.endless_body(b" " * MEGABYTE)),
    "a look without end": ("poll", Fault.endless_body(b" " * MEGABYTE)),
    "a look that unpacks to much": ("poll", Fault.gzip_bomb(400 * MEGABYTE)),
    "a result without end": ("result", Fault.endless_body(bytes(MEGABYTE))),
    "a result that unpacks to much": ("result", Fault.gzip_bomb(400 * MEGABYTE)),
}
ONE_LOOK = {"a look that unpacks to much", "a result that unpacks to much"}
"""Unpacking takes its time; that a second look takes no more memory than the first, others show."""
KINDS: dict[str, Fault] = {
    "without end": Fault.endless_body(b" " * MEGABYTE),
    "without end, of zeros": Fault.endless_body(bytes(MEGABYTE)),
    "that unpacks to much": Fault.gzip_bomb(400 * MEGABYTE),
    "of a page without end": Fault.endless_body(b"<p>" * MEGABYTE),
}
STEPS: tuple[Step, ...] = ("submit", "poll", "result", "download", "cancel", "list")
EACH: dict[str, tuple[Step, Fault] | None] = {
    "as it should be": None,
    **{f"{step} {kind}": (step, fault) for step in STEPS for kind, fault in KINDS.items()},
}
PLAYING = """
import asyncio, json, re, sys
from pathlib import Path
from tarash.tarash_gateway import Gateway, TarashException
from tests.contract.cases import CASES, wire_of

FIRST = {case.provider: case for case in reversed(CASES)}

def memory(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

async def play(gateway, case, origin, looks):
    changes = {"max_poll_attempts": looks, "on_timeout": "detach", "timeout": 300}
    method = getattr(gateway, f"generate_{case.kind}_async")
    try:
        await method(case.config("canary", origin, **changes), case.request())
    except TarashException as error:
        return type(error).__name__
    return "delivered"

async def main():
    origins = json.loads(sys.argv[1])
    async with Gateway() as gateway:
        while looks := int(await asyncio.to_thread(sys.stdin.readline) or 0):
            Path("/proc/self/clear_refs").write_text("5")
            ends = {
                one: await play(gateway, FIRST[one], place, looks)
                for one, place in origins.items()
            }
            print(json.dumps([memory("VmHWM"), memory("VmRSS"), ends]), flush=True)

asyncio.run(main())
"""


def played(
    simulator: Simulator, rounds: Mapping[str, tuple[Step, Fault] | None]
) -> dict[str, tuple[int, dict[str, str]]]:
    """Return for each round the bytes that it took at most, and how each provider's call ended."""
    origins = {name: simulator.base_url(name) for name in simulator.providers}
    command = [sys.executable, "-W", "ignore", "-c", PLAYING, json.dumps(origins)]
    found: dict[str, tuple[int, dict[str, str]]] = {}
    baseline = 0
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for name, trouble in rounds.items():
            simulator.reset()
            for provider in origins:
                simulator.script(provider, Script(run_polls=0, stream=False))  # until a look

            if trouble is not None:
                for provider in origins:
                    simulator.fail(provider, trouble[0], trouble[1], times=None)

            child.stdin.write("1\n" if name in ONE_LOOK else "2\n")
            child.stdin.flush()
            answer: Any = json.loads(child.stdout.readline())
            peak, after, ends = answer
            baseline = baseline or after
            found[name] = (peak - baseline, ends)
            submits = {one: simulator.counters(one).submits for one in origins}
            assert all(count <= 1 for count in submits.values()), (name, submits)

        child.stdin.close()

    return found


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_no_body_takes_more_memory_than_it_may() -> None:
    with Simulator() as simulator:
        found = played(simulator, ROUNDS)

    assert {name: taken // MEGABYTE for name, (taken, _) in found.items() if taken > MOST} == {}
    assert set(found["as it should be"][1].values()) == {"delivered"}


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
@pytest.mark.parametrize("provider", sorted({case.provider for case in CASES}))
def test_no_body_of_any_kind_takes_more_at_any_provider(provider: str) -> None:
    with Simulator([wire_of(provider)]) as simulator:
        found = played(simulator, EACH)

    assert {name: taken // MEGABYTE for name, (taken, _) in found.items() if taken > MOST} == {}
    assert found["as it should be"][1] == {provider: "delivered"}
