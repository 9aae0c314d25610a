"""Exchanges that go through a vendor SDK, with the same facts as our own.

The SDK gets an HTTP client from here that sends over the loop's own connections: it retries
nothing, follows no redirect, says when a request has left, and uses no connection that might be
stale. A thousand submits at once also take a fraction of the time they take the SDK's own pool.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from importlib import import_module
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from anyio import to_thread

from .._support._secrets import Secrets
from ..exceptions import HTTPConnectionError, TarashException
from ._aiohttp import aiohttp
from ._answer import BROKEN_OFF, FIRST_ERROR, TOO_LARGE
from ._client import Classify, HttpResponse, checked, read_answer, status_error
from ._pushed import EVENTS, read_events
from ._reading import ENCODINGS, LARGEST_ANSWER, TooLarge, read_body, read_error
from ._reasons import cause_of, reason_of
from ._send_state import SendState, current_wire
from ._unanswered import connection_error, has_connected
from ._urls import address

if TYPE_CHECKING:
    from ._client import Transport
    from ._credentials import Credentials
from ._connection_limit import connection_slot

ENCODING = "accept-encoding"
FRAMING = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""Headers about the body as it came over the wire, which is not how it is handed on."""
_arrived: ContextVar[list[Any] | None] = ContextVar("_arrived", default=None)
_loaded: set[str] = set()
_loading = threading.Lock()
LIBRARIES = ("httpx", "httpx2")
EXAMINED = "httpx"
"""Most SDKs are built on it. The `openai` SDK, which is not, examines it wherever some other import
has put it, be it half done: so nothing is sent through an SDK while one is being imported."""


async def load(*modules: str) -> None:
    """Import modules in a worker thread, so that the event loop goes on meanwhile.

    Nothing else is half imported by us when it returns.
    """
    while _loading.locked() or not _loaded.issuperset(modules):
        await to_thread.run_sync(_import, modules)


def _import(modules: Sequence[str]) -> None:
    with _loading:  # two threads that import parts of one package may see the other's halves
        for name in modules:
            import_module(name)
            _loaded.add(name)

        if EXAMINED in sys.modules:
            import_module(EXAMINED)  # waits where another thread is half through it


def library_of(client: type) -> ModuleType:
    """Return `httpx2` or `httpx`, whichever an SDK is built on.

    Args:
        client: The SDK's own kind of HTTP client.
    """
    names = (base.__module__.partition(".")[0] for base in client.__mro__)
    return sys.modules[next(name for name in names if name in LIBRARIES)]


def http_client(library: ModuleType, transport: Transport) -> Any:
    """Return an asynchronous HTTP client for a vendor SDK.

    Args:
        library: `httpx` or `httpx2`, whichever the SDK is built on.
        transport: The loop's connections.
    """
    # The engine holds the deadlines; only connecting has a limit of its own, the transport's.
    return library.AsyncClient(
        timeout=None,
        transport=Connections(library, transport),
        follow_redirects=False,
        trust_env=False,  # which proxy, is the transport's to say; and no ~/.netrc
    )


def no_client(library: ModuleType) -> Any:
    """Return a blocking HTTP client that leads nowhere, for an SDK that makes one and needs none.

    Its own would read the environment's proxies, and fail on those that it can't speak to.
    """

    def refuse(_request: Any) -> Any:
        raise NotImplementedError

    return library.Client(transport=library.MockTransport(refuse), trust_env=False)


