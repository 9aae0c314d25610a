"""The simulator in a process of its own, so that its work isn't counted as the client's.

Run as a module, it serves: one JSON command a line on standard input, one JSON answer a line on
standard output. `Simulation` is the handle on such a process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tarash.tarash_gateway.testing import Script, Simulator

ROOT = Path(__file__).parents[2]


class Simulation:
    """A running simulator, seen from another process. A context manager."""

    def __init__(self, *providers: str) -> None:
        self._providers = providers
        self._process: subprocess.Popen[str] | None = None
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.benchmarks.simulation", *self._providers]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.urls = self._read()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            with self._process as process:  # which closes its standard input, and so ends it
                process.stdout and process.stdout.close()

    def script(self, provider: str, *seconds: float) -> None:
        """Set how long a provider's jobs run, one after the other; the last holds for the rest.

        What was counted of them before is forgotten.
        """
        self._ask("script", provider, *seconds)

    def counters(self, provider: str) -> dict[str, int]:
        """Return what was counted since the last `script`."""
        counted: dict[str, int] = self._ask("counters", provider)
        return counted

    def ends(self, provider: str) -> dict[str, float]:
        """Return when each job was done, in seconds since the epoch, by the job's id."""
        ended: dict[str, float] = self._ask("ends", provider)
        return ended

    def calls(self, provider: str, url: str) -> str:
        """Have a provider call back at an address, where its console says so; return its secret."""
        secret: str = self._ask("calls", provider, url)
        return secret

    def looks(self, provider: str) -> dict[str, int]:
        """Return the number of status requests for each job."""
        asked: dict[str, int] = self._ask("looks", provider)
        return asked

    def _ask(self, *command: Any) -> Any:
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("the simulation is not running; use it in a `with` statement")

        self._process.stdin.write(f"{json.dumps(command)}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the simulation is not running; use it in a `with` statement")

        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the simulator's process ended; what it said is above")

        return json.loads(line)


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
        _say({name: simulator.base_url(name) for name, simulator in simulators.items()})
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            _say(getattr(server, name)(*arguments))


def _say(answer: Any) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


def now() -> float:
    """Return the time in the clock of `Simulation.ends`."""
    return datetime.now(UTC).timestamp()


if __name__ == "__main__":
    serve(*sys.argv[1:])
