"""One account's way to Google: the SDK for what it serves, our own exchanges for the rest.

Holds no rules of a protocol: payloads come in ready, answers go out as they came.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from ..._http._body import has_long_text
from ..._http._client import Classify, HttpClient, HttpResponse
from ..._http._sdk import http_client, no_client, round_trip
from ..._support._secrets import AuthHeaders, Key, bearer
from ._places import Surface
from ._tokens import Tokens

if TYPE_CHECKING:
    from ..._data._exchange import Payload
    from ..._http._client import Transport
    from ..._http._credentials import Credentials

REVISION = {"Api-Revision": "2026-05-20"}
"""Of the Interactions API; the SDK sends the same."""
IN_THE_BODY = "-"
"""For the SDK's required arguments: the body that we hand over replaces them."""
FIRST_ERROR = 300

_answers: ContextVar[list[Any] | None] = ContextVar("_answers", default=None)


async def _keep(response: Any) -> None:
    """Keep an answer as it came: the SDK returns models of its own, and not all of them."""
    answers = _answers.get()
    if answers is not None:
        answers.append(response)


class GoogleClient:
    """What the adapter talks through; closes what it opened."""

    def __init__(self, account: Credentials, transport: Transport) -> None:
        self.account = account
        self.vertex = account.settings.get("gcp_project") is not None
        self._transport = transport
        self._tokens = Tokens(account.settings) if self.vertex else None
        self._sdk: Any = None
        self._connections: Any = None
        self._oauth: Any = None
        self._sends_twice = False
        self._opening = anyio.Lock()

    async def aclose(self) -> None:
        """Close the SDK's connections; the loop's transport owns the others."""
        if self._sdk is not None:
            self._sdk.close()
            await self._connections.aclose()

    async def http(self, classify: Classify | None = None) -> HttpClient:
        """Return our own exchanges, with credentials that are valid now."""
        account = await self._signed()
        if self._tokens is None:
            credentials = AuthHeaders({"x-goog-api-key": account.key.reveal(), **REVISION})
        else:
            quota = self._tokens.quota_project
            own = {"x-goog-user-project": quota} if quota else {}
            credentials = AuthHeaders(bearer(account.key).onto({**own, **REVISION}))

        return HttpClient(account, self._transport, credentials, classify)

    async def submit(self, surface: Surface, payload: Payload, classify: Classify) -> HttpResponse:
        """Send what costs money, once: through the SDK, but where it refuses to."""
        # For Imagen the SDK has only a method that warns of its own end. And it writes JSON on the
        # event loop, which media in it would hold up.
        refused = surface == "predict" or (surface == "operations" and not self.vertex)
        if refused or has_long_text(payload.body):
            http = await self.http(classify)
            return await http.submit(payload.path, json=payload.body)

        account = await self._signed()
        async with self._opening:
            if self._sdk is None:
                await to_thread.run_sync(self._open)  # a second's work on first use

        if surface == "interactions" and self._sends_twice:
            http = await self.http(classify)
            return await http.submit(payload.path, json=payload.body)

        if self._oauth is not None:
            self._oauth.token = account.key.reveal()

        from google.genai import _interactions

        send = _captured(lambda: _send(self._sdk, surface, payload))
        errors = (_library().HTTPError, _interactions.APIConnectionError)
        return await round_trip(send, account, errors, classify)

    async def _signed(self) -> Credentials:
        """Return the account with today's token for a key, so that it is masked everywhere."""
        if self._tokens is None:
            return self.account

        return replace(self.account, key=Key(await self._tokens.token()))

    def _open(self) -> None:
        from google import genai
        from google.genai import _interactions, types

        # Until somewhere between 2.8 and 2.34 it had another client for interactions, which takes
        # the number of attempts below for one of retries, and so sends a paid request twice.
        older = f"{_interactions.__name__}._base_client"
        self._sends_twice = find_spec(older) is not None
        self._connections = http_client(_library(), self._transport)
        self._connections.event_hooks = {
            **self._connections.event_hooks,
            "response": [_keep],
        }
        options = types.HttpOptions(
            base_url=self.account.base_url,
            # Off in both halves of the SDK: the newer one would send five times by default.
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_async_client=self._connections,
            httpx_client=no_client(_library()),
        )
        if self._tokens is None:
            key = self.account.key
            self._sdk = genai.Client(vertexai=False, api_key=key.reveal(), http_options=options)
            return

        from google.oauth2 import credentials

        # Holds the token of the moment: the SDK would refresh on the event loop's own thread.
        holder: Any = credentials.Credentials
        self._oauth = holder(token=None, quota_project_id=self._tokens.quota_project)
        self._sdk = genai.Client(
            vertexai=True,
            credentials=self._oauth,
            project=str(self.account.settings["gcp_project"]),
            location=str(self.account.settings.get("location") or "global"),
            http_options=options,
        )


def _library() -> Any:
    """Return `httpx2` where the SDK knows it, else `httpx`, on which it was built before."""
    from google.genai import _api_client

    if getattr(_api_client, "httpx2", None) is not None:
        return import_module("httpx2")

    return import_module("httpx")


def _captured(send: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """Return a sender whose result is the answer as it came, whatever the SDK makes of it."""

    async def call() -> Any:
        from google.genai.errors import APIError

        answers: list[Any] = []
        _answers.set(answers)
        try:
            await send()
        except (ValueError, APIError):
            # Not what the SDK expects of a good answer; what it is, is for us to see.
            if not answers or answers[-1].status_code >= FIRST_ERROR:
                raise

        return answers[-1]

    return call


async def _send(sdk: Any, surface: Surface, payload: Payload) -> None:
    if surface == "interactions":
        await sdk.aio.interactions.with_raw_response.create(
            api_version=payload.path.removesuffix("/interactions"),
            model=payload.body["model"],
            input=IN_THE_BODY,
            background=True,  # so that the SDK makes no further requests of its own
            extra_body=payload.body,
        )
        return

    from google.genai import types

    version, _, resource = payload.path.partition("/")
    model = resource.rpartition(":")[0]
    options = types.HttpOptions(api_version=version, extra_body=payload.body)
    if surface == "content":
        quiet = types.AutomaticFunctionCallingConfig(disable=True)
        await sdk.aio.models.generate_content(
            model=model,
            contents=IN_THE_BODY,
            config=types.GenerateContentConfig(
                http_options=options, automatic_function_calling=quiet
            ),
        )
    else:
        await sdk.aio.models.generate_videos(
            model=model,
            source=types.GenerateVideosSource(prompt=IN_THE_BODY),
            config=types.GenerateVideosConfig(http_options=options),
        )
