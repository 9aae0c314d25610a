"""The inbox: takes providers' webhooks, from any framework, and hurries along what they are about.

A webhook is verified, and then believed in nothing but that its job is worth a poll: whoever waits
for the job polls it now, in this process or another; where nobody does, it is polled once here, and
settled. A forged one asks nothing of any provider.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .._engine import keep_second, name_job, operation_named, post_wakeup
from .._signatures import (
    DigestEd25519,
    KeyRing,
    RawHeaders,
    SeenDeliveries,
    StandardEd25519,
    Verified,
    WebhookRefusedError,
    delivery,
)
from .._support._logging import event as log
from .._support._secrets import Keys
from ..exceptions import TarashException
from ._forgotten import reserved
from ._inbox_facts import Address, address_in, body_of, facts_of, id_in, scheme_for, status_in
from ._store import calls_of

if TYPE_CHECKING:
    from .._data._types import ApiKeys
    from .._data._webhooks import WebhookFacts
    from .._signatures import Delivery, Scheme
    from ..ledger._contract import JobRecord, SubmissionRecord
    from ._resources import GatewayContext

LARGEST_BODY = 16 * 1024**2
"""Bytes: some models put their output into it."""
LONGEST_CHALLENGE = 1024
LARGEST_KEYS = 256 * 1024
"""Bytes of what a provider publishes as its keys."""
PAUSE_SECONDS = 1.0
"""Between two polls of a job that nobody waits for, however many webhooks come."""
UNFINISHED = ("open", "unknown")


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook that was taken.

    Attributes:
        provider: Who sent it.
        operation_id: The provider's id of the job; empty for a challenge.
        status: The provider's word for how it stands. A hint: the job is polled before anything is
            believed.
        job_id: The job's id in the ledger; empty where that is not known (yet).
        is_new: False where it came before.
        is_signed: Whether the provider has signed it; else our own token in the address is the
            proof.
        is_awaited: Whether somebody in this process waits for the job, and polls it now.
        is_idle: Whether nobody anywhere drives the job, so that `settle` concludes it.
        answer: What to answer with; for a challenge, what has to be sent back.
    """

    provider: str
    operation_id: str = ""
    status: str = ""
    job_id: str = ""
    is_new: bool = True
    is_signed: bool = False
    is_awaited: bool = False
    is_idle: bool = False
    answer: bytes = b'{"ok": true}'


