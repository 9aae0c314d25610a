"""Tells whoever runs the gateway that jobs have ended: signed, thin, and again until it is heard.

What is to be said is written down with the job, so that neither a restart nor a receiver that is
away loses it. Of several servers that share a ledger, the one that writes down that it tries does.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import logging
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp

from .._http._guard import SsrfGuard, is_public
from ..exceptions import TarashException

if TYPE_CHECKING:
    from .._jobs._gateway import Gateway
    from ..ledger._contract import StateLedger, StateRecord
    from ._settings import WebhookSettings

log = logging.getLogger(__name__)
SPACE = "server.webhooks"
PAUSES = (5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)
"""Seconds between tries; after the last one nobody is notified any more."""
KEPT = timedelta(days=14)
SECONDS = 15.0
"""How long a receiver may take."""
LOOK_SECONDS = 2.0
REDIRECTS = 300
"""From this status on, nobody has taken a message."""
PREFIX = "whsec_"
PAGE = 1000


class Webhooks:
    """What is to be said of jobs that have ended."""

    def __init__(self, settings: WebhookSettings, gateway: Gateway, states: StateLedger) -> None:
        self._settings = settings
        self._gateway = gateway
        self._states = states
        self._bell = asyncio.Event()
        self._unwritten: set[str] = set()

    async def expect(self, job_id: str) -> None:
        """Write down that the end of a job is to be sent; what fails is tried again later.

        The job goes on in any case, so that whoever has ordered it is to hear of no error.
        """
        self._unwritten.add(job_id)
        try:
            await self._write_down(job_id)
        except TarashException:
            log.exception("The webhook of %s could not be written down yet", job_id)

    async def _write_down(self, job_id: str) -> None:
        value = {"tries": 0, "due": None}
        until = datetime.now(UTC) + KEPT
        await self._states.write_state(SPACE, job_id, value, expected=0, until=until)
        self._unwritten.discard(job_id)

    def ring(self) -> None:
        """Look for what has ended now."""
        self._bell.set()

    async def run(self) -> None:
        """Tell what has ended, for ever."""
        guard = SsrfGuard(self._may_connect)
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(
            connector=guard.connector(), timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            while True:
                self._bell.clear()
                try:
                    await self._round(session)
                except TarashException:
                    log.exception("The ledger could not be read")

                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._bell.wait()
                except TimeoutError:
                    continue

    def _may_connect(self, address: str) -> bool:
        loopback = ipaddress.ip_address(address.partition("%")[0]).is_loopback
        return is_public(address) or (loopback and self._settings.allow_loopback)

    async def _round(self, session: aiohttp.ClientSession) -> None:
        for job_id in tuple(self._unwritten):
            await self._write_down(job_id)

        after = ""
        while records := await self._states.list_states(SPACE, after=after, limit=PAGE):
            for record in records:
                await self._deliver_due(record, session)

            after = records[-1].name

    async def _deliver_due(self, record: StateRecord, session: aiohttp.ClientSession) -> None:
        due = record.value["due"]
        if due is not None and datetime.fromisoformat(due) > datetime.now(UTC):
            return

        job = await self._gateway.find_job_async(record.name)
        if job is None:
            await self._states.write_state(SPACE, record.name, None, expected=record.version)
        elif job.state != "open":
            ended = "failed" if job.state == "unknown" else job.state
            await self._send_event(record, f"{job.kind}.{ended}", session)

    async def _send_event(
        self, record: StateRecord, kind: str, session: aiohttp.ClientSession
    ) -> None:
        """Tell of one job, where no other server does."""
        tries = record.value["tries"]
        pause = PAUSES[tries] if tries < len(PAUSES) else 0
        now = datetime.now(UTC)
        value = {"tries": tries + 1, "due": (now + timedelta(seconds=pause)).isoformat()}
        version = await self._states.write_state(
            SPACE, record.name, value, expected=record.version, until=now + KEPT
        )
        if version is None:
            return

        refusal = await self._post(record.name, kind, session)
        if refusal is None or tries >= len(PAUSES):
            await self._states.write_state(SPACE, record.name, None, expected=version)

        if refusal is not None:
            log.warning("The webhook of %s was not taken (%s)", record.name, refusal)

    async def _post(self, job_id: str, kind: str, session: aiohttp.ClientSession) -> str | None:
        """Send one message; return why it was not taken, or None."""
        now = datetime.now(UTC)
        content = {"type": kind, "timestamp": now.isoformat(), "data": {"id": job_id}}
        body = json.dumps(content, separators=(",", ":"))
        headers = signed(self._secret(), f"msg_{job_id}", int(now.timestamp()), body)
        try:
            async with session.post(
                self._settings.url or "",
                data=body.encode(),
                headers={**headers, "Content-Type": "application/json"},
                allow_redirects=False,
            ) as response:
                return None if response.status < REDIRECTS else f"HTTP {response.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__

    def _secret(self) -> bytes:
        return secret_of(os.environ.get(self._settings.secret_env or "", ""))


def secret_of(text: str) -> bytes:
    """Return the bytes of a secret: of Standard Webhooks' `whsec_…`, else of the text itself."""
    if text.startswith(PREFIX):
        return base64.b64decode(text.removeprefix(PREFIX))

    return text.encode()


def signed(secret: bytes, message_id: str, timestamp: int, body: str) -> dict[str, Any]:
    """Return the headers of Standard Webhooks."""
    content = f"{message_id}.{timestamp}.{body}".encode()
    signature = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