class Connections:
    """The loop's connections as a transport of httpx, for an SDK that is built on it."""

    def __init__(self, library: ModuleType, transport: Transport) -> None:
        self._library = library
        self._transport = transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing of its own to close: the loop's transport owns the connections."""

    aclose = __aexit__

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request of the library's; return its response, read to the end.

        What prevents that is raised as the library's own, for the SDK to know it.
        """
        library = self._library
        url = str(request.url)
        purpose = "submit" if request.method == "POST" else "poll"
        wire = current_wire.get() or SendState()
        session, proxy = self._transport.road(purpose, url)
        try:
            async with session.request(
                request.method,
                address(url),
                headers=[
                    *(item for item in request.headers.multi_items() if item[0] != ENCODING),
                    (ENCODING, ENCODINGS),
                ],
                data=_body(request, library),
                proxy=proxy,
                allow_redirects=False,
                auto_decompress=False,  # it is unpacked within a limit, which no library has
                trace_request_ctx=wire,
            ) as response:
                made = library.Response(
                    response.status,
                    headers=[
                        header
                        for header in response.raw_headers
                        if header[0].lower() not in FRAMING
                    ],
                    content=await _content(response, wire.hear),
                    extensions={"http_version": b"HTTP/1.1"},
                )
                _keep(made)
                return made
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise library.UnsupportedProtocol(str(error), request=request) from error
        except (aiohttp.ClientError, OSError) as error:
            if not has_connected(error):
                cause = Secrets().outside(cause_of(error))  # which the SDK may log
                raise library.ConnectError(reason_of(error), request=request) from cause

            cause = Secrets().outside(error)
            raise library.ReadError(reason_of(error), request=request) from cause


async def _content(response: aiohttp.ClientResponse, hear: Callable[[bytes], None] | None) -> bytes:
    """Return an answer's body, unpacked.

    Raises:
        aiohttp.ClientError: It broke off, or is larger than an answer may be.
    """
    if response.status < FIRST_ERROR:
        try:
            if response.content_type == EVENTS:
                return await read_events(response, hear)

            return (await read_body(response, lambda _head: LARGEST_ANSWER)).getvalue()
        except TooLarge:
            raise aiohttp.ClientPayloadError(TOO_LARGE) from None

    body = await read_error(response)
    if body is None:
        raise aiohttp.ClientPayloadError(BROKEN_OFF)

    return bytes(body)


def _keep(response: Any) -> None:
    """Keep an answer that arrived: the SDK may fail to read it, which changes nothing about it."""
    kept = _arrived.get()
    if kept is not None:
        kept.append(response)


def _body(request: Any, library: ModuleType) -> Any:
    try:
        content = request.content
    except library.RequestNotRead:
        return request.stream  # a form with files, which is not held in memory twice

    # As a stream: aiohttp warns of any megabyte that it is handed as bytes.
    return io.BytesIO(content) if content else None


async def round_trip(
    send: Callable[[], Awaitable[Any]],
    account: Credentials,
    connection_errors: type[Exception] | tuple[type[Exception], ...],
    classify: Classify | None = None,
) -> HttpResponse:
    """Make one exchange through an SDK and return its answer.

    Args:
        send: Calls the SDK; returns its raw response (`with_raw_response`), or raises.
        account: Whose request it is.
        connection_errors: What the SDK raises where no answer came.
        classify: Reads what hides in an error body; None leaves it to the status.

    Raises:
        TarashException: No answer came, or one with an error status. Any other exception of the
            SDK passes through: it is a mistake of ours.
    """
    wire = current_wire.get() or SendState()
    failure: TarashException
    cause: BaseException
    arrived: list[Any] = []
    _arrived.set(arrived)
    try:
        purpose = "poll" if current_wire.get() is None else "submit"
        async with connection_slot(purpose, account.base_url):
            await load()
            raw = await _called(send, wire)

        response = getattr(raw, "http_response", raw)
    except connection_errors as error:
        failure, cause = _unanswered(error, account, wire)
    except Exception as error:
        response = getattr(error, "response", None)
        if getattr(response, "status_code", None) is None and arrived:
            response = arrived[-1]

        if getattr(response, "status_code", None) is not None:
            answer = _answer(response, account)
            if answer.status < FIRST_ERROR:
                return answer

            failure = (classify and classify(answer)) or status_error(answer)
            cause = account.secrets.outside(error)
        else:
            below = _below(error)
            if below is None:
                raise

            failure, cause = _unanswered(below, account, wire)
    else:
        return checked(_answer(response, account), classify)

    # Raised outside the handlers, so that an unmasked original is not kept as its context.
    raise failure from cause


def _unanswered(
    error: Exception, account: Credentials, wire: SendState
) -> tuple[TarashException, BaseException]:
    """Return the error of an exchange without an answer, and its cause without secrets."""
    failure = _ours(error) or connection_error(account.base_url, wire, error, account.secrets)
    return failure, account.secrets.outside(error if wire.sent else cause_of(error))


async def _called(send: Callable[[], Awaitable[Any]], wire: SendState) -> Any:
    """Return what an SDK returns, also where the application imports what it examines meanwhile."""
    try:
        return await send()
    except AttributeError as error:
        if wire.sent or not _met_half_a_library(error) or _below(error) is not None:
            raise

    # It failed as it made the request.
    await to_thread.run_sync(import_module, EXAMINED)  # waits for the other thread
    return await send()


def _met_half_a_library(error: Exception) -> bool:
    return isinstance(error, AttributeError) and error.obj is sys.modules.get(EXAMINED)


def _below(error: Exception) -> Exception | None:
    """Return the connection's error that an SDK failed to handle, for half a library's sake."""
    below = error.__context__
    is_ours = type(below).__module__.partition(".")[0] in LIBRARIES
    if not _met_half_a_library(error) or not isinstance(below, Exception):
        return None

    return below if is_ours or isinstance(below, HTTPConnectionError) else None


def _ours(error: BaseException) -> HTTPConnectionError | None:
    """Return what we have said ourselves below the SDK, which made an error of its own of it."""
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, HTTPConnectionError):
            return one

        one = one.__cause__ or one.__context__

    return None


def _answer(response: Any, account: Credentials) -> HttpResponse:
    content_type = response.headers.get("content-type", "").partition(";")[0].strip()
    return read_answer(
        response.status_code, response.headers, content_type, response.content, account.secrets
    )
