"""The keys of the server's clients: made, found again by their hash, rotated and revoked.

They are kept in the gateway's ledger, so that all servers which share it know them, and a revoked
one is refused by all of them at once. A key itself is shown when it is made, and never again. What
the admin does with them is written down in the log, and in the ledger for a year.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from ..ledger._contract import StateLedger, StateRecord

SPACE = "server.keys"
KEY_LABEL = "key"
"""The label of a job that says whose it is."""
MODEL_LABEL = "model"
"""The label of a job that says what the client called its model."""
TOKEN = re.compile(r"tg_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)
EVERY = ("*",)
MOST_PATTERNS = 200
PAGE = 1000
ACTS = "server.audit"
KEPT = timedelta(days=365)
"""How long the admin's acts are."""
NEWEST_FIRST = 10**16
Pattern = Annotated[str, Field(min_length=1, max_length=200)]
log = logging.getLogger("tarash.tarash_gateway.server.audit")


class KeyBudget(BaseModel):
    """What a key may spend in a time.

    Attributes:
        amount: US dollars.
        per: `hour`, `day`, `month`, or `total` for one that never renews.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: Decimal = Field(ge=0, allow_inf_nan=False, max_digits=20, examples=["5.00"])
    per: Literal["hour", "day", "month", "total"] = "total"


class KeyScope(BaseModel):
    """What a key is for.

    Attributes:
        name: For whoever reads the list of keys.
        models: What it may use: ids and aliases, with `*` for anything.
        budget: What it may spend; None for no limit of its own.
        in_flight: How many jobs it may have under way; None for no limit of its own.
        requests_per_minute: How many requests it may make; None for no limit of its own.
        allow_unpriced: Whether a key with a budget, or a request with `max_cost`, may buy what has
            no known price.
        expires_at: When it ends; None for never.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "shop",
                    "models": ["fal/*", "fast-video"],
                    "budget": {"amount": "5.00", "per": "day"},
                    "in_flight": 5,
                    "requests_per_minute": 60,
                }
            ]
        },
    )

    name: str = Field(min_length=1, max_length=100)
    models: tuple[Pattern, ...] = Field(default=EVERY, min_length=1, max_length=MOST_PATTERNS)
    budget: KeyBudget | None = None
    in_flight: int | None = Field(default=None, ge=1, le=1_000_000)
    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    allow_unpriced: bool = False
    expires_at: AwareDatetime | None = None


class ConfiguredKey(KeyScope):
    """A key that the configuration names; it stands in a variable of the environment.

    Attributes:
        key_env: The variable.
    """

    key_env: str = Field(min_length=1)


class ApiKey(KeyScope):
    """A key as it is listed: everything but itself."""

    id: str
    created_at: AwareDatetime


