"""The connector of our sessions."""

from __future__ import annotations

from typing import Any

import aiohttp


class Connector(aiohttp.TCPConnector):
    """A connector that prints nothing when it is forgotten; its sockets close themselves."""

    def __del__(self, _warnings: Any = None) -> None:
        """Say nothing."""
