"""Asks providers to call back when a job has come further, and how far such calls are relied on.

A call only hurries a poll along; a poll stays the backstop. It is a slow one while the calls of a
provider arrive, and as quick as ever where one was missed, until the next arrives.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import logging
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit, urlunsplit

from .._support._logging import event
from ..exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._data._exchange import Call, Payload
    from .._data._webhooks import Demand
    from ..ledger._contract import Ledger, StateLedger
    from ..providers._contract import Adapter, CallingBackAdapter
    from ._lease import Lease

TOKENS = "webhook tokens"
NAMED = timedelta(days=30)
"""For so long a provider may call about a job."""
CALLED_BACK = "called_back"
"""In an operation's data: whether its provider was asked to call back."""
PRIVATE_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test")
LEAST_SECRET = 16
"""Characters."""


class Callbacks:
    """Where one gateway wants to be called, and which providers' calls arrive."""

    def __init__(self, url: str | None = None, secret: str | None = None) -> None:
        """Begin.

        Args:
            url: Where an inbox can be reached from outside; None asks nobody to call.
            secret: What the tokens in addresses are made of. By default each is drawn, and the
                ledger keeps what it takes to know it again.

        Raises:
            ValidationError: One of them can't be used.
        """
        self.url = None if url is None else _checked(url)
        if secret is not None and len(secret) < LEAST_SECRET:
            raise ValidationError(
                f"webhook_secret has {len(secret)} characters, and needs {LEAST_SECRET} at least; "
                "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )

        self._given = None if secret is None else secret.encode()
        self._own = secrets.token_bytes(32)
        self._arriving: set[str] = set()
        self._left_out: set[str] = set()

    async def address(self, ledger: Ledger, provider: str, job_id: str, attempt: int) -> str:
        """Return where a provider is to call for an attempt of a job."""
        parts = urlsplit(self.url or "")
        token = await self._token(ledger, provider, f"{job_id}/{attempt}")
        names = (provider, job_id, str(attempt), token)
        path = "/".join([parts.path.rstrip("/"), *(quote(name, safe="") for name in names)])
        return urlunsplit(parts._replace(path=path))

    async def _token(self, ledger: Ledger, provider: str, reference: str) -> str:
        """Return a token that nobody else can make, and that every process can check."""
        if self._given is not None or not keeps_state(ledger):
            from .._signatures import token_for  # which most gateways never need

            return token_for(self._given or self._own, provider, reference)

        token = secrets.token_urlsafe(24)
        states, until = cast("StateLedger", ledger), datetime.now(UTC) + NAMED
        value = {"sha256": _digest(token)}  # the token itself is nobody's to read there
        await states.write_state(TOKENS, f"{provider}/{reference}", value, until=until)
        return token

    async def is_token(self, ledger: Ledger, provider: str, reference: str, given: str) -> bool:
        """Tell whether a token is the one that an address was given out with."""
        if self._given is not None or not keeps_state(ledger):
            from .._signatures import is_token

            return is_token(self._given or self._own, provider, reference, given)

        kept = await cast("StateLedger", ledger).read_state(TOKENS, f"{provider}/{reference}")
        right = "" if kept is None else str(kept.value["sha256"])
        return hmac.compare_digest(right.encode(), _digest(given).encode())

    def has_come(self, provider: str) -> None:
        """Note that a provider's calls arrive."""
        self._arriving.add(provider)

    def was_missed(self, provider: str) -> None:
        """Note that a job of a provider was found to have ended, and no call had said so."""
        self._arriving.discard(provider)

    def arrive(self, provider: str) -> bool:
        """Tell whether a provider's calls may be relied on for now."""
        return provider in self._arriving

    def will_do(self, provider: str, demands: Sequence[Demand], base_url: str | None) -> bool:
        """Tell whether a provider takes the address, and say once where it doesn't.

        It would refuse the whole submit for it, and a poll finds the end of a job all the same.
        """
        lacks = lacking(self.url or "", demands, base_url)
        if lacks is not None and provider not in self._left_out:
            self._left_out.add(provider)
            event(
                logging.WARNING,
                "callback_not_asked_for",
                provider=provider,
                error=f"{provider} takes {lacks} for a webhook, and webhook_url is none; its jobs "
                "are polled",
            )

        return lacks is None


def lacking(url: str, demands: Sequence[Demand], base_url: str | None) -> str | None:
    """Return what an address lacks that a provider demands of it; None where it will do.

    Args:
        url: Where the gateway wants to be called.
        demands: What the provider refuses other addresses for.
        base_url: The user's own place of the provider: one that is not public itself, such as a
            simulator, can call its neighbours.
    """
    if "https" in demands and urlsplit(url).scheme != "https":
        return "an https address only"

    near = base_url is not None and not _is_public(urlsplit(base_url).hostname or "")
    if "public" in demands and not near and not _is_public(urlsplit(url).hostname or ""):
        return "an address of the public internet only"

    return None


def _is_public(host: str) -> bool:
    """Tell whether a host may be one of the public internet; a name is asked for nowhere."""
    from .._http._guard import is_public

    try:
        return is_public(host)
    except ValueError:
        return "." in host and not host.lower().rstrip(".").endswith(PRIVATE_NAMES)


async def calling_back(
    adapter: Adapter, payload: Payload, call: Call, callbacks: Callbacks, lease: Lease
) -> Payload | None:
    """Return a payload that asks to be called back; None where the provider can't, or need not.

    A parameter that the user has given stays as it is. What goes wrong costs the call back only.
    """
    job_id, can = lease.job_id, "webhook" in adapter.abilities
    if callbacks.url is None or not job_id or call.mocked or not can:
        return None

    webhook = cast("CallingBackAdapter", adapter).webhook(call.kind, call.config.model)
    provider, number = call.config.provider, call.attempt_number
    if (
        webhook is None
        or webhook.parameter is None
        or not callbacks.will_do(provider, webhook.demands, call.config.base_url)
    ):
        return None

    try:
        url = await callbacks.address(lease.ledger, provider, job_id, number)
    except Exception as error:  # noqa: BLE001  (the job can be polled without it)
        event(logging.WARNING, "callback_not_asked_for", job_id=job_id, error=str(error))
        return None

    if webhook.in_query:
        return replace(payload, query={**payload.query, webhook.parameter: url})

    body = copy.copy(payload.body)
    if not _put(body, webhook.parameter, url):
        return None

    return replace(payload, body={**webhook.beside, **body})


def _put(body: dict[str, Any], path: str, value: Any) -> bool:
    """Put a value at a dotted path into a body of which only the top may be changed.

    Returns:
        False where there is something already.
    """
    name, _, rest = path.partition(".")
    if not rest:
        if body.get(name) is not None:
            return False

        body[name] = value
        return True

    inner = body.get(name)
    if inner is not None and not isinstance(inner, dict):
        return False

    body[name] = copy.copy(inner or {})
    return _put(body[name], rest, value)


def keeps_state(ledger: Ledger) -> bool:
    """Tell whether a ledger keeps small states beside the jobs."""
    return bool(getattr(ledger, "keeps_state", False))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _checked(url: str) -> str:
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValidationError(
            f"webhook_url is {url!r}; give the address at which providers reach your inbox from "
            "outside, such as https://example.com/webhooks"
        )

    if parts.fragment:
        raise ValidationError(f"webhook_url is {url!r}; it can't have a fragment (#)")

    return url
