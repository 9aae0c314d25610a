"""`tarash webhooks listen`: an inbox of its own, in the foreground, until somebody stops it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
from contextlib import suppress

from .._jobs._gateway import Gateway
from .._jobs._inbox_server import listening
from .._jobs._resources import WEBHOOK_URL
from ..webhooks import WebhookEvent, WebhookInbox
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import opened


def serve(ledger: str | None, host: str, port: int, *, as_json: bool) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code.

    Raises:
        CommandError: It can't be listened there.
    """
    gateway = Gateway(ledger=opened(ledger))

    def show(event: WebhookEvent) -> None:
        if as_json:
            fields = dataclasses.asdict(event)
            del fields["answer"]
            terminal.result(json.dumps(fields))
        else:
            terminal.result(_line(event))

    try:
        asyncio.run(_serve(WebhookInbox(gateway, on_event=show), gateway, host, port))
    except OSError as error:
        raise CommandError(
            f"--host, --port: it can't be listened there: {error.strerror or error}"
        ) from None

    return Exit.DONE


async def _serve(inbox: WebhookInbox, gateway: Gateway, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows, where Ctrl-C cancels
            loop.add_signal_handler(number, stop.set)

    async with listening(inbox, host, port) as url:
        terminal.hint(f"Listening at {url}. Ctrl-C stops.")
        if not os.environ.get(WEBHOOK_URL):
            terminal.hint(
                f"{WEBHOOK_URL} is not set here; set it where jobs are submitted, to the address "
                "at which this is reached from outside"
            )

        await stop.wait()

    await gateway.aclose(0)


def _line(event: WebhookEvent) -> str:
    """Return a webhook in a line."""
    if not event.operation_id:
        return f"{event.provider}: a challenge was answered"

    about = f"{event.provider} {event.operation_id}: {event.status or 'no status'}"
    if not event.is_new:
        return f"{about}; it came before"

    if event.is_awaited:
        return f"{about}; whoever waits polls now"

    if event.is_idle:
        return f"{about}; nobody waits for {event.job_id}, so it is polled here"

    return f"{about}; noted" if event.job_id else f"{about}; the ledger has no such job (yet)"
