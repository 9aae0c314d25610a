"""Texts that no file and no screen takes, in what a provider says of a job that was paid for.

A text that was cut in the middle of an emoji ends with half of a surrogate pair, and a header may
hold any bytes. The result is delivered all the same, and can be written down, printed and sent on.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    register_provider,
)
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.testing import Script, Simulator
from tests.contract.cases import CASES, JOBS, Case, wire_of
from tests.engine.test_resumed_results import STORED
from tests.jobs.poll_matrix import KEY
from tests.lines import Line
from tests.odd_answers import headed

HALF = rb'{"cut here: \ud83d": ["cut here: \ud83d"], "note": "cut here: \ud83d",'
ODD = headed(
    b"X-Note: \xff\xfe\x80",
    body=lambda b: HALF + b[1:] if b.startswith(b'{"') else b,
)
WORDS = re.compile(rb'("(?:error|message|msg|detail|failure|failure_reason|reason)": ?"[^"]*)')
CUT = headed(body=lambda b: WORDS.sub(rb"\1\\ud83d", b))

SAMPLED = [
    next(one for one in CASES if one.provider == name)
    for name in ("runway", "replicate", "openai", "google", "stability", "kling")
]
RING: dict[str, Any] = {}
RING["itself"] = RING
METADATA: dict[str, dict[str, Any]] = {
    "an object": {"seen": object()},
    "a ring": RING,
    "bytes": {"seen": b"\xff"},
    "half an emoji": {"seen": "\ud83d"},
}


def check(value: Any) -> None:
    """See that a value can be written down, printed and sent on."""
    value.model_dump_json()
    json.dumps(value.model_dump(mode="json"), ensure_ascii=False).encode()
    repr(value).encode()


async def played(case: Case, script: Script, path: Path, twist: Any) -> Any:
    """Return what a call comes to whose every answer is made something of."""
    with Simulator([wire_of(case.provider)]) as simulator:
        simulator.script(case.provider, script)
        async with (
            Line(simulator, case.provider) as line,
            Gateway(ledger=SqliteLedger(path)) as gateway,
        ):
            for step in ("submit", "poll", "result"):
                line.twist(step, twist, stays=True)

            config = case.config(KEY, line.url, timeout=20, max_retries=0)
            request = case.request(extra_params=STORED.get(case.model, {}))
            try:
                return await getattr(gateway, f"generate_{case.kind}_async")(
                    config, request, on_progress=check
                )
            except TarashException as error:
                return error
            finally:
                assert simulator.counters(case.provider).submits == 1


async def state_of(path: Path) -> str:
    ledger = SqliteLedger(path)
    try:
        (record,) = await ledger.jobs(limit=10)
    finally:
        await ledger.aclose()

    return record.state


async def is_delivered(case: Case, path: Path) -> None:
    response = await played(case, Script(run_polls=1, stream=False), path, ODD)
    assert not isinstance(response, TarashException), repr(response)
    check(response)
    assert await state_of(path) == "completed"


async def is_told(case: Case, path: Path) -> None:
    script = Script(outcome="failed", run_polls=1, stream=False)
    error = await played(case, script, path, CUT)
    assert isinstance(error, TarashException)
    str(error).encode()
    json.dumps(error.raw_response, ensure_ascii=False).encode()
    assert await state_of(path) == "failed"


@pytest.mark.parametrize("case", SAMPLED, ids=str)
async def test_half_an_emoji_withholds_no_result(case: Case, tmp_path: Path) -> None:
    await is_delivered(case, tmp_path / "delivered.db")
    if not case.at_once:
        await is_told(case, tmp_path / "failed.db")


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_half_an_emoji_withholds_no_result_anywhere(case: Case, tmp_path: Path) -> None:
    await is_delivered(case, tmp_path / "jobs.db")


@pytest.mark.soak
@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_half_an_emoji_hides_no_verdict_anywhere(case: Case, tmp_path: Path) -> None:
    await is_told(case, tmp_path / "jobs.db")


@pytest.mark.parametrize("name", METADATA)
async def test_metadata_that_are_no_json_withhold_no_result(name: str, tmp_path: Path) -> None:
    class Own:
        async def generate_video_async(
            self,
            _config: VideoGenerationConfig,
            _request: VideoGenerationRequest,
            _told: Any = None,
        ) -> VideoGenerationResponse:
            return VideoGenerationResponse(
                request_id="r1",
                status="completed",
                video="https://example.com/cat.mp4",
                raw_response={},
                provider_metadata=METADATA[name],
            )

    register_provider("own-metadata", Own())
    config = VideoGenerationConfig(provider="own-metadata", model="m")
    request = VideoGenerationRequest(prompt="A cat")
    path = tmp_path / "jobs.db"
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        made = await gateway.generate_video_async(config, request, idempotency_key="k")
        again = await gateway.generate_video_async(config, request, idempotency_key="k")

    assert made.video == again.video
    assert await state_of(path) == "completed"
