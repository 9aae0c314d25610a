"""A running simulator in the place of fal, and a gateway whose ledger can be read."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AttemptMetadata,
    Gateway,
    ImageGenerationConfig,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Counters, Fault, Script, Simulator, Step
from tests.conftest import until
from tests.contract.cases import everyone

KEY = "canary-key-of-the-tests"
REQUEST = VideoGenerationRequest(prompt="A cat")
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


class Fal:
    """The simulated fal, the configs that lead to it, and a gateway to go through."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.ledger = MemoryLedger()
        self.gateway = Gateway(ledger=self.ledger)

    def config(self, **changes: Any) -> VideoGenerationConfig:
        return VideoGenerationConfig(**(self._defaults("fal-ai/veo3.1") | changes))

    def image_config(self, **changes: Any) -> ImageGenerationConfig:
        return ImageGenerationConfig(**(self._defaults("fal-ai/flux/dev") | changes))

    def _defaults(self, model: str) -> dict[str, Any]:
        return {
            "provider": "fal",
            "model": model,
            "api_key": KEY,
            "base_url": self.simulator.base_url("fal"),
            "poll_interval": 0.02,
            "provider_config": {"min_poll_interval": 0.01},
        }

    def script(self, *scripts: Script) -> None:
        self.simulator.script("fal", *scripts)

    def fail(self, step: Step, fault: Fault, times: int | None = 1, skip: int = 0) -> None:
        self.simulator.fail("fal", step, fault, times, skip)

    @property
    def counters(self) -> Counters:
        return self.simulator.counters("fal")

    async def generate(
        self, on_progress: Callable[[Any], Any] | None = None, **changes: Any
    ) -> VideoGenerationResponse:
        return await self.gateway.generate_video_async(self.config(**changes), REQUEST, on_progress)

    async def failure(
        self, on_progress: Callable[[Any], Any] | None = None, **changes: Any
    ) -> TarashException:
        """Generate, expecting an error, and return it; one job at most may come of it."""
        with pytest.raises(TarashException) as caught:
            await self.generate(on_progress, **changes)

        assert self.counters.accepted <= 1
        return caught.value

    def outcomes(self) -> list[str | None]:
        """Return how the ledger says each submit ended; None for one that is still open."""
        return [entry.outcome for entry in self.ledger.entries()]


def only_attempt(error: TarashException) -> AttemptMetadata:
    """Return what the one attempt did, which the error has to agree with."""
    assert error.execution_metadata is not None
    (attempt,) = error.execution_metadata.attempts
    assert attempt.error_type == type(error).__name__
    assert attempt.is_retryable == error.retryable
    assert attempt.submission == error.submission
    assert attempt.request_id == error.request_id
    return attempt


def dead_url() -> str:
    """Return a URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with everyone() as running:
        yield running

    assert running.leaks == []


@pytest.fixture
def fal(simulator: Simulator) -> Fal:
    return Fal(simulator)


@pytest.fixture
def eventually() -> Eventually:
    return until
