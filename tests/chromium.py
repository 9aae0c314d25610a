"""A real browser for tests, held by its DevTools protocol: only Chromium has to be installed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
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

NAMES = ("chromium", "chromium-headless-shell", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0", "--window-size=800,800",
)  # fmt: skip
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, " ": 32}
SHIFT = 8
LIMIT = float(os.environ.get("TARASH_TEST_PAGE_SECONDS", "100"))
"""Seconds that a page may take to come to something: a limit, and not a wait."""

needs_chromium = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed, so that no page was looked at"
    ),
    pytest.mark.skipif(os.name != "posix", reason="sockets are handed over"),
]


class Page:
    """A page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.said: list[str] = []
        """What the page has complained of, once `listen` was called."""

    async def tell(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while (answer := await self._socket.receive_json()).get("id") != number:
            self._hear(answer)

        assert "error" not in answer, answer
        return answer["result"]

    def _hear(self, event: dict[str, Any]) -> None:
        found = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.said.append(json.dumps(found["exceptionDetails"]))
        elif event.get("method") == "Log.entryAdded" and found["entry"]["level"] == "error":
            self.said.append(f"{found['entry']['text']} {found['entry'].get('url', '')}")

    async def listen(self) -> None:
        """Begin to take note of errors in scripts, and of what the browser refuses."""
        await self.tell("Runtime.enable")
        await self.tell("Log.enable")

    async def run(self, script: str) -> Any:
        """Return the value of a script in the page; a promise is waited for."""
        answer = await self.tell(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
            userGesture=True,
        )  # fmt: skip
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until an expression is true in the page; in the end, say what it shows instead."""
        try:
            async with asyncio.timeout(LIMIT):
                while not await self.run(condition):  # noqa: ASYNC110  (it may be loaded again)
                    await asyncio.sleep(0.03)
        except TimeoutError:
            shown = await self.run("document.activeElement?.outerHTML + document.body.innerText")
            pytest.fail(f"never: {condition}\n{self.said}\n{shown}")

    async def open(self, url: str) -> None:
        """Go to an address, and wait for its page."""
        await self.tell("Page.navigate", url=url)
        await self.until("document.readyState == 'complete'")

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key, as somebody at the keyboard would."""
        code = KEYS[key]
        text = {"Enter": "\r", " ": " "}.get(key)
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            await self.tell(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key.strip() or "Space",
                windowsVirtualKeyCode=code, modifiers=SHIFT if shift else 0, **more,
            )  # fmt: skip

    async def write(self, text: str) -> None:
        """Write into what has the focus."""
        await self.tell("Input.insertText", text=text)

    async def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Make the window so large, and its colours dark or light."""
        await self.tell(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
            mobile=False,
        )  # fmt: skip
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        await self.tell("Emulation.setEmulatedMedia", features=features)

    async def photograph(self, path: Path, *, whole: bool = False) -> None:
        """Keep what the page shows."""
        picture = await self.tell("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))  # noqa: ASYNC240


class Browser:
    """A browser that runs; each page of it stands alone, with cookies of its own."""

    def __init__(self, session: aiohttp.ClientSession, place: str) -> None:
        self._session = session
        self._place = place

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Open a page that knows nothing of the others."""
        version = await self._session.get(f"http://{self._place}/json/version")
        address = (await version.json(content_type=None))["webSocketDebuggerUrl"]
        async with self._session.ws_connect(address, max_msg_size=0) as whole:
            boss = Page(whole)
            context = (await boss.tell("Target.createBrowserContext"))["browserContextId"]
            made = await boss.tell(
                "Target.createTarget", url="about:blank", browserContextId=context
            )
            target = f"ws://{self._place}/devtools/page/{made['targetId']}"
            async with self._session.ws_connect(target, max_msg_size=0) as socket:
                yield Page(socket)

            await boss.tell("Target.disposeBrowserContext", browserContextId=context)


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """Start a browser with a folder of its own."""
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
        async with aiohttp.ClientSession() as session:
            yield Browser(session, found[1].decode())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

        await process.wait()

    await listening
