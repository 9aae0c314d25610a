"""One account of one of Luma's products: our own session, and the SDK for one product's submits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..._http._client import HttpClient, HttpResponse
from ..._http._sdk import http_client, round_trip
from ..._support._secrets import bearer
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._exchange import Payload
    from ..._http._client import Classify, Transport
    from ..._http._credentials import Credentials

DREAM_MACHINE = "/dream-machine/v1"
MODIFICATION = ("generation_type", "media", "mode", "model")
"""What the SDK's method for changing a video wants by name."""


class LumaClient(HttpClient):
    """Knows which of the products it is for."""

    def __init__(self, account: Credentials, transport: Transport) -> None:
        super().__init__(account, transport, bearer(account.key), classify_answer)
        self.is_dream_machine = account.base_url.endswith(DREAM_MACHINE)
        self._sdk: Any = None

    def _generations(self) -> Any:
        """Return the part of the Dream Machine API's SDK that submits, and retries nothing here."""
        if self._sdk is None:
            import httpx
            import lumaai

            self._sdk = lumaai.AsyncLumaAI(
                auth_token=self.account.key.reveal(),
                base_url=self.account.base_url,
                max_retries=0,
                http_client=http_client(httpx, self._transport),
            )

        return self._sdk.generations

    async def aclose(self) -> None:
        """Close the SDK's connections."""
        if self._sdk is not None:
            await self._sdk.close()

    async def generate(self, payload: Payload, classify: Classify) -> HttpResponse:
        """Submit through the SDK."""
        import lumaai

        generations = self._generations()
        _, _, kind = payload.path.partition("/")
        named: tuple[str, ...] = ("model",)
        part = generations.image if kind == "image" else generations.video
        send: Callable[..., Awaitable[Any]] = part.with_raw_response.create
        if kind == "video/modify":
            named, send = MODIFICATION, part.with_raw_response.modify

        required = {name: payload.body[name] for name in named}
        rest = {name: value for name, value in payload.body.items() if name not in named}
        return await round_trip(
            lambda: send(**required, extra_body=rest),
            self.account,
            lumaai.APIConnectionError,
            classify,
        )
