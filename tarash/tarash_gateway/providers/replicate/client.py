"""Replicate's client: our own session, and the SDK for what it uploads, with its retries replaced.

Keeps what came over the wire, since the SDK can't read every answer. Decides nothing.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..._http._client import HttpClient, unreadable
from ..._http._sdk import Connections, load, round_trip
from ..._support._mime import named
from ..._support._secrets import bearer
from ...exceptions import TarashException
from .._result_facts import mapping
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._types import MediaContent
    from ..._http._client import HttpResponse, Transport
    from ..._http._credentials import Credentials

_kept: ContextVar[list[Any] | None] = ContextVar("_kept", default=None)
"""Where the SDK's raw answers go while it makes an exchange for us."""


class ReplicateClient(HttpClient):
    """One account: the SDK for uploads, our own session for the rest."""

    def __init__(self, account: Credentials, transport: Transport) -> None:
        super().__init__(account, transport, bearer(account.key), classify_answer)
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

    async def through_sdk(self, call: Callable[[], Awaitable[Any]]) -> HttpResponse:
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

        return await round_trip(send, self.account, httpx.RequestError, classify_answer)


async def _keep(response: Any) -> None:
    kept = _kept.get()
    if kept is not None:
        kept.append(response)


async def upload(client: ReplicateClient, media: MediaContent) -> str:
    """Return the URL of media in Replicate's file store, which only Replicate needs to read."""
    await load("replicate", "httpx")
    content_type = media["content_type"]
    file, name = io.BytesIO(media["content"]), named("input", content_type)
    try:
        answer = await client.through_sdk(
            lambda: client.sdk.files.async_create(file, filename=name, content_type=content_type)
        )
    except TarashException as error:
        error.submission = "not_sent"
        raise

    url = mapping(answer.object().get("urls")).get("get")
    if not isinstance(url, str):
        raise unreadable(answer.status, answer.body)

    return url