class Inbox:
    """What `WebhookInbox` does, without HTTP."""

    def __init__(
        self,
        shared: GatewayContext,
        secrets: Mapping[str, Any] | None = None,
        keys_urls: Mapping[str, str] | None = None,
        api_keys: ApiKeys | None = None,
        max_body_bytes: int = LARGEST_BODY,
    ) -> None:
        self._shared = shared
        self._secrets = dict(secrets or {})
        self._keys_urls = dict(keys_urls or {})
        self._api_keys = Keys.taken(api_keys)
        self.max_body_bytes = max_body_bytes
        self._ring = KeyRing(self._fetch_keys)
        self._seen = SeenDeliveries()
        self._schemes: dict[str, Scheme | None] = {}
        self._again: dict[str, bool] = {}

    # ------------------------------------------------------------------------------- receiving
    async def receive(self, headers: RawHeaders, body: Any, url: str) -> WebhookEvent:
        """Take a webhook, and wake whoever waits for its job; as `WebhookInbox.receive_async`."""
        sent = delivery(headers, body)
        if len(sent.body) > self.max_body_bytes:
            raise WebhookRefusedError(
                f"The webhook has {len(sent.body)} bytes, and {self.max_body_bytes} are allowed",
                reason="body_too_large",
            )

        _check_encoding(sent)
        address = address_in(url, self._shared.registry)
        webhook = facts_of(address, self._shared.registry)
        await self._check_token(address)
        challenge = self._challenge(address, webhook, sent)
        if challenge is not None:
            return challenge

        scheme = self._scheme(address.provider, webhook)
        verified = await self._verified(address, webhook, scheme, sent)
        event_body = body_of(sent.body)
        event = WebhookEvent(
            address.provider,
            id_in(event_body, webhook),
            status_in(event_body, webhook),
            address.job_id,
            is_signed=scheme is not None,
        )
        self._callbacks.has_come(address.provider)
        key = f"{address.provider} {address.job_id} {verified.key}"
        if not self._seen.take(key):
            return replace(event, is_new=False)

        try:
            return await self._passed_on(event, address)
        except BaseException:  # (also a cancellation: the sender goes away)
            self._seen.give_back(key)  # its sender tries it again
            raise

    async def _check_token(self, address: Address) -> None:
        if not address.token:
            return

        ledger = self._shared.resources().ledger
        reference = f"{address.job_id}/{address.attempt}"
        if not await self._callbacks.is_token(ledger, address.provider, reference, address.token):
            raise WebhookRefusedError(
                "The address of the webhook is none that this gateway gave out: its token is "
                "another's (all processes need the same TARASH_WEBHOOK_SECRET, or ledger)",
                reason="signature_wrong",
            )

    def _challenge(
        self, address: Address, facts: WebhookFacts, sent: Delivery
    ) -> WebhookEvent | None:
        """Return what a provider wants to read before it calls; None where it does not ask."""
        if facts.challenge is None or not address.token:
            return None

        challenge = body_of(sent.body).get(facts.challenge)
        if not isinstance(challenge, str) or len(challenge) > LONGEST_CHALLENGE:
            return None

        answer = json.dumps({facts.challenge: challenge}).encode()
        return WebhookEvent(address.provider, job_id=address.job_id, answer=answer)

    def _scheme(self, provider: str, facts: WebhookFacts) -> Scheme | None:
        if provider not in self._schemes:
            secret = self._secrets.get(provider)
            if secret is None and facts.variable is not None:
                secret = os.environ.get(facts.variable) or None

            url = self._keys_urls.get(provider, facts.keys_url)
            self._schemes[provider] = scheme_for(facts, secret, url)

        return self._schemes[provider]

    async def _verified(
        self, address: Address, facts: WebhookFacts, scheme: Scheme | None, sent: Delivery
    ) -> Verified:
        now = time.time()
        if scheme is None:
            if address.token:
                return Verified(hashlib.sha256(sent.body).hexdigest(), int(now))

            needed = facts.variable or f"secrets={{{address.provider!r}: …}}"
            raise WebhookRefusedError(
                f"Nobody can tell whether this webhook is {address.provider}'s: set {needed} to "
                "the secret of the endpoint, as the provider's console shows it",
                reason="no_key",
            )

        if not isinstance(scheme, StandardEd25519 | DigestEd25519):
            return scheme.verify(sent, now)

        try:
            return scheme.verify(sent, now, await self._ring.keys(scheme.keys_url))
        except WebhookRefusedError as error:
            if error.reason != "signature_wrong":
                raise

        return scheme.verify(sent, now, await self._ring.keys(scheme.keys_url, anew=True))

    async def _passed_on(self, event: WebhookEvent, address: Address) -> WebhookEvent:
        """Wake whoever waits for the job: here, or by a note in the ledger."""
        resources = self._shared.resources()
        if resources.wakeups.nudge(event.provider, event.operation_id):
            return replace(event, is_awaited=True)

        ledger = resources.ledger
        if address.job_id:
            record = await ledger.get(address.job_id)
        else:
            record = await ledger.find(event.provider, event.operation_id)

        if record is None:
            await post_wakeup(ledger, event.provider, event.operation_id)
            left = await reserved(ledger, event.provider, event.operation_id)
            return event if left is None else replace(event, job_id=left.job_id, is_idle=True)

        record, known = await self._named(record, address, event.operation_id)
        event = replace(event, job_id=record.id, operation_id=known)
        if record.state not in UNFINISHED:
            return event

        if record.held:
            await post_wakeup(ledger, event.provider, known)
            return event

        return replace(event, is_idle=True)

    async def _named(
        self, record: JobRecord, address: Address, operation_id: str
    ) -> tuple[JobRecord, str]:
        """Return the job that a call is about, and the provider's id of it, as the ledger has it.

        What a submit came to whose answer was lost is written down: the address is that submit's
        own. Where that has come to another job by now, this is a second one, which is kept.
        """
        ledger = self._shared.resources().ledger
        entry = _entry_of(record, address)
        if not address.job_id or entry is None:
            return record, operation_id

        if entry.operation is None:
            await name_job(ledger, entry.intent.id, operation_id)
            # It may have been accepted meanwhile, by who looked for that name in vain.
            entry = _entry_of(await ledger.get(record.id) or record, address) or entry

        taken = None if entry.operation is None else entry.operation.id
        if taken is None and not _is_given_up(record, entry):
            return record, operation_id

        if taken is not None and not entry.heard.get("tries"):
            return record, taken  # it was sent once, so that there is no other job

        if taken == operation_id:
            return record, taken

        calls = await calls_of(record, ledger, self._api_keys)
        call = calls[entry.intent.attempt_number - 1]
        named = await operation_named(call, entry.intent, operation_id, self._shared.resources())
        if taken == named.id:
            return record, taken

        await keep_second(ledger, record, entry.intent, named)
        second = await ledger.find(named.provider, named.id, entry.intent.host)
        return (second or record), named.id

    # -------------------------------------------------------------------------------- settling
    async def settle(self, event: WebhookEvent) -> bool:
        """Poll a job that nobody drives once, and conclude it; as `WebhookInbox.settle_async`.

        However many webhooks come for a job, it is polled once at a time, and once more after the
        last of them.
        """
        if not event.is_idle:
            return False

        if event.job_id in self._again:
            self._again[event.job_id] = True
            return False

        self._again[event.job_id] = False
        try:
            settled = await self._settled(event)
            while self._again[event.job_id] and not settled:
                self._again[event.job_id] = False
                await asyncio.sleep(PAUSE_SECONDS)
                settled = await self._settled(event)
        finally:
            del self._again[event.job_id]

        return settled

    async def _settled(self, event: WebhookEvent) -> bool:
        from ._opening import rebuilt
        from ._settling import SettlingJob, settle_forgotten

        resources = self._shared.resources()
        record = await resources.ledger.get(event.job_id)
        if record is not None and (record.state not in UNFINISHED or record.held):
            return False

        try:
            with self._shared.at_work():
                if record is None:
                    return await settle_forgotten(
                        event.provider, event.operation_id, self._api_keys, resources
                    )

                run = await rebuilt(record, resources, self._api_keys)
                return await SettlingJob(run).settle_once()
        except TarashException as error:
            about = {"job_id": event.job_id, "provider": event.provider, "error": error.message}
            log(logging.INFO, "webhook_settled_failure", **about)
            return True

    @property
    def _callbacks(self) -> Any:
        return self._shared.resources().callbacks

    async def _fetch_keys(self, url: str) -> Any:
        from .._http._fetch_input import fetch

        clients = await self._shared.resources().clients.of_running_loop()
        published = await fetch(clients.transport, url, LARGEST_KEYS)
        return body_of(published["content"])


def _check_encoding(sent: Delivery) -> None:
    """Refuse a compressed body, unread: providers sign, and send, plain JSON.

    Which bytes a signature would be over, before or after, none of them says; and few bytes may
    unpack to very many.

    Raises:
        WebhookRefusedError: It is one.
    """
    encodings = ",".join(sent.headers.get("content-encoding", ()))
    named = [one.strip().lower() for one in encodings.split(",") if one.strip()]
    if any(one != "identity" for one in named):
        raise WebhookRefusedError(
            f"The body of the webhook is encoded ({encodings[:50]}), and only plain bodies are "
            "taken: let whatever hands it on pass it as its provider sent it",
            reason="body_encoded",
        )


def _entry_of(record: JobRecord, address: Address) -> SubmissionRecord | None:
    """Return the submit whose address it is."""
    mine = (entry for entry in record.entries if entry.intent.attempt_number == address.attempt)
    return next(mine, None)


def _is_given_up(record: JobRecord, entry: SubmissionRecord) -> bool:
    """Tell whether nobody will look for what a submit has come to: it was refused for good."""
    refused = entry.submission in ("rejected", "not_sent") and entry.outcome is not None
    return refused or record.state not in UNFINISHED
