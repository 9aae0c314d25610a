"""The FastAPI example's page in a real browser: the bar moves on, and the video plays."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tarash.tarash_gateway.testing import Script, Simulator
from tests.examples.conftest import Serve

NAMES = ("chromium", "chromium-headless-shell", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0", "--window-size=800,800",
)  # fmt: skip

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed, so that no page was looked at"
    ),
    pytest.mark.skipif(os.name != "posix", reason="sockets are handed over"),
]


class Page:
    """A page of the browser, held by the DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def tell(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while (answer := await self._socket.receive_json()).get("id") != number:
            continue  # events, which nobody has asked for

        assert "error" not in answer, answer
        return answer["result"]

    async def run(self, script: str) -> Any:
        """Return the value of a script in the page; a promise is waited for."""
        answer = await self.tell(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
            userGesture=True,
        )  # fmt: skip
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until an expression is true in the page."""
        while not await self.run(condition):  # noqa: ASYNC110  (a page may be loaded again)
            await asyncio.sleep(0.05)

    async def photograph(self, path: Path) -> None:
        """Keep what the page looks like."""
        picture = await self.tell("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(picture["data"]))  # noqa: ASYNC240


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """Start a browser with a folder of its own, and yield its page."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *OPTIONS,
        f"--user-data-dir={folder}",
        "about:blank",
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        said = b""
        while (found := re.search(rb"DevTools listening on ws://([^/]+)/", said)) is None:
            line = await process.stderr.readline()
            assert line, said.decode()
            said += line

        # It goes on talking, and must never have to wait for somebody who listens.
        listening = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession(f"http://{found[1].decode()}") as session:
            async with session.get("/json/list") as answer:
                pages = [one for one in json.loads(await answer.text()) if one["type"] == "page"]

            address = pages[0]["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    await listening


async def test_the_page_shows_the_progress_and_plays_the_video(
    simulator: Simulator, serve: Serve, tmp_path: Path
) -> None:
    simulator.script("openai", Script(outcome="never"), Script())
    service = serve(VIDEO_PROVIDER="openai", VIDEO_MODEL="sora-2")
    async with browser(tmp_path / "browser") as page:
        await page.tell("Page.navigate", url=service.url)
        await page.until("document.readyState == 'complete' && !!document.forms.length")

        # A job that never ends: its bar has a value that the provider gave.
        order = "document.forms[0].prompt.value = 'A cat'; document.forms[0].requestSubmit()"
        await page.run(order)
        await page.until("document.querySelector('progress').value > 0")
        assert await page.run("document.querySelector('video').hidden")
        assert await page.run("document.querySelector('#status').innerText") == "processing"
        await page.photograph(tmp_path / "progress.png")

        # A page that is loaded again shows the same job, and a link that is none says so.
        await page.run("location.reload()")
        await page.until("document.querySelector('progress')?.value > 0")
        assert simulator.counters("openai").accepted == 1
        token = await page.run("location.hash")
        await page.run("location.hash = '#nonsense'")
        await page.until("/not valid/.test(document.querySelector('#status').innerText)")
        await page.run(f"location.hash = {token!r}")
        await page.until("document.querySelector('progress').value > 0")

        # One that ends at once: it plays.
        await page.run(order)
        await page.until("document.querySelector('video').readyState >= 2")
        # A busy browser may break off a play, and may be asked again.
        await page.until(
            "document.querySelector('video').play().then(() => true, () => false)"
            ".then(playing => playing && document.querySelector('video').currentTime > 0)"
        )
        assert not await page.run("document.querySelector('progress').offsetHeight")
        await page.photograph(tmp_path / "playing.png")

    assert simulator.counters("openai").accepted == 2
