"""Asks the maker of a result again, by one registry: for fresh URLs where old ones have expired.

One poll of the job, with the account's credentials, which leave for the provider's own origin only.
Buys nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import anyio

from .._data._exchange import Call, Operation
from .._http import _key_lookup
from ..exceptions import TarashException
from ..models import ImageGenerationRequest, VideoGenerationRequest, VideoGenerationResponse
from ._accounts import account_of
from ._attempt import Attempt
from ._timeouts import POLL_SECONDS
from ._trust import check_operation

if TYPE_CHECKING:
    from .._data._exchange import Config, Snapshot
    from .._data._types import MediaType
    from .._http._credentials import Credentials
    from ..providers._contract import Adapter
    from ..providers._registry import Registry

MOST_POLLS = 3
"""A poll that fails for a reason that may pass is made again."""
FIRST_PAUSE = 0.2
"""Seconds before the second poll; they double."""
MADE_OF = {"video": VideoGenerationRequest, "image": ImageGenerationRequest}


class RegistryMakers:
    """The providers of one registry, as the media layer sees them."""

    def __init__(self, registry: Registry, call: Call | None = None) -> None:
        """Make them.

        Args:
            registry: Who knows the providers.
            call: The call that made a result: a job of a ledger is asked after with the key that
                bought it, and with no other.
        """
        self._registry = registry
        self._call = call

    def has_row(self, provider: str) -> bool:
        """Tell whether there is a provider of this name, and no handler in its place."""
        return self._registry.row(provider) is not None

    def base_url(self, config: Config) -> str | None:
        """Return where a config leads; None where there is no such provider."""
        if not self.has_row(config.provider):
            return None

        adapter = self._registry.adapter(config.provider, need_extra=False)
        return _key_lookup.base_url(adapter, config)

    async def ask_again(
        self, operation: Operation, config: Config, request_id: str
    ) -> Sequence[MediaType]:
        """Return the media of a finished job as its provider gives them now."""
        with self._registry.in_force():
            return await self._ask(operation, config, request_id)

    async def _ask(
        self, operation: Operation, config: Config, request_id: str
    ) -> Sequence[MediaType]:
        adapter = self._registry.adapter(config.provider)
        # What was asked for is of no concern any more, and may have held much.
        request: Any = MADE_OF[operation.kind](prompt="(any)")
        made = self._call
        mark = made.mark if made is not None and made.config is config else None
        call = Call(operation.kind, config, request, request_id, mark=mark)
        attempt = Attempt(call, operation=operation)
        account = account_of(adapter, attempt, self._registry)
        check_operation(operation, account)
        with anyio.fail_after(POLL_SECONDS * MOST_POLLS):
            snapshot = await self._poll(adapter, account, operation)

        if snapshot.finished is None:
            raise TarashException(f"the job is {snapshot.status} now")

        response = adapter.parse(attempt.call, snapshot.finished)
        return response.videos if isinstance(response, VideoGenerationResponse) else response.images

    async def _poll(self, adapter: Adapter, account: Credentials, operation: Operation) -> Snapshot:
        from .._http._pools import ClientCache

        clients = ClientCache()
        try:
            for number in range(MOST_POLLS - 1):
                try:
                    async with clients.lease(adapter, account) as client:
                        return await adapter.poll(client, operation)
                except TarashException as error:
                    if not error.retryable:
                        raise

                await anyio.sleep(FIRST_PAUSE * 2**number)

            async with clients.lease(adapter, account) as client:
                return await adapter.poll(client, operation)
        finally:
            await clients.aclose()
