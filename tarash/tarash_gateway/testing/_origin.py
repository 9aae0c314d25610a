"""One TCP port of the simulator: serves a wire with aiohttp, counts, records and misbehaves.

Everything that all providers share at the level of HTTP is here, faults above all, so that a wire
has no code for them. It must not know any provider.
"""

import asyncio
import json
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from aiohttp import web

from tarash.tarash_gateway.testing._bodies import MISBEHAVED, ODD, altered, send_oddly
from tarash.tarash_gateway.testing._calling import Calls
from tarash.tarash_gateway.testing._fault import Fault
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._state import OriginState
from tarash.tarash_gateway.testing._wire import ProviderWire, Reply, Route, WireError

# Winsock's linger structure has two shorts where POSIX has two ints.
_LINGER_ZERO = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_BACKLOG = 1024
_SHUTDOWN_SECONDS = 1.0
_HOLD_SECONDS = 0.02

T = TypeVar("T")
Answer = Callable[[], Awaitable[Reply]]


class Origin:
    """A server for one wire.

    Args:
        wire: Whom to speak for.
        state: Where connections and requests are recorded.
        owner: Whose steps and faults a path belongs to: the media origin serves all providers.
        keys: Reads the keys that are allowed at the moment; None allows any.
    """

    def __init__(
        self,
        wire: ProviderWire,
        state: OriginState,
        owner: Callable[[str], OriginState],
        keys: Callable[[], Collection[str] | None],
    ) -> None:
        self._wire = wire
        self._state = state
        self._owner = owner
        self._keys = keys
        self._runner: web.ServerRunner | None = None
        self._server: _CountingServer | None = None
        self._calls = Calls(state, wire)

    async def start(self, listener: socket.socket) -> None:
        """Serve on a bound socket."""
        self._server = _CountingServer(self._serve, self._state)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, backlog=_BACKLOG).start()

    async def stop(self) -> None:
        """Stop at once: whoever is still connected is cut off."""
        await self._calls.stop()
        if self._server is not None:
            self._server.abort_connections()
            # The loop reports lost connections, and so cancels their handlers, in its next rounds.
            await asyncio.sleep(0)

        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, raw: web.BaseRequest) -> web.StreamResponse:
        route, path_values = self._route(raw)
        owner = self._owner(raw.path)
        step = route.step if route else None
        if step is not None:
            owner.count_step(step)
            if owner is not self._state:
                self._state.count_step(step)

        request = RecordedRequest(
            origin=self._state.name,
            method=raw.method,
            path=raw.path,
            query=dict(raw.query),
            headers=_plain_headers(raw),
            body=await raw.content.read(),
            path_values=path_values,
        )
        self._state.record(request)
        fault = owner.next_fault(step) if step is not None else None

        if fault is not None and fault.kind == "no_ranges":
            request, fault = _without_range(request), None

        async def answer() -> Reply:
            if owner is not self._state and not owner.opens(request.query):
                return self._wire.error(403, "The signature of this URL has expired.")

            try:
                return await self._answer(route, request)
            except WireError as error:
                return _broken(error)

        reply = await (self._misbehave(raw, request, fault, answer) if fault else answer())
        reply = replace(reply, body=owner.signed(reply.body))
        if fault is not None and fault.kind in MISBEHAVED:
            return await send_oddly(raw, reply, fault)

        return await _send(raw, reply)

    @contextmanager
    def _blamed(self, function: Callable[..., Any]) -> Iterator[None]:
        """Keep what a function of the wire raises; faults are no part of it, nor are clients.

        Raises:
            WireError: It has raised an error.
        """
        try:
            yield
        except WireError:
            raise
        except Exception as error:
            whole = getattr(function, "func", function)  # some routes fix an argument of theirs
            blamed = WireError(self._state.name, getattr(whole, "__name__", repr(whole)), error)
            self._state.wire_errors.append(blamed)
            raise blamed from error

    async def _watched(
        self, stream: AsyncIterator[T], function: Callable[..., Any]
    ) -> AsyncIterator[T]:
        """Yield what a stream of the wire yields; what it raises is kept."""
        with self._blamed(function):
            async for part in stream:
                yield part

    def _route(self, raw: web.BaseRequest) -> tuple[Route | None, Mapping[str, str]]:
        for route in self._wire.routes:
            path_values = route.match(raw.method, raw.path)
            if path_values is not None:
                return route, path_values

        return None, {}

    async def _answer(self, route: Route | None, request: RecordedRequest) -> Reply:
        if route is None:
            with self._blamed(self._wire.not_found):
                return self._wire.not_found(request)

        if not route.public:
            parameter = getattr(self._wire, "credential_parameter", "")
            with self._blamed(self._wire.credential):
                key = self._wire.credential(request.headers) or request.query.get(parameter, "")

            allowed = self._keys()
            if not key and not (allowed is None and getattr(self._wire, "keyless", False)):
                return self._wire.error(401, "Authentication is required: no key was sent.")

            if allowed is not None and key not in allowed and not self._state.knows_token(key):
                return self._wire.error(401, "The key is not valid.")

        if route.step == "submit" and self._state.is_full():
            most = self._state.most_in_flight
            return self._wire.error(429, f"Too many concurrent jobs: your limit is {most}.")

        if route.step == "submit" and not await self._calls.is_answered(request):
            return self._wire.error(400, "invalid params: the callback_url gave no challenge back")

        with self._blamed(route.handler):
            reply = await route.handler(request)

        if reply.events is not None:
            reply = replace(reply, events=self._watched(reply.events, route.handler))

        if reply.messages is not None:
            reply = replace(reply, messages=self._watched(reply.messages, route.handler))

        if route.step == "submit":
            self._state.answered(request)
            await self._calls.submitted(request)

        return reply

    async def _misbehave(
        self, raw: web.BaseRequest, request: RecordedRequest, fault: Fault, answer: Answer
    ) -> Reply:
        if fault.kind == "echo_key":
            sent = request.headers.get(self._wire.credential_header.lower(), "")
            return self._wire.error(fault.code, f"Internal error while checking {sent!r}")

        if fault.kind in ("delay", "hold"):
            await _let_wait(fault)
            return await answer()

        if fault.kind == "reset_before":
            await _reset(raw)

        reply = await answer() if fault.accepted else Reply()
        if fault.kind == "status":
            return self._fault_reply(fault)

        if fault.kind in ODD:
            return altered(reply, fault)

        if fault.kind == "foreign_body":
            return _plain_reply(fault)

        if fault.kind in ("truncate", "cut", "wrong_length"):
            await _end_early(raw, reply, fault)

        if fault.kind == "reset_after":
            if reply.events is not None:
                await _send_first_event(raw, reply)

            await _reset(raw)

        return await _wait_until_cancelled()

    def _fault_reply(self, fault: Fault) -> Reply:
        if fault.body is not None:
            return _plain_reply(fault)

        reply = self._wire.error(fault.code, f"Simulated fault: HTTP {fault.code}")
        return Reply(
            status=reply.status, body=reply.body, headers={**reply.headers, **fault.headers}
        )


