"""Our own HTTP exchange: one request, one answer, its failure given as the facts that money needs.

Retries nothing, and follows redirects of free GETs only. Credentials leave only for the origin of
the account's base URL and the provider's own hosts.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from .._support._secrets import AuthHeaders, Secrets
from ..exceptions import TarashException
from ._aiohttp import aiohttp
from ._answer import (
    HttpResponse,
    checked,
    is_no_word,
    parse_json,
    read_answer,
    shorten,
    status_error,
    unreadable,
)
from ._bodies import lines, read_content, session_options
from ._body import handed_over, json_body
from ._connection_limit import POOL_SIZE, STREAMS_PER_ORIGIN, connection_slot
from ._credentials import Credentials
from ._guard import SsrfGuard
from ._parts import PartialBody, parts_at_hand
from ._proxies import Proxy, connector, proxy_of
from ._reading import ENCODINGS
from ._reasons import cause_of
from ._send_state import SendState, current_wire, mark_sent
from ._unanswered import connection_error, has_connected, private_error
from ._unclosed import Sockets, let_go
from ._urls import Origin, address, is_trusted, join, origin, redirect_of, segment, segments

# Whoever makes exchanges finds what an answer is here too.
__all__ = [
    "HttpClient",
    "HttpResponse",
    "Transport",
    "checked",
    "is_trusted",
    "join",
    "origin",
    "read_answer",
    "segment",
    "segments",
    "shorten",
    "status_error",
    "unreadable",
]

FRESH_SECONDS = 2
"""A paid POST never leaves on a connection that was idle for longer: it might be dead already."""

NONE = AuthHeaders({})
MOST_REDIRECTS = 5
Classify = Callable[[HttpResponse], TarashException | None]


class Transport:
    """The connections of one event loop, shared by every account: paid POSTs, polls, streams."""

    def __init__(self) -> None:
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._proxies: dict[Origin, Proxy | None] = {}
        self._sockets = Sockets()
        let_go(self, self._sessions)

    def road(self, purpose: str, url: str) -> tuple[aiohttp.ClientSession, str | None]:
        """Return the session for `submit`, `poll` or `stream` to a URL, and the proxy to tell it.

        The environment is asked once for each origin.

        Raises:
            HTTPConnectionError: The environment names a proxy that can't be used.
        """
        place = origin(url)
        if place not in self._proxies:
            # Not by aiohttp's `trust_env`, which would look for a ~/.netrc at each request.
            self._proxies[place] = proxy_of(url)

        proxy = self._proxies[place]
        is_socks = proxy is not None and proxy.is_socks
        name = f"{purpose} {proxy.url}" if proxy is not None and is_socks else purpose
        if name not in self._sessions:
            self._sessions[name] = _open_session(
                purpose, proxy if is_socks else None, self._sockets
            )

        return self._sessions[name], None if proxy is None or is_socks else proxy.url

    def cut(self) -> None:
        """Close every socket of a loop that is closed already."""
        while self._sessions:
            _, session = self._sessions.popitem()
            session.detach()

        self._sockets.close()

    async def aclose(self) -> None:
        """Close every connection."""
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()


def _open_session(purpose: str, socks: Proxy | None, sockets: Sockets) -> aiohttp.ClientSession:
    from ._connector import Connector

    options: dict[str, Any] = {
        # By host, so that one provider's slow answers hold up nobody else's.
        "limit": 0,
        "limit_per_host": STREAMS_PER_ORIGIN if purpose == "stream" else POOL_SIZE,
        "keepalive_timeout": FRESH_SECONDS if purpose == "submit" else 30,
        "socket_factory": sockets.make,
    }
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(mark_sent)
    return aiohttp.ClientSession(
        connector=Connector(**options) if socks is None else connector(socks, **options),
        # A tenth of what a poll costs, and only a submit has to know it for certain.
        trace_configs=[tracing] if purpose == "submit" else None,
        auto_decompress=True,
        **session_options(purpose),
    )


def guarded_session(guard: SsrfGuard) -> aiohttp.ClientSession:
    """Return a session of its own, since a pooled connection passes no guard; to be closed."""
    return aiohttp.ClientSession(
        connector=guard.connector(),
        **session_options("poll"),
    )


class HttpClient:
    """One account's exchanges over the loop's shared connections."""

    def __init__(
        self,
        account: Credentials,
        transport: Transport,
        credentials: AuthHeaders,
        classify: Classify | None = None,
    ) -> None:
        """Make a client.

        Args:
            account: Whose requests these are.
            transport: The loop's connections.
            credentials: Headers for trusted origins only.
            classify: Reads what hides in an error body; None leaves it to the status.
        """
        self.account = account
        self._transport = transport
        self._credentials = credentials
        self._classify = classify
        self._of_account = account.secrets

    async def aclose(self) -> None:
        """Nothing of its own to close: the loop's transport owns the connections."""

    @property
    def _secrets(self) -> Secrets:
        """What is masked in answers: they may repeat the headers that were sent."""
        return self._of_account.and_of(self._credentials.secrets)

    def trusts(self, url: str) -> bool:
        """Tell whether our credentials may go to this URL."""
        return is_trusted(url, self.account)

    def _guard(self, url: str, *, is_trusted: bool) -> SsrfGuard | None:
        """Return what keeps a URL out of private networks, where the config forbids those.

        Nobody but a provider's answer names other hosts than its own, and than the user's settings.
        """
        if is_trusted or self.account.allow_private_urls:
            return None

        named = [setting for setting in self.account.settings.values() if isinstance(setting, str)]
        places = {origin(one) for one in named if one.startswith(("https://", "http://"))}
        return None if origin(url) in places else SsrfGuard()

    async def submit(
        self,
        path: str,
        *,
        json: Any = None,
        form: aiohttp.FormData | None = None,
        headers: Mapping[str, str] | None = None,
        classify: Classify | None = None,
    ) -> HttpResponse:
        """POST what costs money, as JSON or a form, on a connection that is certainly alive."""
        url = join(self.account.base_url, path)
        data: Any = form
        if form is None:
            body = await json_body(json)
            data = handed_over(body)
            own = {"Content-Type": "application/json", "Content-Length": str(body.size)}
            headers = {**own, **(headers or {})}

        return await self._checked(
            "POST", url, classify=classify, purpose="submit", data=data, headers=headers
        )

    async def get(self, url: str, *, any_status: bool = False) -> HttpResponse:
        """GET an absolute URL; `any_status` hands error answers back instead of raising.

        Redirects are followed, each with our credentials only where they may go. One that leads
        nowhere, in a circle or too far is an answer like others.
        """
        parts = parts_at_hand()
        part = parts.take(url)
        try:
            answer = await self._follow(url, part)
        finally:
            parts.keep(url, part, self.account.max_media_bytes)

        return answer if any_status else checked(answer, self._classify)

    async def _follow(self, url: str, part: PartialBody) -> HttpResponse:
        seen: set[str] = set()
        while True:
            seen.add(url)
            answer = await self._read(url, part)
            target = redirect_of(url, answer.status, answer.headers.get("Location"))
            if target is None or target in seen or len(seen) > MOST_REDIRECTS:
                return answer

            url = target

    async def _read(self, url: str, part: PartialBody) -> HttpResponse:
        """GET a URL; what breaks off goes on where it broke, for as long as that brings more."""
        while True:
            async with (
                connection_slot("poll", url),
                self._open("GET", url, purpose="poll", headers=part.asks()) as response,
            ):
                content = await part.read(response, self.account.max_media_bytes)

            if content is not None or not part.goes_on:
                return read_answer(
                    part.status, response.headers, response.content_type, content, self._secrets
                )

    async def put(
        self,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        any_status: bool = False,
    ) -> HttpResponse:
        """PUT to an absolute URL: the bytes of an upload, or nothing."""
        data: Any = {} if content is None else {"data": io.BytesIO(content)}
        return await self._checked("PUT", url, any_status=any_status, headers=headers, **data)

    def sent_to(self, url: str) -> str:
        """Return the address in which a URL goes out; a subclass may add to it what is secret."""
        return url

    async def post(self, url: str, *, json: Any = None, any_status: bool = False) -> HttpResponse:
        """POST what costs nothing (a cancel, a search) to an absolute URL."""
        return await self._checked("POST", url, json=json, any_status=any_status)

    async def send(self, url: str, content: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """POST the bytes of an upload, which costs nothing, to an absolute URL."""
        return await self._checked("POST", url, data=io.BytesIO(content), headers=headers)

    async def send_form(self, url: str, form: aiohttp.FormData) -> HttpResponse:
        """POST an upload as a form to an absolute URL."""
        return await self._checked("POST", url, data=form)

    async def delete(self, url: str, *, any_status: bool = False) -> HttpResponse:
        """DELETE an absolute URL."""
        return await self._checked("DELETE", url, any_status=any_status)

    async def stop(self, url: str, method: str = "POST", *, json: Any = None) -> HttpResponse:
        """Ask for a job to be stopped; return the provider's own word, whatever its status.

        Raises:
            TarashException: A machine in between answered, or the provider stumbles, which says
                nothing of the job: to be asked again.
        """
        answer = await self._exchange(method, url, json=json)
        body = {} if answer.is_json and answer.body is None else answer.body  # `null` is a word
        if not is_no_word(answer.status, body):
            return answer

        checked(answer, self._classify)
        raise unreadable(answer.status, answer.body)

    async def _checked(
        self,
        method: str,
        url: str,
        *,
        any_status: bool = False,
        classify: Classify | None = None,
        **options: Any,
    ) -> HttpResponse:
        answer = await self._exchange(method, url, **options)
        return answer if any_status else checked(answer, classify or self._classify)

    async def _exchange(
        self, method: str, url: str, *, purpose: str = "poll", **options: Any
    ) -> HttpResponse:
        wire = current_wire.get() if purpose == "submit" else None
        hear = None if wire is None else wire.hear
        async with (
            connection_slot(purpose, url),
            self._open(method, url, purpose=purpose, **options) as response,
        ):
            content = await read_content(response, self.account.max_media_bytes, hear)

        return read_answer(
            response.status, response.headers, response.content_type, content, self._secrets
        )

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        url: str,
        *,
        purpose: str,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        wire = current_wire.get() or SendState()
        trusts = self.trusts(url)
        credentials = self._credentials if trusts else NONE
        guard = self._guard(url, is_trusted=trusts)
        # With a guard there is no proxy, which would choose the address.
        session, proxy = (
            self._transport.road(purpose, url) if guard is None else (guarded_session(guard), None)
        )
        failure: TarashException
        try:
            async with session.request(
                method,
                address(self.sent_to(url)),
                headers=credentials.onto({"Accept-Encoding": ENCODINGS, **(headers or {})}),
                **body,
                proxy=proxy,
                allow_redirects=False,
                auto_decompress=purpose == "stream",  # else it is unpacked within a limit
                trace_request_ctx=wire,
            ) as response:
                yield response
                return
        except (aiohttp.ClientError, OSError) as error:
            if purpose != "submit":
                wire.sent = has_connected(error)

            refused = guard is not None and guard.has_refused
            failure = (
                private_error(url) if refused else connection_error(url, wire, error, self._secrets)
            )
            cause = self._secrets.outside(error if wire.sent else cause_of(error))
        finally:
            if guard is not None:
                await session.close()

        # Raised outside the handler, so that an unmasked original is not kept as its context.
        raise failure from cause

    async def events(self, url: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the JSON objects of a server-sent event stream; ends when the server stops."""
        async with self._open(
            "GET", url, purpose="stream", headers={"Accept": "text/event-stream"}
        ) as response:
            if response.status != 200 or response.content_type != "text/event-stream":  # noqa: PLR2004
                return

            async for line in lines(response):
                if line.startswith(b"data:"):
                    event = self._event(line)
                    if event is not None:
                        yield event

    def _event(self, line: bytes) -> dict[str, Any] | None:
        try:
            event = parse_json(self._secrets.text(line[5:].decode("utf-8", "replace")))
        except ValueError:
            return None

        # Masked twice, as an answer's body is.
        return self._secrets.data(event) if isinstance(event, dict) else None
