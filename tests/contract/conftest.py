"""A simulator for one case, a gateway whose ledger can be read, and the case's calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, TarashException
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Counters, Fault, Job, Script, Simulator, Step

from .cases import Case, wire_of

KEY = "canary-6be0a913d7"


class Run:
    """One case on a simulator of its own."""

    def __init__(self, case: Case, simulator: Simulator, gateway: Gateway) -> None:
        self.case = case
        self.simulator = simulator
        self.gateway = gateway
        self.ledger = MemoryLedger()
        self.updates: list[Any] = []

    @property
    def origin(self) -> str:
        return self.simulator.base_url(self.case.provider)

    @property
    def counters(self) -> Counters:
        return self.simulator.counters(self.case.provider)

    @property
    def jobs(self) -> list[Job]:
        return self.simulator.jobs(self.case.provider)

    def script(self, *scripts: Script) -> None:
        self.simulator.script(self.case.provider, *scripts)

    def fail(self, step: Step, fault: Fault, times: int | None = 1, skip: int = 0) -> None:
        self.simulator.fail(self.case.provider, step, fault, times, skip)

    def config(self, **changes: Any) -> Any:
        return self.case.config(KEY, self.origin, **changes)

    async def generate(self, request: Any = None, **changes: Any) -> Any:
        """Generate, keeping the updates."""
        method: Callable[..., Any] = getattr(self.gateway, f"generate_{self.case.kind}_async")
        wanted = request or self.case.request()
        return await method(self.config(**changes), wanted, self.updates.append)

    async def failure(self, request: Any = None, **changes: Any) -> TarashException:
        """Generate, expecting an error; return it when one job at most has come of it."""
        with pytest.raises(TarashException) as caught:
            await self.generate(request, **changes)

        assert self.counters.accepted <= 1
        assert self.terminal() == ["failed"]
        return caught.value

    def terminal(self) -> list[str]:
        """Return the updates that end something."""
        told = [update.status for update in self.updates]
        return [status for status in told if status in ("completed", "failed")]

    def outcomes(self) -> list[str | None]:
        """Return how the ledger says each submit ended; None for one that is still open."""
        return [entry.outcome for entry in self.ledger.entries()]


@pytest.fixture
def simulator(case: Case) -> Iterator[Simulator]:
    with Simulator([wire_of(case.provider)]) as running:
        running.keys[case.provider] = {KEY}
        yield running

    assert running.leaks == []


@pytest.fixture
async def run(case: Case, simulator: Simulator) -> AsyncIterator[Run]:
    ledger = MemoryLedger()
    async with Gateway(ledger=ledger) as gateway:
        made = Run(case, simulator, gateway)
        made.ledger = ledger
        yield made
