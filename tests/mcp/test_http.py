"""The tools on the server, by streamable HTTP: each call has the rights of its key, and no more."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from tarash.tarash_gateway import Gateway
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.mcp import mount_mcp
from tarash.tarash_gateway.server import Cors, ServerSettings, create_app
from tarash.tarash_gateway.server._serve import listen, server_of
from tarash.tarash_gateway.testing import Script, Simulator

ADMIN = "admin-key-of-the-tests"
MODEL = "kling/kling-3.0"
REQUEST = {"prompt": "A cat", "duration_seconds": 5}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Serve models that are answered by the mock."""
    yield from serving(ServerSettings(mock=True, media=tmp_path / "media"))


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(["kling"]) as running:
        monkeypatch.setenv("KLING_API_KEY", "example-key")
        monkeypatch.setenv("TARASH_KLING_BASE_URL", running.base_url("kling"))
        yield running

    assert running.leaks == []


@pytest.fixture
def paid(simulator: Simulator, tmp_path: Path) -> Iterator[str]:
    """Serve models that cost something."""
    del simulator  # its variables are set
    yield from serving(ServerSettings(media=tmp_path / "media"))


def serving(settings: ServerSettings) -> Iterator[str]:
    """Serve until the test has ended."""
    app = create_app(Gateway(ledger=MemoryLedger()), settings, admin_key=ADMIN)
    mount_mcp(app)
    listener = listen("127.0.0.1", 0)
    server = server_of(app)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def key_of(url: str, **scope: Any) -> str:
    answer = httpx.post(
        f"{url}/api/keys",
        json={"name": "agent", **scope},
        headers={"Authorization": f"Bearer {ADMIN}"},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


@asynccontextmanager
async def agent(url: str, key: str) -> AsyncIterator[Any]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, follow_redirects=True, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp/", http_client=http)) as client,
    ):
        yield client


async def made(client: Any, model: str = MODEL) -> dict[str, Any]:
    quote = await client.call_tool("quote_video", {"model": model, "request": REQUEST})
    assert not quote.is_error, quote.content[0].text
    confirmation = quote.structured_content["confirmation_id"]
    bought = await client.call_tool(
        "generate", {"confirmation_id": confirmation, "wait_seconds": 60}
    )
    assert not bought.is_error, bought.content[0].text
    found: dict[str, Any] = bought.structured_content
    return found


async def test_a_key_buys_and_fetches_over_http(url: str) -> None:
    async with agent(url, key_of(url, models=["kling/*"])) as client:
        job = await made(client)
        assert job["status"] == "completed"
        (result,) = job["results"]
        assert "file" not in result
        read = await client.read_resource(result["uri"])
        assert read.contents[0].blob


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer tg_wrong"}, {"X-Api-Key": ADMIN}])
def test_nobody_comes_in_without_a_key(header: dict[str, str], url: str) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = httpx.post(f"{url}/mcp/", json=body, headers=header)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] in ("missing_api_key", "invalid_api_key")


async def test_a_key_sees_no_job_and_no_result_of_another(url: str) -> None:
    async with agent(url, key_of(url)) as first:
        job = await made(first)

    async with agent(url, key_of(url)) as second:
        for tool in ("job_status", "cancel_job", "fetch_result"):
            said = await second.call_tool(tool, {"job_id": job["job_id"]})
            assert said.is_error
            assert "There is no job" in said.content[0].text

        with pytest.raises(MCPError):
            await second.read_resource(job["results"][0]["uri"])

        jobs = await second.call_tool("list_jobs", {})
        assert jobs.structured_content["result"] == []


async def test_a_quote_is_confirmed_by_the_key_that_asked_for_it(url: str) -> None:
    async with agent(url, key_of(url)) as first, agent(url, key_of(url)) as second:
        quote = await first.call_tool("quote_video", {"model": MODEL, "request": REQUEST})
        confirmation = quote.structured_content["confirmation_id"]
        said = await second.call_tool("generate", {"confirmation_id": confirmation})
        assert said.is_error
        assert "No quote" in said.content[0].text


async def test_a_model_out_of_scope_is_refused(url: str) -> None:
    async with agent(url, key_of(url, models=["fal/*"])) as client:
        said = await client.call_tool("quote_video", {"model": MODEL, "request": REQUEST})
        assert said.is_error
        assert "may not use" in said.content[0].text
        found = await client.call_tool("list_models", {"query": "kling-3.0"})
        assert all(one["model"].startswith("fal/") for one in found.structured_content["models"])


