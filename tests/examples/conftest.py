"""What the tests of the examples share: the environment of a user who has simulated providers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway.testing import Simulator

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
KEYS = {
    "fal": "FAL_KEY",
    "google": "GOOGLE_API_KEY",
    "openai": "OPENAI_API_KEY",
    "xai": "XAI_API_KEY",
}
SECRET = "a secret of the tests"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator([*KEYS]) as simulator:
        yield simulator


def environment(simulator: Simulator) -> dict[str, str]:
    """Return the variables of a process that uses the simulated providers."""
    # IPython warns where the variable tells of another environment than the interpreter's.
    ours = ("TARASH_", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    hosts = {f"TARASH_{name.upper()}_BASE_URL": simulator.base_url(name) for name in KEYS}
    keys = dict.fromkeys(KEYS.values(), "example:key")
    return {**kept, **hosts, **keys, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


class Service:
    """The FastAPI example in a process of its own; its address outlives it."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._folder = folder
        self._variables = variables
        # Ours, so that requests wait while there is no process, and no port is lost to others.
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.start()

    def start(self) -> None:
        """Start it, and return at once."""
        number = self._listener.fileno()
        command = [sys.executable, "-m", "uvicorn", "fastapi_service.app:app", "--no-access-log"]
        options = ["--app-dir", str(EXAMPLES), "--fd", str(number)]
        self.process = subprocess.Popen(
            [*command, *options, "--timeout-graceful-shutdown", "1", "--no-proxy-headers"],
            cwd=self._folder,
            env=self._variables,
            pass_fds=[number],
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, number: signal.Signals = signal.SIGKILL) -> str:
        """Send it a signal, wait until it is gone, and return what it has said."""
        self.process.send_signal(number)
        return self.process.communicate()[1]

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.returncode is None:
            self.end()

        self._listener.close()


Serve = Callable[..., Service]


@pytest.fixture
def serve(simulator: Simulator, tmp_path: Path) -> Iterator[Serve]:
    """Start the FastAPI example, with further variables for its environment."""
    services: list[Service] = []

    def start(**variables: str) -> Service:
        secret = {"TARASH_TOKEN_SECRET": SECRET}
        services.append(Service(tmp_path, {**environment(simulator), **secret, **variables}))
        return services[-1]

    yield start
    for service in services:
        service.close()
