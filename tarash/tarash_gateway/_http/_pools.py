"""Keeps clients for reuse: by running event loop, provider, base URL and a hash of the key.

Clients of these SDKs break on a second event loop, so none is ever shared between loops. They are
closed with their loop, without the user's help; knows nothing of what a client does.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

from .._support._loops import listen
from .._support._shielded import wait_for_shielded

if TYPE_CHECKING:
    from types import TracebackType

    from .._data._types import MediaContent
    from ..media import Rules
    from ..providers._contract import Client
    from ._client import Transport
    from ._credentials import Credentials

LARGEST = 64
"""Idle clients kept for one loop; the one longest unused makes room."""

ClientKey = tuple[str, str, str]


class Connects(Protocol):
    """The part of an adapter that makes clients.

    One whose SDK takes long to import names it in `modules`; it is imported in a worker thread
    before the first client is made, so that the event loop goes on meanwhile.
    """

    @property
    def modules(self) -> tuple[str, ...]:
        """What `connect` imports."""
        ...

    def connect(self, account: Credentials, transport: Transport) -> Client:
        """Make a client."""
        ...


def client_key(account: Credentials) -> ClientKey:
    """Return what equal accounts share; holds a hash in place of the key."""
    return (account.provider, account.base_url, hashlib.sha256(_secret_facts(account)).hexdigest())


def _secret_facts(account: Credentials) -> bytes:
    parts = (
        account.key.reveal(),
        account.api_version,
        dict(account.settings),
        account.max_media_bytes,
        account.allow_private_urls,
    )
    return json.dumps(parts, default=repr).encode()


class _LoopClients:
    """The clients of one event loop, and the connections they share."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._clients: OrderedDict[ClientKey, Client] = OrderedDict()
        self._in_use: Counter[ClientKey] = Counter()
        self._leaving = False
        self.keeper: AsyncGenerator[None] | None = None

    async def lend(self, key: ClientKey, adapter: Connects, account: Credentials) -> Client:
        """Return the account's client, which stays open until it is given back."""
        if key not in self._clients:
            from ._sdk import load

            await load(*adapter.modules)

        client = self._clients.get(key)  # another call may have made it meanwhile
        if client is None:
            client = self._clients[key] = adapter.connect(account, self.transport)

        self._clients.move_to_end(key)
        self._in_use[key] += 1
        return client

    async def take_back(self, key: ClientKey) -> None:
        """Close a client that nobody uses, where it is in the way."""
        self._in_use[key] -= 1
        if self._leaving:
            await self.aclose()
        else:
            await self._make_room()

    async def _make_room(self) -> None:
        idle = [key for key in self._clients if not self._in_use[key]]
        for key in idle[: max(0, len(self._clients) - LARGEST)]:
            del self._in_use[key]
            await self._clients.pop(key).aclose()

    async def aclose(self) -> None:
        """Close what is idle now, and the rest when the last running job has ended."""
        if any(self._in_use.values()):
            self._leaving = True
            return

        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()

        await self.transport.aclose()


class _Lease:
    """A client as long as it is lent. Not a generator: thousands of jobs wait with one each."""

    __slots__ = ("_account", "_adapter", "_cache", "_clients", "_key")

    def __init__(self, cache: ClientCache, adapter: Connects, account: Credentials) -> None:
        self._cache = cache
        self._adapter = adapter
        self._account = account
        self._key = client_key(account)
        self._clients: _LoopClients | None = None

    async def __aenter__(self) -> Any:
        clients = await self._cache.of_running_loop()
        client = await clients.lend(self._key, self._adapter, self._account)
        self._clients = clients
        return client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._clients is not None:
            await self._clients.take_back(self._key)


class ClientCache:
    """The clients of one gateway, on every loop it is used from."""

    def __init__(self) -> None:
        # By id, and let go by the loop: what is kept holds the loop, so that a weak key would never
        # go.
        self._loops: dict[int, _LoopClients] = {}

    def lease(self, adapter: Connects, account: Credentials) -> AbstractAsyncContextManager[Any]:
        """Lend the account's client on the running loop; it is not closed while it is lent."""
        return _Lease(self, adapter, account)

    async def fetch(self, url: str, rules: Rules) -> MediaContent:
        """Return what a URL holds; see `_fetch_input.fetch`.

        Args:
            url: Where it is.
            rules: What the config says of media.
        """
        from ._fetch_input import fetch
        from ._guard import SsrfGuard

        clients = await self.of_running_loop()
        guard = None if rules.allow_private_urls else SsrfGuard()
        return await fetch(clients.transport, url, rules.max_media_bytes, guard)

    async def aclose(self) -> None:
        """Close the clients of the running loop; the next call opens new ones."""
        clients = self._loops.get(id(asyncio.get_running_loop()))
        if clients is not None and clients.keeper is not None:
            await clients.keeper.aclose()

    async def of_running_loop(self) -> _LoopClients:
        """Return the clients of the running loop, which closes them in the end."""
        loop = asyncio.get_running_loop()
        clients = self._loops.get(id(loop))
        if clients is None:
            from ._client import Transport

            clients = self._loops[id(loop)] = _LoopClients(Transport())
            listen(loop, self)
            clients.keeper = self._keep(id(loop), clients)
            # Suspended until the loop's shutdown finalises its asynchronous generators: so even a
            # plain `asyncio.run(generate_video_async(...))` leaves no open connection behind.
            await anext(clients.keeper)

        return clients

    async def _keep(self, loop_id: int, clients: _LoopClients) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            if self._loops.get(loop_id) is clients:
                del self._loops[loop_id]

            await wait_for_shielded()  # which needs the connections
            await clients.aclose()

    def loop_closed(self, loop_id: int) -> None:
        """Cut the connections of a loop that was closed by hand, where nothing can be awaited."""
        clients = self._loops.pop(loop_id, None)
        if clients is not None:
            clients.transport.cut()
