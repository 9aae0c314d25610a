"""A mistake in a stage of the user's own: a paid job is kept, and nothing is sent twice."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    providers,
)
from tarash.tarash_gateway.providers import ProviderDeclaration, declared_provider
from tarash.tarash_gateway.providers._registry import Registry
from tarash.tarash_gateway.testing import Script, Simulator

DECLARED = Path(str(providers.__file__)).parent / "kling" / "provider.toml"
REQUEST = VideoGenerationRequest(prompt="A kite")


def broken(_adapter: Any, *_args: Any, **_named: Any) -> Any:
    raise KeyError("a mistake of the author's")


async def broken_later(_adapter: Any, *_args: Any, **_named: Any) -> Any:
    raise KeyError("a mistake of the author's")


async def sent_and_broken(adapter: Any, client: Any, payload: Any, call: Any) -> Any:
    await type(adapter).submit(adapter, client, payload, call)
    raise KeyError("a mistake of the author's")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    module = ModuleType("stages_with_mistakes")
    module.__dict__.update(
        broken=broken, broken_later=broken_later, sent_and_broken=sent_and_broken
    )
    sys.modules[module.__name__] = module
    try:
        with Simulator(["kling"]) as running:
            yield running
    finally:
        del sys.modules[module.__name__]


def run(simulator: Simulator, stage: str, function: str) -> tuple[Gateway, Any]:
    """Return the gateway, and what a generation with a broken stage came to."""
    simulator.reset()
    if stage == "failure":
        simulator.script("kling", Script(outcome="failed"))

    raw = tomllib.loads(DECLARED.read_text("utf-8"))
    raw |= {"name": "acme", "aliases": [], "hooks": {stage: f"stages_with_mistakes:{function}"}}
    registry = Registry()
    registry.register(declared_provider(ProviderDeclaration.model_validate(raw)))
    gateway = Gateway(registry=registry)
    config = VideoGenerationConfig(
        provider="acme",
        model="kling-3.0",
        api_key="key",
        base_url=simulator.base_url("kling"),
        poll_interval=0.01,
        max_poll_attempts=9,
        provider_config={"min_poll_interval": 0.01},
    )
    try:
        return gateway, gateway.generate_video(config, REQUEST)
    except TarashException as error:
        return gateway, error


@pytest.mark.parametrize(
    ("stage", "function"),
    [
        ("poll", "broken_later"),
        ("snapshot", "broken"),
        ("job_url", "broken"),
        ("failure", "broken"),
    ],
)
def test_a_job_that_can_not_be_read_stays_open(
    simulator: Simulator, stage: str, function: str
) -> None:
    """It can be taken up again once the mistake is mended."""
    gateway, error = run(simulator, stage, function)
    assert isinstance(error, TarashException)
    assert error.submission == "accepted"
    assert error.operation is not None
    assert "a mistake of the author's" in str(error)
    assert [job.state for job in gateway.list_jobs()] == ["open"]
    assert simulator.counters("kling").submits == 1


@pytest.mark.parametrize("stage", ["parse", "urls"])
def test_a_result_that_can_not_be_read_is_kept(simulator: Simulator, stage: str) -> None:
    _gateway, error = run(simulator, stage, "broken")
    assert isinstance(error, TarashException)
    assert error.submission == "accepted"
    assert not error.retryable
    assert "video.mp4" in str(error.raw_response)
    assert simulator.counters("kling").submits == 1


@pytest.mark.parametrize(
    ("stage", "function"), [("accepted", "broken"), ("submit", "sent_and_broken")]
)
def test_a_submit_whose_answer_can_not_be_read_is_looked_for(
    simulator: Simulator, stage: str, function: str
) -> None:
    _gateway, response = run(simulator, stage, function)
    assert response.execution_metadata.attempts[0].adopted
    assert simulator.counters("kling").submits == 1


@pytest.mark.parametrize(("stage", "function"), [("build", "broken"), ("submit", "broken_later")])
def test_nothing_was_sent_where_the_mistake_is_before_it(
    simulator: Simulator, stage: str, function: str
) -> None:
    _gateway, error = run(simulator, stage, function)
    assert isinstance(error, TarashException)
    assert error.submission == "not_sent"
    assert simulator.counters("kling").submits == 0


def test_a_cancel_that_breaks_leaves_the_job_as_it_is(simulator: Simulator) -> None:
    gateway, response = run(simulator, "cancel", "broken_later")
    assert response.video.endswith("video.mp4")
    assert [job.state for job in gateway.list_jobs()] == ["completed"]
