"""`tarash mcp` as agents start it: several processes beside each other, over one ledger."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tarash.tarash_gateway.testing import Script, Simulator
from tests.mcp.test_tools import KEY, PRICED, Agent, simulator

__all__ = ["simulator"]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals, and a shell")
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def command(folder: Path, *options: str) -> list[str]:
    """Return what starts the tools over this folder's ledger."""
    ledger = ("--ledger", f"sqlite:///{folder / 'jobs.db'}", "--media", str(folder / "media"))
    return [sys.executable, "-m", "tarash.tarash_gateway", "mcp", *ledger, *options]


def variables(folder: Path, simulator: Simulator) -> dict[str, str]:
    """Return the variables of such a process."""
    url = simulator.base_url("kling")
    own = {"HOME": str(folder), "KLING_API_KEY": KEY, "TARASH_KLING_BASE_URL": url}
    return {"PATH": os.environ["PATH"], **own}


@asynccontextmanager
async def agent(
    folder: Path, simulator: Simulator, budget: str = "50/day", name: str = "one"
) -> AsyncIterator[Agent]:
    """Start the tools in a process, and call them by the official client."""
    started = shlex.join(command(folder, "--budget", budget))
    script = f"echo $$ > {shlex.quote(str(folder / name))}; exec {started}"
    server = StdioServerParameters(
        command="/bin/sh", args=["-c", script], env=variables(folder, simulator)
    )
    async with Client(stdio_client(server)) as client:
        yield Agent(client)


async def test_two_agents_share_a_ledger_and_each_has_its_budget(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("kling", Script(run_seconds=0.5), Script(outcome="never"))
    told: list[float] = []

    async def heard(progress: float, _total: float | None, _message: str | None) -> None:
        told.append(progress)

    async with (
        agent(tmp_path, simulator) as rich,
        agent(tmp_path, simulator, "0.01/day", "two") as poor,
    ):
        wrong: Any = {"prompt": "A cat", "duration_seconds": "long"}
        said = await rich.refused("quote_video", model=PRICED, request=wrong)
        assert "duration_seconds" in said
        assert "budget" in await poor.refused(
            "generate", confirmation_id=await poor.confirmed(), wait_seconds=0
        )
        said = await rich.refused("generate", confirmation_id="none")
        assert "quote" in said, said

        confirmation = await rich.confirmed()
        bought: dict[str, Any] = {"confirmation_id": confirmation, "wait_seconds": 60}
        made = await rich.client.call_tool("generate", bought, progress_callback=heard)
        job = made.structured_content["job_id"]
        assert made.structured_content["status"] == "completed"
        assert told == sorted(told)
        # What one has bought, the other finds and reads, and does not buy again.
        assert job in [one["job_id"] for one in await poor.call("list_jobs")]
        (content,) = (await poor.client.read_resource(f"tarash://jobs/{job}/results/1")).contents
        assert content.mime_type == "video/mp4"
        again = await poor.call("generate", confirmation_id=confirmation, wait_seconds=0)
        assert again["job_id"] == job

        endless = await rich.confirmed(seed=2)
        begun = await rich.call("generate", confirmation_id=endless, wait_seconds=0)
        stopped = await poor.call("cancel_job", job_id=begun["job_id"])
        assert stopped["answer"] in ("cancelled", "requested", "unsupported")

    assert simulator.counters("kling").submits == 2


async def test_the_next_process_goes_on_with_the_job_of_one_that_was_killed(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script("kling", Script(run_seconds=1.0))
    with suppress(BaseExceptionGroup, Exception):
        async with agent(tmp_path, simulator) as first:
            confirmation = await first.confirmed()
            await first.call("generate", confirmation_id=confirmation, wait_seconds=0)
            os.kill(int((tmp_path / "one").read_text()), signal.SIGKILL)
            await first.call("list_jobs")

    async with agent(tmp_path, simulator) as second:
        job = await second.call("generate", confirmation_id=confirmation, wait_seconds=60)
        assert job["status"] == "completed"

    assert simulator.counters("kling").submits == 1


async def test_what_is_no_message_ends_nothing(simulator: Simulator, tmp_path: Path) -> None:
    """A client that is broken, and one that leaves in the middle of a line, harm nobody."""
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    lines = [b"not json", b"[]", b"{}", b'"\xff"', b'{"jsonrpc": "2.0", "id": 7}']
    sent = b"\n".join([*lines, json.dumps(request).encode(), b'{"jsonrpc": "2.'])
    done = await anyio.run_process(
        command(tmp_path, "--budget", "1/day"),
        input=sent,
        env=variables(tmp_path, simulator),
        check=False,
        stderr=subprocess.PIPE,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    (hello,) = [one for one in answers if one.get("id") == 1]
    assert hello["result"]["serverInfo"]["name"] == "tarash"
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


def test_in_a_terminal_it_says_what_it_waits_for_and_one_ctrl_c_ends_it(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command(tmp_path, "--mock"),
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = b""
        while b"Ctrl-C ends it" not in written:
            written += os.read(ours, 65536)

        request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
        os.write(ours, json.dumps(request).encode() + b"\n")
        while b"serverInfo" not in written:  # the reading thread waits for the next line by now
            written += os.read(ours, 65536)

        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # how a terminal on Linux ends
            while read := os.read(ours, 65536):
                written += read

        os.close(ours)
        assert process.wait() == 130

    assert b"waiting for an MCP client on standard input; Ctrl-C ends it" in written
    assert b"Traceback" not in written
    assert b"Exception" not in written
