"""Sessions of the page: a cookie that stands for a key, for some hours and never longer than it.

The ledger keeps a hash of the cookie, and what ties it to the key: a session ends when the key is
revoked, rotated or expired, on all servers at once. Nothing that is kept is good to sign in with.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ledger._contract import StateLedger
    from ._key_store import ApiKey, KeyStore

SPACE = "server.sessions"
ADMIN_ID = "admin"
"""In the place of a key's id in the sessions of the admin."""
TOKEN = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    """Who has signed in.

    Attributes:
        id: The session's.
        key: Whose key it stands for; None for the admin's.
        csrf: What every write has to bring along, since a page of another site can't know it.
        expires_at: When it ends.
    """

    id: str
    key: ApiKey | None
    csrf: str
    expires_at: datetime


class SessionStore:
    """All sessions of a ledger."""

    def __init__(
        self, states: StateLedger, keys: KeyStore, admin: bytes | None, seconds: float
    ) -> None:
        self._states = states
        self._keys = keys
        self._admin = admin
        self._seconds = seconds

    async def create(self, key: ApiKey | None) -> tuple[Session, str] | None:
        """Begin a session.

        Args:
            key: Whose; None for the admin.

        Returns:
            The session, and its cookie; None where the key was revoked in this moment.
        """
        key_id = ADMIN_ID if key is None else key.id
        held = await self._held(key_id)
        if held is None:
            return None

        session_id, secret = secrets.token_hex(16), secrets.token_hex(32)
        ends = datetime.now(UTC) + timedelta(seconds=self._seconds)
        if key is not None and key.expires_at is not None:
            ends = min(ends, key.expires_at)

        kept = {
            "hash": _digest(secret),
            "key": key_id,
            "proof": _tied(secret, held[1]),
            "expires_at": ends.isoformat(),
        }
        await self._states.write_state(SPACE, session_id, kept, expected=0, until=ends)
        return Session(session_id, key, _csrf(secret), ends), f"{session_id}.{secret}"

    async def verify(self, token: str) -> Session | None:
        """Return whose cookie this is; None where it is nobody's, or not any more."""
        match = TOKEN.fullmatch(token)
        record = None if match is None else await self._states.read_state(SPACE, match[1])
        if match is None or record is None:
            return None

        value, secret = record.value, match[2]
        ends = datetime.fromisoformat(value["expires_at"])
        if not hmac.compare_digest(_digest(secret), value["hash"]) or ends <= datetime.now(UTC):
            return None

        held = await self._held(value["key"])
        if held is None or not hmac.compare_digest(_tied(secret, held[1]), value["proof"]):
            return None

        return Session(match[1], held[0], _csrf(secret), ends)

    async def end(self, session: Session) -> None:
        """End a session, on all servers that share the ledger."""
        await self._states.write_state(SPACE, session.id, None)

    async def _held(self, key_id: str) -> tuple[ApiKey | None, bytes] | None:
        """Return a key, and what changes whenever it becomes another one; None where it is gone."""
        if key_id == ADMIN_ID:
            return None if self._admin is None else (None, self._admin)

        held = await self._keys.held(key_id)
        return None if held is None else (held[0], held[1].encode())


def _digest(secret: str) -> str:
    """Return what is kept of a cookie: it has 256 random bits, so that none can be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _tied(secret: str, proof: bytes) -> str:
    """Return what ties a session to a key.

    Under the cookie's secret, which is not kept: what the ledger has of an admin's key is then no
    help to whoever would guess it.
    """
    return hmac.new(secret.encode(), b"key:" + proof, hashlib.sha256).hexdigest()


def _csrf(secret: str) -> str:
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()
