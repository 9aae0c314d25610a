"""Replicate's client: our own session, and the SDK for what it uploads, with its retries replaced.

Keeps what came over the wire, since the SDK can't read every answer. Decides nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..._http._client import HttpClient, join, unreadable
from ..._http._credentials import Credentials
from ..._http._sdk import Connections, exchange
from ..._support._secrets import bearer
from .._finding import MOST_PAGES

if TYPE_CHECKING:
    from ..._http._client import Classify, HttpResponse, Transport

_kept: ContextVar[list[Any] | None] = ContextVar("_kept", default=None)
"""Where the SDK's raw answers go while it makes an exchange for us."""


class ReplicateClient:
    """One account: the SDK for uploads, our own session for the rest."""

    def __init__(self, account: Credentials, transport: Transport, classify: Classify) -> None:
        self.account = account
        self.http = HttpClient(account, transport, bearer(account.key), classify)
        self._transport = transport
        self._sdk: Any = None

    @property
    def sdk(self) -> Any:
        """The vendor's client, with connections that retry nothing."""
        if self._sdk is None:
            import httpx
            from replicate.client import Client

            self._sdk = Client(
                self.account.key.reveal(),
                base_url=self.account.base_url,
                # Mounted, they go before the SDK's transport, which would send a GET ten times.
                mounts={"all://": Connections(httpx, self._transport)},
                event_hooks={"response": [_keep]},
                follow_redirects=False,
                trust_env=False,  # which proxy, is the transport's to say
            )

        return self._sdk

    def url(self, *path: str) -> str:
        """Return a URL of the API."""
        return join(self.account.base_url, "/".join(("v1", *path)))

    async def predictions(self, since: datetime) -> AsyncIterator[dict[str, Any]]:
        """Yield the account's predictions since then, newest first, from a few pages at most."""
        query = urlencode({"created_after": since.astimezone(UTC).isoformat()})
        url = f"{self.url('predictions')}?{query}"
        for _ in range(MOST_PAGES):
            answer = await self.http.get(url)
            page = answer.object()
            results, following = page.get("results"), page.get("next")
            if not isinstance(results, list):
                raise unreadable(answer.status, answer.body)

            for one in results:
                if isinstance(one, dict):
                    yield one

            if not isinstance(following, str) or not self.http.trusts(following):
                return

            url = following

    async def send(
        self,
        call: Callable[[], Awaitable[Any]],
        classify: Classify,
    ) -> HttpResponse:
        """Let the SDK make one exchange, and return what came over the wire."""
        import httpx
        from replicate.exceptions import ReplicateException

        async def send() -> Any:
            kept: list[Any] = []
            token = _kept.set(kept)
            try:
                await call()
            except (ReplicateException, AttributeError, TypeError, ValueError):
                # The SDK could not read the answer, or it is an error: we read it ourselves.
                if not kept:
                    raise
            finally:
                _kept.reset(token)

            return kept[-1]

        return await exchange(send, self.account, httpx.RequestError, classify)

    async def aclose(self) -> None:
        """Nothing of its own to close: the loop's transport owns the connections."""


async def _keep(response: Any) -> None:
    kept = _kept.get()
    if kept is not None:
        kept.append(response)