class _CountingServer(web.Server):
    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        state: OriginState,
    ) -> None:
        # A handler that hangs has to end with its connection.
        super().__init__(handler, handler_cancellation=True, access_log=None)
        self._state = state
        self._open: dict[Any, asyncio.Transport] = {}

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._open[handler] = transport
        self._state.count_connection(1)

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        if self._open.pop(handler, None) is not None:
            self._state.count_connection(-1)

    def abort_connections(self) -> None:
        for transport in list(self._open.values()):
            transport.abort()


def _plain_headers(raw: web.BaseRequest) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value

    return headers


def _without_range(request: RecordedRequest) -> RecordedRequest:
    headers = {name: value for name, value in request.headers.items() if name != "range"}
    return replace(request, headers=headers)


def _plain_reply(fault: Fault) -> Reply:
    if isinstance(fault.body, bytes):
        body, content_type = fault.body, "application/octet-stream"
    elif isinstance(fault.body, str):
        body = fault.body.encode()
        content_type = "text/html" if fault.body.lstrip().startswith("<") else "text/plain"
    else:
        body, content_type = json.dumps(fault.body).encode(), "application/json"

    return Reply(
        status=fault.code, body=body, headers={"Content-Type": content_type, **fault.headers}
    )


def _broken(error: WireError) -> Reply:
    """Return the answer of a wire that has broken: text, in no provider's shape."""
    text = f"This is the simulator, and no provider: {error}"
    return Reply(status=500, body=text.encode(), headers={"Content-Type": "text/plain"})


async def _talk(raw: web.BaseRequest, messages: AsyncIterator[str]) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    if not socket.can_prepare(raw):
        return web.Response(status=400, text="No WebSocket UPGRADE hdr")

    await socket.prepare(raw)
    async for message in messages:
        await socket.send_str(message)

    await socket.close()
    return socket


async def _send(raw: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    if reply.messages is not None:
        return await _talk(raw, reply.messages)

    if reply.events is None:
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    await response.prepare(raw)
    async for chunk in reply.events:
        await response.write(chunk)

    return response


async def _send_first_event(raw: web.BaseRequest, reply: Reply) -> None:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    await response.prepare(raw)
    if reply.events is not None:
        async for chunk in reply.events:
            await response.write(chunk)
            break


async def _end_early(raw: web.BaseRequest, reply: Reply, fault: Fault) -> NoReturn:
    """Announce more than is sent, and close."""
    size = len(reply.body)
    if reply.events is not None:
        await _send_first_event(raw, reply)
    elif fault.kind == "truncate":
        await _send_part(raw, reply, size // 2, size)
    elif fault.kind == "cut":
        await _send_part(raw, reply, fault.count, size)
    else:
        await _send_part(raw, reply, size, size + fault.count)

    if raw.transport is not None:
        raw.transport.close()

    await _wait_until_cancelled()


async def _reset(raw: web.BaseRequest) -> NoReturn:
    if raw.transport is not None:
        raw.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO
        )
        raw.transport.abort()

    await _wait_until_cancelled()


async def _let_wait(fault: Fault) -> None:
    await asyncio.sleep(fault.seconds)
    while not fault.until():  # noqa: ASYNC110  (what it waits for is in other threads)
        await asyncio.sleep(_HOLD_SECONDS)


async def _send_part(raw: web.BaseRequest, reply: Reply, length: int, announced: int) -> None:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = announced
    await response.prepare(raw)
    await response.write(reply.body[:length])


async def _wait_until_cancelled() -> NoReturn:
    """Wait for the end of the connection, which cancels the handler."""
    while True:
        await asyncio.get_running_loop().create_future()
