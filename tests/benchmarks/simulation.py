"""The simulator in a process of its own, so that its work isn't counted as the client's.

Run as a module, it serves: one JSON command a line on standard input, one JSON answer a line on
standard output. `Simulation` is the handle on such a process.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime

from tarash.tarash_gateway.testing import Script, Simulator
from tests.benchmarks.beside import Beside, answer


class Simulation(Beside):
    """A running simulator, seen from another process. A context manager."""

    def __init__(self, *providers: str) -> None:
        super().__init__("tests.benchmarks.simulation", *providers)

    @property
    def urls(self) -> dict[str, str]:
        """Where each provider is."""
        urls: dict[str, str] = self._begins_with
        return urls

    def script(self, provider: str, *seconds: float) -> None:
        """Set how long a provider's jobs run, one after the other; the last holds for the rest.

        What was counted of them before is forgotten.
        """
        self.ask("script", provider, *seconds)

    def counters(self, provider: str) -> dict[str, int]:
        """Return what was counted since the last `script`."""
        counted: dict[str, int] = self.ask("counters", provider)
        return counted

    def ends(self, provider: str) -> dict[str, float]:
        """Return when each job was done, in seconds since the epoch, by the job's id."""
        ended: dict[str, float] = self.ask("ends", provider)
        return ended

    def calls(self, provider: str, url: str) -> str:
        """Have a provider call back at an address, where its console says so; return its secret."""
        secret: str = self.ask("calls", provider, url)
        return secret

    def looks(self, provider: str) -> dict[str, int]:
        """Return the number of status requests for each job."""
        asked: dict[str, int] = self.ask("looks", provider)
        return asked


class _Server:
    """The other side of the handle: a command a method."""

    def __init__(self, simulators: Mapping[str, Simulator]) -> None:
        self._simulators = simulators
        self._seconds: dict[str, tuple[float, ...]] = {}

    def script(self, provider: str, *seconds: float) -> None:
        self._seconds[provider] = seconds
        simulator = self._simulators[provider]
        simulator.reset()
        simulator.script(provider, *(Script(run_seconds=one) for one in seconds))

    def calls(self, provider: str, url: str) -> str:
        simulator = self._simulators[provider]
        if provider == "openai":
            simulator.set_webhook_endpoint(provider, f"{url}/{provider}")

        return simulator.webhook_secret(provider)

    def counters(self, provider: str) -> dict[str, int]:
        return asdict(self._simulators[provider].counters(provider))

    def ends(self, provider: str) -> dict[str, float]:
        seconds = self._seconds[provider]
        return {
            job.id: job.submitted_at.timestamp() + seconds[min(number, len(seconds) - 1)]
            for number, job in enumerate(self._simulators[provider].jobs(provider))
        }

    def looks(self, provider: str) -> dict[str, int]:
        paths = (
            request.path.removesuffix("/status")
            for request in self._simulators[provider].requests(provider)
            # The path of fal's result is that of the job, and its status is below it.
            if request.method == "GET" and (provider != "fal" or request.path.endswith("/status"))
        )
        return Counter(path.rpartition("/")[2] for path in paths)


def serve(*providers: str) -> None:
    """Serve until standard input ends."""
    with ExitStack() as stack:
        # One for each, so that one can be told to forget without the others.
        simulators = {name: stack.enter_context(Simulator([name])) for name in providers}
        server = _Server(simulators)
        answer({name: simulator.base_url(name) for name, simulator in simulators.items()})
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            answer(getattr(server, name)(*arguments))


def now() -> float:
    """Return the time in the clock of `Simulation.ends`."""
    return datetime.now(UTC).timestamp()


if __name__ == "__main__":
    serve(*sys.argv[1:])
