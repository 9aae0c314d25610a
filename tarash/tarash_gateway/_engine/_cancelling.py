"""A request to stop a job, made again where the provider's machines stumble.

What goes on is paid for, and nobody asks a second time: a hedge has its winner, and whoever pressed
Ctrl-C is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from .._http._answer import FIRST_ERROR, is_no_word
from ..exceptions import HTTPConnectionError, HTTPError, RateLimitError, TarashException

if TYPE_CHECKING:
    from .._data._exchange import Operation, Stopped
    from .._data._types import CancelAnswer
    from ..providers._contract import Adapter

PAUSES = (0.1, 0.4, 1.5)
"""Seconds before each further request: together less than a goodbye may take."""
LONGEST_PAUSE = 2.0
"""Whoever asks for more patience than that is not asked again."""


async def cancel(adapter: Adapter, client: Any, operation: Operation) -> CancelAnswer | Stopped:
    """Ask the provider to stop an accepted job, and once more after what passes.

    An adapter may look at the job before, so that a failed look counts as well. Where a request was
    carried out though its answer was lost, the next one finds a job that has ended: it says
    `too_late`, which claims less than is true.

    Raises:
        TarashException: The provider refuses to be asked, or goes on to stumble.
    """
    for pause in PAUSES:
        try:
            return await adapter.cancel(client, operation)
        except TarashException as error:
            wait = max(pause, error.retry_after or 0.0)
            if not _passes(error) or wait > LONGEST_PAUSE:
                raise

        await anyio.sleep(wait)

    return await adapter.cancel(client, operation)


def _passes(error: TarashException) -> bool:
    """Tell whether the same request may succeed a moment later."""
    if isinstance(error, HTTPConnectionError | RateLimitError):
        return True

    status = error.status_code if isinstance(error, HTTPError) else None
    if status is None:
        return False

    # Under a good status, it is an answer that could not be read.
    return status < FIRST_ERROR or is_no_word(status, error.raw_response or "")
