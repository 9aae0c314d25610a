"""The tools for agents, called by the official client of MCP."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from tarash.tarash_gateway import Gateway, register_prices
from tarash.tarash_gateway.catalog.prices import prices
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.mcp import create_mcp_server
from tarash.tarash_gateway.server import ServerSettings
from tarash.tarash_gateway.testing import Fault, Script, Simulator

MODEL = "fal/fal-ai/veo3.1"
PRICED = "kling/kling-3.0"
REQUEST = {"prompt": "A cat", "duration_seconds": 5}
KEY = "canary-key-of-mcp"


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(["fal", "kling"]) as running:
        for name in ("fal", "kling"):
            monkeypatch.setenv(f"{name.upper()}_{'KEY' if name == 'fal' else 'API_KEY'}", KEY)
            monkeypatch.setenv(f"TARASH_{name.upper()}_BASE_URL", running.base_url(name))

        yield running

    assert running.leaks == []


class Agent:
    """Who calls the tools."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool; return its JSON."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content[0].text
        found = result.structured_content
        return found["result"] if set(found) == {"result"} else found

    async def refused(self, tool: str, **arguments: Any) -> str:
        """Call a tool that fails; return what it says."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error
        return str(result.content[0].text)

    async def confirmed(self, model: str = PRICED, **request: Any) -> str:
        """Ask for a quote; return the id that confirms it."""
        quote = await self.call("quote_video", model=model, request={**REQUEST, **request})
        assert quote["confirmation_id"], quote
        return str(quote["confirmation_id"])


@asynccontextmanager
async def serving(path: Path, **options: Any) -> AsyncIterator[Agent]:
    settings = options.pop("settings", ServerSettings(media=path / "media"))
    unpriced = options.pop("allow_unpriced", False)
    gateway = Gateway(ledger=SqliteLedger(path / "jobs.db"), untrusted_requests=True, **options)
    server = create_mcp_server(gateway, settings, allow_unpriced=unpriced)
    async with Client(server) as client:
        yield Agent(client)


async def test_an_agent_finds_quotes_buys_and_fetches(simulator: Simulator, tmp_path: Path) -> None:
    async with serving(tmp_path, budgets=["50/day"]) as agent:
        models = await agent.call("list_models", query="kling 3.0", kind="video")
        assert PRICED in [one["model"] for one in models["models"]]

        plan = await agent.call("plan_video", model=PRICED, request=REQUEST)
        assert plan["provider"] == "kling"
        quote = await agent.call("quote_video", model=PRICED, request=REQUEST)
        assert float(quote["most_usd"]) > 0
        assert simulator.counters("kling").submits == 0

        bought = await agent.call(
            "generate", confirmation_id=quote["confirmation_id"], wait_seconds=60
        )
        assert bought["status"] == "completed"
        (result,) = bought["results"]
        assert _begins(result["file"], b"ftyp")
        assert result["content_type"] == "video/mp4"

        link = (await agent.client.call_tool("fetch_result", {"job_id": bought["job_id"]})).content[
            0
        ]
        assert link.mime_type == "video/mp4"
        read = await agent.client.read_resource(str(link.uri))
        assert read.contents[0].blob
        assert read.contents[0].mime_type == "video/mp4"
        assert simulator.counters("kling").submits == 1


async def test_the_same_confirmation_never_buys_twice(simulator: Simulator, tmp_path: Path) -> None:
    async with serving(tmp_path) as agent:
        confirmation = await agent.confirmed()
        first = await agent.call("generate", confirmation_id=confirmation, wait_seconds=0)
        again = await agent.call("generate", confirmation_id=confirmation, wait_seconds=60)
        assert first["job_id"] == again["job_id"]
        assert again["status"] == "completed"
        third = await agent.call("generate", confirmation_id=confirmation, wait_seconds=0)
        assert third["job_id"] == first["job_id"]

    # A process that is started anew knows it, too.
    async with serving(tmp_path) as agent:
        fourth = await agent.call("generate", confirmation_id=confirmation, wait_seconds=0)
        assert fourth["job_id"] == first["job_id"]

    assert simulator.counters("kling").submits == 1


async def test_what_has_lost_its_price_is_not_bought_by_its_quote(
    simulator: Simulator, tmp_path: Path
) -> None:
    model = "fal-ai/no-such-model-at-all"
    register_prices([{"provider": "fal", "model": model, "unit": "video", "rate": "0.1"}])
    async with serving(tmp_path, allow_unpriced=True) as agent:
        confirmation = await agent.confirmed(f"fal/{model}")
        prices.reset()
        said = await agent.refused("generate", confirmation_id=confirmation, wait_seconds=0)
        assert "cost_limit: " in said

    assert simulator.counters("fal").submits == 0


async def test_a_call_that_is_wrong_is_said_in_words_that_a_model_can_mend(tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"prompt": "A cat"}, "invalid_request: request: it is missing"),
        ({"request": "A cat"}, "invalid_request: request: it has to be an object"),
        ({"request": {**REQUEST, "seed": "x"}}, "invalid_request: request.seed: it has to be a"),
        ({"request": {**REQUEST, "duraton": 5}}, "did you mean 'duration_seconds'?"),
        ({"request": REQUEST, "model": "kling-3.0"}, "or the tool list_models, lists them"),
        ({"request": REQUEST, "model": "klong/kling-3.0"}, "did you mean 'kling'?"),
        ({"request": REQUEST, "model": "openai/gpt-image-2"}, "gpt-image-2 makes images"),
        ({"request": REQUEST, "model": "comfyui/pyproject.toml"}, "files of the gateway"),
    ]
    async with serving(tmp_path, settings=ServerSettings(media=tmp_path, mock=True)) as agent:
        for fields, words in wrong:
            said = await agent.refused("quote_video", **{"model": PRICED, **fields})
            assert words in said
            assert not re.search(r"pydantic|GenerationRequest|extra_params=|input_value", said)

        none = await agent.call("list_models", query="kling nowhere")
        assert none["models"] == []
        assert "nearest: " in none["hint"]
        few = await agent.call("list_models", query="kling", limit=1)
        assert (len(few["models"]), few["hint"].split()[0]) == (1, str(few["more"]))


async def test_the_logging_of_the_process_stays_its_own(tmp_path: Path) -> None:
    """The SDK put a handler on the root that folds every line to the width of a terminal."""
    root = logging.getLogger()
    mine, level = list(root.handlers), root.level
    root.handlers.clear()
    try:
        async with serving(tmp_path):
            assert (root.handlers, root.level) == ([], level)
    finally:
        root.handlers[:] = mine


async def test_nothing_is_bought_without_a_quote(simulator: Simulator, tmp_path: Path) -> None:
    async with serving(tmp_path) as agent:
        said = await agent.refused("generate", confirmation_id="quote_of_nobody")
        assert "ask for a new one" in said

    assert simulator.counters("kling").submits == 0


async def test_what_has_no_price_is_not_sold_unless_that_was_allowed(
    simulator: Simulator, tmp_path: Path
) -> None:
    model = "fal/fal-ai/unheard-of"
    async with serving(tmp_path) as agent:
        quote = await agent.call("quote_video", model=model, request={"prompt": "A cat"})
        assert quote["confirmation_id"] is None
        assert "--allow-unpriced" in quote["why_not"]

    async with serving(tmp_path, allow_unpriced=True) as agent:
        quote = await agent.call("quote_video", model=model, request={"prompt": "A cat"})
        assert quote["confirmation_id"]

    assert simulator.counters("fal").submits == 0


async def test_a_budget_is_kept(simulator: Simulator, tmp_path: Path) -> None:
    async with serving(tmp_path, budgets=["0.01/day"]) as agent:
        confirmation = await agent.confirmed()
        said = await agent.refused("generate", confirmation_id=confirmation)
        assert "budget" in said.lower()

    assert simulator.counters("kling").submits == 0


async def test_an_unknown_outcome_is_said_and_not_bought_again(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.fail("fal", "submit", Fault.reset_after(), times=None)
    async with serving(tmp_path, allow_unpriced=True) as agent:
        confirmation = await agent.confirmed(MODEL)
        said = await agent.refused("generate", confirmation_id=confirmation)
        assert "submission: unknown" in said
        await agent.client.call_tool("generate", {"confirmation_id": confirmation})
        (job,) = await agent.call("list_jobs")
        shown = await agent.call("job_status", job_id=job["job_id"])
        assert shown["error"]["code"] == "unknown_outcome"

    assert simulator.counters("fal").submits == 1


async def test_a_job_is_cancelled(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script("fal", Script(outcome="never", stream=False))
    async with serving(tmp_path, allow_unpriced=True) as agent:
        confirmation = await agent.confirmed(MODEL)
        job = await agent.call("generate", confirmation_id=confirmation, wait_seconds=0)
        said = await agent.call("cancel_job", job_id=job["job_id"])
        assert said["answer"] in ("cancelled", "requested")
        assert simulator.counters("fal").cancels == 1


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({"prompt": "A cat", "image_list": ["/etc/passwd"]}, "file"),
        ({"prompt": "A cat", "image_list": ["http://127.0.0.1:1/a.png"]}, "not public"),
        ({"prompt": "A cat", "webhook_url": "http://evil.example"}, "webhook_url"),
    ],
)
async def test_an_agent_reaches_no_file_and_no_private_address(
    request_: dict[str, Any], word: str, simulator: Simulator, tmp_path: Path
) -> None:
    async with serving(tmp_path, allow_unpriced=True) as agent:
        said = await agent.refused("quote_video", model=MODEL, request=request_)
        assert word in said

    assert simulator.counters("fal").submits == 0


@pytest.mark.parametrize("uri", ["tarash://jobs/none/results/1", "tarash://jobs/../results/1"])
async def test_a_result_that_is_not_there_is_said_to_be_none(uri: str, tmp_path: Path) -> None:
    async with serving(tmp_path) as agent:
        with pytest.raises(MCPError):
            await agent.client.read_resource(uri)

        assert "list_jobs" in await agent.refused("job_status", job_id="none")


async def test_it_is_served_on_standard_input_and_output(tmp_path: Path) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tarash.tarash_gateway", "mcp", "--mock", "--media", str(tmp_path / "media")],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    async with Client(stdio_client(command)) as client:
        agent = Agent(client)
        confirmation = await agent.confirmed(MODEL)
        made = await agent.call("generate", confirmation_id=confirmation, wait_seconds=60)
        assert made["status"] == "completed"
        assert Path(made["results"][0]["file"]).parent == tmp_path / "media"
        assert KEY not in json.dumps(made)


def _begins(path: str, box: bytes) -> bool:
    return Path(path).read_bytes()[4 : 4 + len(box)] == box


async def test_an_argument_that_a_tool_does_not_take_is_refused(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with serving(tmp_path) as agent:
        tools = (await agent.client.list_tools()).tools
        for tool in tools:
            assert tool.input_schema["additionalProperties"] is False, tool.name
            for name in tool.input_schema["properties"]:
                said = await agent.refused(tool.name, **{f"{name}x": 1})
                assert f"takes no '{name}x'; did you mean '{name}'?" in said

        request = {"model": PRICED, "request": REQUEST}
        said = await agent.refused("quote_video", **request, aspect_ratio="9:16")
        assert "it is a field of 'request'" in said
        said = await agent.refused("plan_image", **request, colour="red", toolCallId="1")
        assert "takes no 'colour'; it takes model and request and fallbacks" in said
        assert "toolCallId" not in said

    assert simulator.requests("kling") == []


ADDED = ("action", "chatInput", "random_string", "sessionId", "tool", "toolCallId")


async def test_what_a_client_adds_for_itself_is_left_out(
    simulator: Simulator, tmp_path: Path
) -> None:
    """n8n's client of MCP adds the ids of its own calls to the arguments of each tool."""
    async with serving(tmp_path) as agent:
        added = dict.fromkeys(ADDED, "x")
        body = {"model": PRICED, "request": REQUEST}
        for tool, arguments in (("list_jobs", {}), ("plan_video", body), ("quote_video", body)):
            result = await agent.client.call_tool(tool, {**arguments, **added})
            assert not result.is_error, result.content[0].text

    assert simulator.requests("kling") == []
