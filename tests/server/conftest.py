"""A really started server, and what the tests of it share."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.server import ServerSettings, create_app
from tarash.tarash_gateway.server._serve import listen, server_of
from tarash.tarash_gateway.testing import Simulator

ADMIN = "admin-key-of-the-tests"
MODEL = "fal/fal-ai/veo3.1"
KEYS = {
    "fal": "FAL_KEY",
    "google": "GOOGLE_API_KEY",
    "openai": "OPENAI_API_KEY",
    "replicate": "REPLICATE_API_TOKEN",
}


class Started:
    """A server in a thread of this process, listening on a port of its own."""

    def __init__(
        self,
        gateway: Gateway,
        settings: ServerSettings,
        head_seconds: float = 10,
        admin_key: str = ADMIN,
    ) -> None:
        self.app = create_app(gateway, settings, admin_key=admin_key)
        self._listener = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = server_of(self.app, head_seconds=head_seconds)
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self._thread.start()
        self._clients: list[openai.OpenAI] = []
        self.http = httpx.Client(
            base_url=self.url, timeout=60, headers={"Authorization": f"Bearer {admin_key}"}
        )

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])

    def key(self, **scope: Any) -> str:
        """Make a key."""
        answer = self.http.post("/api/keys", json={"name": "test", **scope})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    def client(self, key: str = ADMIN, **options: Any) -> openai.OpenAI:
        """Return the official client."""
        client = openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, **options)
        self._clients.append(client)
        return client

    def ask(self, method: str, path: str, key: str = ADMIN, **options: Any) -> httpx.Response:
        """Make a request with a key."""
        headers = {"Authorization": f"Bearer {key}", **options.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **options)

    def create(self, key: str = ADMIN, **fields: Any) -> httpx.Response:
        """Create a video with plain JSON."""
        headers = fields.pop("headers", {})
        body = {"model": MODEL, "prompt": "A cat", **fields}
        return self.ask("POST", "/v1/videos", key, json=body, headers=headers)

    def until_ended(self, video_id: str, key: str = ADMIN) -> dict[str, Any]:
        """Poll a video until it has ended, and return it."""
        while True:
            video: dict[str, Any] = self.ask("GET", f"/v1/videos/{video_id}", key).json()
            if video["status"] not in ("queued", "in_progress"):
                return video

            threading.Event().wait(0.02)

    def stop(self) -> None:
        """End it in good order."""
        self.http.close()
        for client in self._clients:
            client.close()

        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()


Start = Callable[..., Started]


@pytest.fixture(autouse=True)
def _sora_is_no_matter() -> Iterator[None]:
    # The official client warns that OpenAI's own videos end; these are ours.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The Sora API")
        yield


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Started] = []

    def make(
        ledger: Any = None,
        *,
        head_seconds: float = 10,
        admin_key: str = ADMIN,
        **settings: Any,
    ) -> Started:
        chosen = {"media": tmp_path / "media", "sweep_seconds": 0.5, **settings}
        gateway = Gateway(ledger=ledger or MemoryLedger())
        started.append(Started(gateway, ServerSettings(**chosen), head_seconds, admin_key))
        return started[-1]

    yield make
    for one in started:
        if one._thread.is_alive():  # noqa: SLF001  (a test may have stopped it)
            one.stop()


@pytest.fixture
def mocked(start: Start) -> Started:
    """Return a server whose models are answered by the mock."""
    return start(mock=True)


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator([*KEYS]) as running:
        for name, variable in KEYS.items():
            monkeypatch.setenv(variable, "example:key")
            monkeypatch.setenv(f"TARASH_{name.upper()}_BASE_URL", running.base_url(name))

        yield running

    assert running.leaks == []


@pytest.fixture
def served(simulator: Simulator, start: Start) -> Started:
    """Return a server before simulated providers."""
    del simulator  # its variables are set
    return start()
