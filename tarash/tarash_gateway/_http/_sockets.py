"""A client that also listens to a web socket: it hurries polls along, and sends nothing there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from ._answer import parse_json
from ._bodies import session_options
from ._client import HttpClient
from ._urls import address

LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes; previews of images come over the same socket."""
HEARTBEAT = 30.0
"""Seconds: a line that is dead is noticed after two of them."""


async def _stay(_session: Any, _context: Any, redirect: Any) -> None:
    """Refuse a redirect: it would take the headers along, wherever it leads."""
    raise aiohttp.InvalidURL(redirect.url, "a web socket follows no redirects")


class SocketClient(HttpClient):
    """One account's exchanges, and its messages."""

    async def messages(self, url: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the JSON objects that come; ends when the server closes.

        Raises:
            aiohttp.ClientError: There is no such socket, or it broke.
        """
        if not self.trusts(url):
            return

        session, proxy = self._transport.road("stream", url)
        staying = aiohttp.TraceConfig()
        staying.on_request_redirect.append(_stay)
        async with (
            aiohttp.ClientSession(
                connector=session.connector,
                connector_owner=False,
                trace_configs=[staying],
                **session_options("stream"),
            ) as own,
            own.ws_connect(
                address(url),
                headers=self._credentials.onto({}),
                proxy=proxy,
                heartbeat=HEARTBEAT,
                max_msg_size=LARGEST_MESSAGE,
            ) as socket,
        ):
            async for message in socket:
                event = self._object(message)
                if event is not None:
                    yield event

    def _object(self, message: aiohttp.WSMessage) -> dict[str, Any] | None:
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None

        try:
            event = parse_json(self._secrets.text(message.data))
        except ValueError:
            return None

        return self._secrets.data(event) if isinstance(event, dict) else None