class KeyStore:
    """All keys of a ledger."""

    def __init__(self, ledger: StateLedger, configured: Sequence[ConfiguredKey] = ()) -> None:
        self._ledger = ledger
        self._configured: list[tuple[str, ApiKey]] = []
        now = datetime.now(UTC)
        for known in configured:
            secret = os.environ.get(known.key_env, "")
            if secret:
                scope = known.model_dump(exclude={"key_env"})
                key = ApiKey(**scope, id=f"configured:{known.name}", created_at=now)
                self._configured.append((_hash("", secret), key))

    async def create(self, scope: KeyScope) -> tuple[ApiKey, str]:
        """Make a key; return what is known of it, and the key."""
        while True:
            id_ = secrets.token_hex(8)
            key = ApiKey(**scope.model_dump(), id=id_, created_at=datetime.now(UTC))
            token = await self._write(key, expected=0)
            if token is not None:
                return key, token

    async def rotate(self, key_id: str) -> tuple[ApiKey, str] | None:
        """Give a key another secret; the one before is refused from now on.

        Returns:
            What is known of it, and the key; None where there is none of this id, or it was revoked
            or rotated by somebody else in this moment.
        """
        record = await self._ledger.read_state(SPACE, key_id)
        key = _shown(record)
        if key is None or record is None:
            return None

        token = await self._write(key, expected=record.version)
        return None if token is None else (key, token)

    async def revoke(self, key_id: str) -> bool:
        """Delete a key; return whether there was one."""
        if await self._ledger.read_state(SPACE, key_id) is None:
            return False

        await self._ledger.write_state(SPACE, key_id, None)
        return True

    async def get(self, key_id: str) -> ApiKey | None:
        """Return what is known of a key."""
        return _shown(await self._ledger.read_state(SPACE, key_id))

    async def held(self, key_id: str) -> tuple[ApiKey, str] | None:
        """Return a key that is good, and what changes when it gets another secret."""
        for known, key in self._configured:
            if key.id == key_id:
                return None if _is_over(key) else (key, known)

        record = await self._ledger.read_state(SPACE, key_id)
        shown = _shown(record)
        if record is None or shown is None or _is_over(shown):
            return None

        return shown, f"{record.value['salt']}:{record.value['hash']}"

    async def every(self) -> list[ApiKey]:
        """Return what is known of all keys, by id."""
        keys: list[ApiKey] = []
        after = ""
        while records := await self._ledger.list_states(SPACE, after=after, limit=PAGE):
            keys += [key for record in records if (key := _shown(record)) is not None]
            after = records[-1].name

        return keys

    async def verify(self, token: str) -> ApiKey | None:
        """Return whose key this is; None where it is nobody's."""
        digest = _hash("", token)
        for known, key in self._configured:
            if hmac.compare_digest(known, digest):
                return None if _is_over(key) else key

        match = TOKEN.fullmatch(token)
        record = None if match is None else await self._ledger.read_state(SPACE, match[1])
        value: dict[str, Any] = {"salt": "", "hash": ""} if record is None else record.value
        secret = "" if match is None else match[2]
        if not hmac.compare_digest(_hash(value["salt"], secret), value["hash"]):
            return None

        return _shown(record)

    async def _write(self, key: ApiKey, expected: int) -> str | None:
        salt, secret = secrets.token_hex(16), secrets.token_hex(32)
        value = {**key.model_dump(mode="json"), "salt": salt, "hash": _hash(salt, secret)}
        version = await self._ledger.write_state(
            SPACE, key.id, value, expected=expected, until=key.expires_at
        )
        return None if version is None else f"tg_{key.id}_{secret}"


def _is_over(key: ApiKey) -> bool:
    return key.expires_at is not None and key.expires_at <= datetime.now(UTC)


def _hash(salt: str, secret: str) -> str:
    """Return what is kept of a secret: it has 256 random bits, so that none can be guessed."""
    return hashlib.sha256(f"{salt}:{secret}".encode()).hexdigest()


def _shown(record: StateRecord | None) -> ApiKey | None:
    if record is None:
        return None

    kept = {name: value for name, value in record.value.items() if name not in ("salt", "hash")}
    return ApiKey.model_validate(kept)


async def write_act(
    states: StateLedger, act: str, what: str, *, address: str | None, request_id: str | None = None
) -> None:
    """Write down what the admin does.

    Args:
        states: The ledger.
        act: A word for it, such as `key.created`.
        what: To what, such as the id of a key; never a secret.
        address: From where.
        request_id: By which request.
    """
    now = datetime.now(UTC)
    entry = {
        "at": now.isoformat(),
        "act": act,
        "what": what,
        "address": address,
        "request_id": request_id,
    }
    log.info("%s %s by the admin from %s", act, what, address)
    # Names are read in their order: the newest has the smallest.
    name = f"{NEWEST_FIRST - time.time_ns() // 1000:016d}-{uuid.uuid4().hex[:8]}"
    await states.write_state(ACTS, name, entry, until=now + KEPT)