async def test_a_key_buys_within_its_budget_and_no_more(paid: str, simulator: Simulator) -> None:
    key = key_of(paid, budget={"amount": "0.01", "per": "day"})
    async with agent(paid, key) as client:
        quote = await client.call_tool("quote_video", {"model": MODEL, "request": REQUEST})
        confirmation = quote.structured_content["confirmation_id"]
        assert float(quote.structured_content["most_usd"]) > 0.01
        said = await client.call_tool("generate", {"confirmation_id": confirmation})
        assert said.is_error
        assert "budget" in said.content[0].text.lower()

    assert simulator.counters("kling").submits == 0


async def test_progress_is_told_while_a_call_waits(paid: str, simulator: Simulator) -> None:
    simulator.script("kling", Script(run_seconds=0.5))
    told: list[tuple[float, float | None, str | None]] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with agent(paid, key_of(paid)) as client:
        quote = await client.call_tool("quote_video", {"model": MODEL, "request": REQUEST})
        bought = await client.call_tool(
            "generate",
            {"confirmation_id": quote.structured_content["confirmation_id"], "wait_seconds": 60},
            progress_callback=heard,
        )
        assert bought.structured_content["status"] == "completed"
        assert float(bought.structured_content["cost"]["amount"]) > 0

    assert told
    assert {total for _, total, _ in told} == {100}
    assert [one for one, *_ in told] == sorted(one for one, *_ in told)


async def test_a_key_cancels_its_job_and_an_agent_that_leaves_loses_none(
    paid: str, simulator: Simulator
) -> None:
    simulator.script("kling", Script(outcome="never"))
    key = key_of(paid)
    async with agent(paid, key) as client:
        quote = await client.call_tool("quote_video", {"model": MODEL, "request": REQUEST})
        confirmation = quote.structured_content["confirmation_id"]
        await client.call_tool("generate", {"confirmation_id": confirmation, "wait_seconds": 0})

    async with agent(paid, key) as client:  # which knows nothing of the one before
        (job,) = (await client.call_tool("list_jobs", {})).structured_content["result"]
        again = await client.call_tool(
            "generate", {"confirmation_id": confirmation, "wait_seconds": 0}
        )
        assert again.structured_content["job_id"] == job["job_id"]
        said = await client.call_tool("cancel_job", {"job_id": job["job_id"]})
        assert said.structured_content["answer"] in ("cancelled", "requested", "unsupported")

    assert simulator.counters("kling").submits == 1


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("https://app.example.com", 200),
        ("https://gateway.example.com", 200),
        ("http://localhost:6274", 200),
        ("http://gateway.example.com", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_a_page_of_somebody_elses_has_no_tools(
    tmp_path: Path, origin: str | None, status: int
) -> None:
    """One whose name is led to this machine says that name as its origin and as the host."""
    settings = ServerSettings(
        mock=True,
        media=tmp_path / "media",
        public_url="https://gateway.example.com",
        cors=Cors(origins=("https://app.example.com",)),
    )
    for url in serving(settings):
        headers = {
            "Authorization": f"Bearer {key_of(url)}",
            "Accept": "application/json, text/event-stream",
        }
        if origin is not None:
            headers |= {"Origin": origin, "Host": origin.partition("//")[2] or "null"}

        about = {"name": "page", "version": "1"}
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about}
        call = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        answer = httpx.post(f"{url}/mcp/", json=call, headers=headers, timeout=60)
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "origin", ["null", "http://[", "http://[::1", "://", "https://evil.example"]
)
def test_without_an_address_of_its_own_no_odd_origin_is_ours(tmp_path: Path, origin: str) -> None:
    """What can't be read as an address has no place, as a server without `public_url` has none."""
    for url in serving(ServerSettings(mock=True, media=tmp_path / "media")):
        headers = {
            "Authorization": f"Bearer {key_of(url)}",
            "Accept": "application/json, text/event-stream",
            "Origin": origin,
        }
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        answer = httpx.post(f"{url}/mcp/", json=call, headers=headers, timeout=60)
        assert answer.status_code == 403, answer.text
