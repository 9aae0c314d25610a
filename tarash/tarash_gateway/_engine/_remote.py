"""One poll of a job, and one request to stop it: for handles, beside whoever waits for the job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from .._data._events import CancelAnswered
from .._data._exchange import Stopped
from ._accounts import account_of
from ._intermediaries import checked_poll
from ._patience import patient
from ._stopping import ask_to_stop
from ._timeouts import CANCEL_SECONDS
from ._trust import check_operation

if TYPE_CHECKING:
    from .._data._exchange import Operation, Snapshot
    from .._data._types import CancelAnswer
    from ..providers._contract import Adapter
    from ._attempt import Attempt
    from ._fitting import EngineContext


async def poll_once(
    adapter: Adapter, attempt: Attempt, operation: Operation, resources: EngineContext
) -> Snapshot:
    """Look at an accepted job once.

    Raises:
        TarashException: The provider can't be asked, or will not tell.
        TimeoutError: It took too long.
    """
    async with _client(adapter, attempt, operation, resources) as client:
        with patient(attempt):
            return checked_poll(await adapter.poll(client, operation), operation)


async def stop(
    adapter: Adapter, attempt: Attempt, operation: Operation, resources: EngineContext
) -> CancelAnswer:
    """Ask the provider to stop an accepted job; `unsupported` also where it does not answer.

    Raises:
        TarashException: The provider refuses to be asked.
    """
    heard: list[Stopped] = []
    async with _client(adapter, attempt, operation, resources) as client:
        with anyio.move_on_after(CANCEL_SECONDS):
            await ask_to_stop(adapter, client, attempt, operation, heard.append)

    if not heard:
        return "unsupported"

    await attempt.apply(CancelAnswered(answer=heard[-1].answer, billing=heard[-1].billing))
    return heard[-1].answer


@asynccontextmanager
async def _client(
    adapter: Adapter, attempt: Attempt, operation: Operation, resources: EngineContext
) -> AsyncIterator[Any]:
    account = account_of(adapter, attempt, resources.registry)
    check_operation(operation, account, adapter.needs)
    async with resources.clients.lease(adapter, account) as client:
        yield client
