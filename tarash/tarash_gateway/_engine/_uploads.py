"""Uploads of media before a submit, until the provider can use them. Costs and buys nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import anyio

from ..exceptions import TarashException
from ._statuses import may_pass

if TYPE_CHECKING:
    from .._data._types import MediaContent
    from ..providers._contract import Adapter, PreparingAdapter

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
MOST_QUESTIONS = 100
"""Whether an upload can be used is asked so often, and no longer than the attempt may take."""


def uploader(adapter: Adapter, client: Any) -> Callable[[MediaContent], Awaitable[str]] | None:
    """Return what uploads a medium and waits until it can be used; None without uploads."""
    if "upload" not in adapter.abilities:
        return None

    taker = cast("PreparingAdapter", adapter)
    prepares = "is_ready" in adapter.abilities

    async def send(media: MediaContent) -> str:
        try:
            reference = await taker.upload(client, media)
            if prepares:
                await _until_ready(lambda: taker.is_ready(client, reference))
        except TarashException as error:
            error.submission = "not_sent"
            raise

        return reference

    return send


async def _until_ready(is_ready: Callable[[], Awaitable[bool]]) -> None:
    pause = FIRST_PAUSE
    for _ in range(MOST_QUESTIONS):
        try:
            if await is_ready():
                return
        except TarashException as error:
            if not may_pass(error):
                raise

        await anyio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)

    raise TarashException("An uploaded medium can't be used yet; nothing was submitted, try again")
