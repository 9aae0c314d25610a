"""Hedges, and limits of what runs at a time, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Breaker,
    Gateway,
    HTTPError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.cli._errors import Exit
from tarash.tarash_gateway.cli._inputs import read
from tarash.tarash_gateway.cli._options import Options
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.cli.conftest import Command

AGAIN = ("--fallback", "fal:fal-ai/veo3")


def options(**given: Any) -> Options:
    basis: dict[str, Any] = {"kind": "video", "prompt": "a cat", "provider": "fal", "mock": False}
    basis |= {"model": None, "fallback": ["fal:fal-ai/veo3"], "base_url": None, "key_file": None}
    return Options(**{**basis, **given})


def test_a_slow_job_gets_company_and_is_stopped_when_that_is_faster(
    tarash_command: Command, simulator: Simulator
) -> None:
    slow = Script(outcome="never", stream=False)
    simulator.script("fal", slow, Script(run_polls=0, stream=False))
    ran = tarash_command("video", "a cat", *AGAIN, "--hedge-after", "0.2", "--json", code=0)
    attempts = ran.json()["execution_metadata"]["attempts"]
    assert [one["status"] for one in attempts] == ["failed", "success"]
    first, second = simulator.jobs("fal")
    assert (first.endpoint, second.endpoint) == ("fal-ai/veo3.1", "fal-ai/veo3")
    assert first.cancel_requested
    assert not second.cancel_requested
    # Each is named once, though their updates come side by side.
    assert [ran.err.count(f"job {one.id}\n") for one in (first, second)] == [1, 1]


def test_commands_that_share_a_ledger_wait_for_each_other(
    tarash_command: Command, simulator: Simulator
) -> None:
    simulator.script("fal", Script(outcome="never", stream=False), Script(stream=False))
    one = ("--in-flight", "1")
    job_id = tarash_command("video", "a cat", "--detach", *one, code=0).out.strip()
    ran = tarash_command("video", "a dog", *one, "--queue-timeout", "0.2")
    assert ran.code == Exit.TIMEOUT
    assert "queued, position 1" in ran.err
    assert "came free within 0.2 s (--queue-timeout), so nothing was submitted" in ran.err
    assert [job.id for job in simulator.jobs("fal")] == [job_id]

    tarash_command("jobs", "cancel", job_id, code=0)
    tarash_command("video", "a dog", *one, code=0)
    assert simulator.counters("fal").submits == 2


def test_each_config_of_the_chain_is_limited_and_the_first_one_hedges() -> None:
    given = options(hedge_after="p90", in_flight=3, queue_timeout=9.0, priority=2)
    config, _ = read(given)
    for one in (config, *config.fallback_configs):
        assert one.limits is not None
        assert (one.limits.in_flight, one.queue_timeout, one.priority) == (3, 9, 2)

    assert [one.hedge_after for one in (config, *config.fallback_configs)] == ["p90", None]
    assert read(options(hedge_after="90"))[0].hedge_after == 90
    assert read(options())[0].limits is None


@pytest.mark.parametrize(("on_open", "sent"), [("fail", 0), ("try", 1)])
def test_a_command_learns_from_others_that_a_provider_is_down(
    tarash_command: Command, simulator: Simulator, tmp_path: Path, on_open: str, sent: int
) -> None:
    ledger = f"sqlite:///{tmp_path / 'shared.db'}"
    other = Gateway(ledger=ledger, breaker=Breaker(failures=1, open_seconds=600))
    simulator.fail("fal", "submit", Fault.status(503))
    url = simulator.base_url("fal")
    config = VideoGenerationConfig(
        provider="fal", model="fal-ai/veo3.1", api_key="k", base_url=url, max_retries=0
    )
    with pytest.raises(HTTPError):
        other.generate_video(config, VideoGenerationRequest(prompt="a cat"))

    simulator.reset()
    around = ("--on-open", on_open, "--ledger", ledger)
    for detach in ([], ["--detach"]):
        ran = tarash_command("video", "a cat", *around, *detach)
        assert ran.code == (Exit.DONE if sent else Exit.PROVIDER), ran.err
        assert ("counts as down" in " ".join(ran.err.split())) is (not sent)

    assert simulator.counters("fal").submits == 2 * sent
    ran = tarash_command("video", "a cat", *around, *AGAIN, "--json", code=0)
    attempts = ran.json()["execution_metadata"]["attempts"]
    # Whoever was tried all the same has shown that it is back.
    assert attempts[0]["status"] == ("success" if sent else "skipped")
    assert attempts[-1]["status"] == "success"


MISUSE = [
    (["--on-open", "wait"], "error: --on-open: 'wait' is neither of try and fail"),
    (["--on-open", "fail", "--enqueue"], "--enqueue sends nothing: leave one of them out"),
    (["--in-flight", "0"], "error: --in-flight: must be greater than or equal to 1"),
    (["--in-flight", "1", "--queue-timeout", "0"], "error: --queue-timeout: must be greater"),
    (["--queue-timeout", "9"], "error: --queue-timeout is for --in-flight"),
    (["--hedge-after", "9"], "error: --hedge-after starts a --fallback beside a slow job"),
    ([*AGAIN, "--hedge-after", "p80"], "error: --hedge-after: 'p80' is neither seconds"),
    ([*AGAIN, "--hedge-after", "0.0"], "error: --hedge-after: '0.0' is neither seconds"),
    ([*AGAIN, "--hedge-after", "nan"], "error: --hedge-after: 'nan' is neither seconds"),
    ([*AGAIN, "--hedge-after", "9", "--failover", "when_safe"], "--failover when_safe rules out"),
    ([*AGAIN, "--hedge-after", "9", "--detach"], "leaves before a job could be slow"),
]


@pytest.mark.parametrize(("arguments", "said"), MISUSE)
def test_what_could_do_nothing_is_refused(
    tarash_command: Command, simulator: Simulator, arguments: list[str], said: str
) -> None:
    ran = tarash_command("video", "a cat", *arguments, code=2)
    assert said in " ".join(ran.err.split())
    assert simulator.counters("fal").submits == 0
