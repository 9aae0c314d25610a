"""The inbox over HTTP: an ASGI application to mount anywhere. Whom to believe, `_inbox` knows."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from .._data._types import ApiKeys
from .._signatures import RawHeaders, WebhookRefusedError
from .._support._logging import event as log
from ..exceptions import TarashException
from ._gateway import Gateway
from ._inbox import LARGEST_BODY, Inbox, WebhookEvent
from ._resources import default

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

OK = 200
UNAVAILABLE = 503
BODY_SECONDS = 30
"""A body may take so long to come."""
SETTLED_AT_ONCE = 16
"""Jobs that nobody waits for are polled so many at a time."""


class WebhookInbox:
    """Takes the webhooks of all providers that call back: as an ASGI application, or as functions.

    Mounted where `webhook_url` leads to, it needs nothing else:

        app.mount("/webhooks", WebhookInbox(gateway))

    A webhook is verified as its provider signs; then whoever waits for its job polls it at once, in
    this process or another that shares the ledger. Where nobody waits, the job is polled once and
    concluded. What a webhook says is believed in nothing else, and one that never comes costs
    nothing but time: polls go on.
    """

    def __init__(  # noqa: PLR0913  (each by its name)
        self,
        gateway: Gateway | None = None,
        *,
        secrets: Mapping[str, str | list[str]] | None = None,
        keys_urls: Mapping[str, str] | None = None,
        api_keys: ApiKeys | None = None,
        max_body_bytes: int = LARGEST_BODY,
        on_event: Callable[[WebhookEvent], Any] | None = None,
    ) -> None:
        """Make an inbox.

        Args:
            gateway: Whose jobs it is about; by default those of the module's functions.
            secrets: What providers sign with, by provider; several while one is replaced. By
                default what the environment says, such as REPLICATE_WEBHOOK_SIGNING_SECRET and
                OPENAI_WEBHOOK_SECRET. Where there is none, our own token in the address is the
                proof.
            keys_urls: Where providers publish their keys, where that is elsewhere than usual.
            api_keys: Keys that the environment does not hold, for jobs that nobody waits for; as in
                `resume`.
            max_body_bytes: A larger body is refused.
            on_event: A plain function that does not block, called with each webhook that was taken;
                what it raises is logged.
        """
        shared = default if gateway is None else gateway._shared  # noqa: SLF001  (it is ours)
        self._inbox = Inbox(shared, secrets, keys_urls, api_keys, max_body_bytes)
        self._on_event = on_event
        self._tasks: set[asyncio.Task[None]] = set()
        self._limits: dict[int, asyncio.Semaphore] = {}

    @property
    def max_body_bytes(self) -> int:
        """How large a body may be."""
        return self._inbox.max_body_bytes

    # ------------------------------------------------------------------------------- functions
    async def receive_async(self, headers: RawHeaders, body: bytes, url: str) -> WebhookEvent:
        """Take one webhook: verify it, and wake whoever waits for its job.

        It asks no provider anything but for its public keys, so that it can be answered at once.

        Args:
            headers: The request's headers, as your framework has them.
            body: The raw body.
            url: The request's address, or its path.

        Returns:
            What it is about; `settle_async` concludes a job that nobody waits for.

        Raises:
            WebhookRefusedError: It is not genuine; `http_status` is what to answer.
            StorageError: The ledger can't be read; answer 503, and it comes again.
        """
        event = await self._inbox.receive(headers, body, url)
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception as error:  # noqa: BLE001  (a user's function harms no job)
                log(logging.ERROR, "on_event_failed", error=f"{type(error).__name__}: {error}")

        return event

    async def settle_async(self, event: WebhookEvent) -> bool:
        """Poll the job of a webhook once where nobody drives it, and conclude it if it has ended.

        Nothing more is bought: where it has failed, the next config of its chain is for whoever
        waits for the job.

        Returns:
            Whether the job has ended by that.
        """
        return await self._inbox.settle(event)

    async def handle_async(self, headers: RawHeaders, body: bytes, url: str) -> WebhookEvent:
        """Take one webhook and settle its job: `receive_async`, then `settle_async`.

        For functions that are frozen once they have answered. Elsewhere answer first: senders wait
        for few seconds only.

        Args:
            headers: As in `receive_async`.
            body: As in `receive_async`.
            url: As in `receive_async`.

        Returns:
            What it is about; answer with its `answer`.

        Raises:
            WebhookRefusedError: As `receive_async`.
        """
        event = await self.receive_async(headers, body, url)
        await self.settle_async(event)
        return event

    def handle(self, headers: RawHeaders, body: bytes, url: str) -> WebhookEvent:
        """Blocking form of `handle_async`."""
        from .._support import _portal

        async def work(_caller: Any) -> WebhookEvent:
            return await self.handle_async(headers, body, url)

        handled: WebhookEvent = _portal.call(work)
        return handled

    async def aclose(self) -> None:
        """Wait for polls under way of jobs that nobody waits for."""
        here = asyncio.get_running_loop()
        mine = [task for task in self._tasks if task.get_loop() is here]
        if mine:
            await asyncio.wait(mine)

    # ------------------------------------------------------------------------------------ ASGI
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return

        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return

        if scope["method"] != "POST":
            await _answer(send, 405, b'{"error": "webhooks are sent by POST"}', {b"allow": b"POST"})
            return

        most = self.max_body_bytes
        status, answer = await self.answer(
            scope["headers"], scope["path"], lambda: _read(receive, most)
        )
        await _answer(send, status, answer)

    async def answer(
        self, headers: RawHeaders, path: str, read: Callable[[], Awaitable[bytes]]
    ) -> tuple[int, bytes]:
        """Return the status and the body to answer a request with.

        Args:
            headers: The request's.
            path: Its path.
            read: Returns its body.
        """
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await read()
        except WebhookRefusedError as error:
            return _refused(error, path)
        except TimeoutError:
            return 408, _error("The body took too long to come")

        try:
            event = await self.receive_async(headers, body, path)
        except WebhookRefusedError as error:
            return _refused(error, path)
        except TarashException as error:
            log(logging.ERROR, "webhook_failed", error=error.message)
            return UNAVAILABLE, _error("It could not be taken now; send it again")

        log(
            logging.INFO,
            "webhook",
            provider=event.provider,
            operation_id=event.operation_id,
            job_id=event.job_id,
            status=event.status,
            is_new=event.is_new,
            is_awaited=event.is_awaited,
        )
        if event.is_idle:
            self._settle_soon(event)

        return OK, event.answer

    def _settle_soon(self, event: WebhookEvent) -> None:
        """Settle a job once the webhook has been answered."""
        task = asyncio.get_running_loop().create_task(self._settle(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, event: WebhookEvent) -> None:
        loop = id(asyncio.get_running_loop())
        limit = self._limits.setdefault(loop, asyncio.Semaphore(SETTLED_AT_ONCE))
        async with limit:
            try:
                await self.settle_async(event)
            except Exception as error:  # noqa: BLE001  (the job stays as it was)
                about = {"provider": event.provider, "job_id": event.job_id}
                log(logging.WARNING, "webhook_not_settled", **about, error=str(error))

    async def _live(self, receive: Receive, send: Send) -> None:
        """Follow a server's start and end, where the inbox is an application of its own."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _read(receive: Receive, most: int) -> bytes:
    """Return a body; of one that is too large no more than shows that."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise WebhookRefusedError("The sender went away", reason="unreadable")

        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most or not message.get("more_body", False):
            return b"".join(parts)


async def _answer(
    send: Send, status: int, body: bytes, headers: Mapping[bytes, bytes] | None = None
) -> None:
    own = {b"content-type": b"application/json", b"content-length": str(len(body)).encode()}
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": list({**own, **(headers or {})}.items())})
    await send({"type": "http.response.body", "body": body})


def _refused(error: WebhookRefusedError, path: str) -> tuple[int, bytes]:
    log(logging.WARNING, "webhook_refused", reason=error.reason, path=_shown(path))
    return error.http_status, _error(error.message)


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()


def _shown(path: str) -> str:
    """Return a path without the token at its end."""
    return path.rpartition("/")[0][:200]
