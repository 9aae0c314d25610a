"""What is read of a webhook: whose address it came to, how its sender signs, which job it means.

Pure: no network, no ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from .._engine import is_id
from .._signatures import (
    DerivedHmac,
    DigestEd25519,
    StandardEd25519,
    StandardHmac,
    TimestampedHmac,
    WebhookRefusedError,
)
from .._support._paths import value_at
from ..exceptions import TarashException, ValidationError

if TYPE_CHECKING:
    from .._data._webhooks import WebhookFacts
    from .._signatures import Scheme
    from ..providers._contract import CallingBackAdapter
    from ..providers._registry import Registry

PARTS = 4
"""Of an address that we gave out: provider, job, attempt, token."""
LONGEST_PART = 256
LONGEST_STATUS = 64


@dataclass(frozen=True, slots=True)
class Address:
    """Where a webhook came to; without a job where the provider calls one address for all."""

    provider: str
    job_id: str = ""
    attempt: int = 0
    token: str = ""


def address_in(url: str, registry: Registry) -> Address:
    """Return what an address says.

    Args:
        url: The address, or its path; whatever an application is mounted at may stand before.
        registry: Whose providers count.

    Raises:
        WebhookRefusedError: It is none of ours.
    """
    path = urlsplit(str(url)).path
    parts = [unquote(one) for one in path.split("/") if one]
    if any(len(part) > LONGEST_PART for part in parts[-PARTS:]):
        raise _not_ours()

    if len(parts) >= PARTS:
        provider, job_id, attempt, token = parts[-PARTS:]
        is_number = attempt.isascii() and attempt.isdigit() and len(attempt) < LONGEST_PART
        if is_number and registry.row(provider) is not None:
            return Address(provider, job_id, int(attempt[:9]), token)

    if parts and registry.row(parts[-1]) is not None:
        return Address(parts[-1])

    raise _not_ours()


def facts_of(address: Address, registry: Registry) -> WebhookFacts:
    """Return how the provider of an address calls back.

    Raises:
        WebhookRefusedError: It does not.
    """
    row = registry.row(address.provider)
    try:
        adapter = registry.adapter(address.provider, need_extra=False)
    except TarashException as error:
        raise _not_ours() from error

    if row is None or "webhook" not in adapter.abilities:
        raise _not_ours()

    webhook = cast("CallingBackAdapter", adapter).webhook()
    if webhook is None:
        raise _not_ours()

    return webhook


def scheme_for(facts: WebhookFacts, secret: Any, keys_url: str | None) -> Scheme | None:
    """Return how a provider's webhooks are verified; None where our own token has to do.

    Args:
        facts: What the provider's adapter says.
        secret: What it signs with, or several of them; None where nobody gave any.
        keys_url: Where its keys are published.

    Raises:
        ValidationError: The secret can't be read.
    """
    options: dict[str, Any] = dict(facts.options)
    if facts.scheme in {"standard_ed25519", "digest_ed25519"}:
        if keys_url is None or not _has_cryptography():
            return None

        made = StandardEd25519 if facts.scheme == "standard_ed25519" else DigestEd25519
        return made(keys_url, **options)

    if secret is None or facts.scheme == "unsigned":
        return None

    try:
        match facts.scheme:
            case "standard_hmac" | "standard_hmac_raw":
                return StandardHmac(secret, decoded=facts.scheme == "standard_hmac", **options)
            case "timestamped_hmac":
                return TimestampedHmac(secret, **options)
            case _:
                return DerivedHmac(secret, **options)
    except ValidationError as error:
        where = facts.variable or "secrets"
        raise ValidationError(f"{where}: {error.message}", code="webhook_secret") from error


def _has_cryptography() -> bool:
    from importlib.util import find_spec

    return find_spec("cryptography") is not None


def body_of(body: bytes) -> Mapping[str, Any]:
    """Return the object that a body holds.

    Raises:
        WebhookRefusedError: It holds none.
    """
    from .._http._answer import parse_json
    from .._http._texts import text_of

    try:
        parsed = parse_json(text_of(body))
    except (ValueError, RecursionError) as error:
        raise _unreadable() from error

    if not isinstance(parsed, dict):
        raise _unreadable()

    return parsed


def id_in(body: Mapping[str, Any], facts: WebhookFacts) -> str:
    """Return the provider's id of the job that an event is about.

    Raises:
        WebhookRefusedError: It names none that could be one.
    """
    for place in facts.job_id:
        value = value_at(body, place)
        if isinstance(value, str | int) and not isinstance(value, bool) and is_id(str(value)):
            return str(value)

    raise _unreadable()


def status_in(body: Mapping[str, Any], facts: WebhookFacts) -> str:
    """Return the provider's word for how the job stands; empty where there is none."""
    status = next((value_at(body, one) for one in facts.status if value_at(body, one)), "")
    return status[:LONGEST_STATUS] if isinstance(status, str) else ""


def _not_ours() -> WebhookRefusedError:
    return WebhookRefusedError(
        "The address of the webhook is none of this gateway's: it ends in the name of a provider "
        "that calls back, or in what webhook_url was extended by",
        reason="not_ours",
    )


def _unreadable() -> WebhookRefusedError:
    return WebhookRefusedError(
        "The webhook's body names no job of its provider", reason="unreadable"
    )
