"""The server within an application of somebody else's, below a path."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import openai
import pytest
from fastapi import FastAPI

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.exceptions import ValidationError
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.server import ServerSettings, create_app
from tarash.tarash_gateway.server._serve import listen, server_of
from tests.server.conftest import ADMIN, MODEL

KEY = {"Authorization": f"Bearer {ADMIN}"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    settings = ServerSettings(mock=True, media=tmp_path / "media")
    inner = create_app(Gateway(ledger=MemoryLedger()), settings, admin_key=ADMIN)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with inner.router.lifespan_context(inner):
            yield

    whole = FastAPI(lifespan=lifespan)
    whole.mount("/ai", inner)
    listener = listen("127.0.0.1", 0)
    server = server_of(whole)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/ai"
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def test_all_of_it_works_below_a_path(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=ADMIN) as client:
        video = client.videos.create_and_poll(model=MODEL, prompt="A cat")
        assert client.videos.download_content(video.id).read()[4:8] == b"ftyp"

    with httpx.Client(headers=KEY, timeout=60) as http:
        link = http.post(f"{url}/api/jobs/{video.id}/links", json={}).json()["url"]
        assert link.startswith(f"{url}/links/")
        images = {"model": "openai/gpt-image-2", "prompt": "A cat", "response_format": "url"}
        image = http.post(f"{url}/v1/images/generations/", json=images).json()["data"][0]["url"]
        assert http.get(f"{url}/").text.startswith("<!doctype html>")
        assert http.get(f"{url}/page/app.js").status_code == 200
        assert http.get(f"{url}/openapi.json").json()["paths"]

    for one in (link, image):  # without a key
        assert httpx.get(one).status_code == 200


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_what_is_not_installed_is_said_at_once(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "tarash.tarash_gateway.server._app", raising=False)
    with pytest.raises(ValidationError, match=f"needs {missing}, which is not installed"):
        create_app()
