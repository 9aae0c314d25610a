"""What the application stands on: one gateway, its keys, its running jobs and its media."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, cast

from fastapi import Request

from ..exceptions import ValidationError
from ._driving import Drivers, Inbox
from ._key_store import KeyStore
from ._limits import COPIES, Room, TokenBuckets
from ._middleware import Metrics, telemetry_of
from ._model_names import ModelNames
from ._result_folder import ResultFolder, usual_folder
from ._sessions import SessionStore
from ._uploads import Uploads
from ._webhooks import Webhooks

if TYPE_CHECKING:
    from .._jobs._gateway import Gateway
    from ..ledger._contract import StateLedger
    from ._settings import ServerSettings

SECRETS = "server.secrets"
SIGNING = "links"


class AppState:
    """Everything that routes share."""

    def __init__(self, gateway: Gateway, settings: ServerSettings, admin_key: str | None) -> None:
        ledger = gateway.ledger
        if not getattr(ledger, "keeps_state", False):
            raise ValidationError(
                f"{type(ledger).__name__} keeps no states, which the server's keys are kept as; "
                "give the gateway a ledger of this package, such as sqlite:///jobs.db"
            )

        self.gateway = gateway
        self.settings = settings
        self.states = cast("StateLedger", ledger)
        self.keys = KeyStore(self.states, settings.keys)
        self.webhooks: Webhooks | None = None
        hooks = settings.webhooks
        if hooks is not None and hooks.url is not None:
            self.webhooks = Webhooks(hooks, gateway, self.states)
        self.models = ModelNames(gateway, settings)
        folder = settings.media or usual_folder()
        self.result_folder = ResultFolder(folder)
        self.room = Room(settings.memory_bytes, settings.queue_seconds, copies=COPIES)
        self.disk = Room(settings.spool_bytes, settings.queue_seconds, "disk")
        self.uploads = Uploads(folder.expanduser().absolute(), self.states, settings)
        self.drivers = Drivers(
            gateway, self.states, self.webhooks, settings.sweep_seconds, self.models.keys_of
        )
        self.telemetry = telemetry_of(gateway)
        self.inbox = Inbox(gateway, self.drivers, self.telemetry)
        self.metrics = Metrics()
        self.pace = TokenBuckets()
        self.failures = TokenBuckets()
        self._admin = None if admin_key is None else _digest(admin_key)
        self.sessions = SessionStore(self.states, self.keys, self._admin, settings.session_seconds)

    def is_admin_key(self, token: str) -> bool:
        """Tell whether this is the admin's key."""
        return self._admin is not None and hmac.compare_digest(_digest(token), self._admin)

    def is_secure(self, request: Request) -> bool:
        """Tell whether browsers reach the server by TLS, which may end before it."""
        public = self.settings.public_url or ""
        return request.url.scheme == "https" or public.startswith("https:")

    async def signing_secret(self) -> bytes:
        """Return what links are signed with: the same for all servers that share the ledger."""
        record = await self.states.read_state(SECRETS, SIGNING)
        if record is None:
            made = {"secret": secrets.token_hex(32)}
            await self.states.write_state(SECRETS, SIGNING, made, expected=0)
            record = await self.states.read_state(SECRETS, SIGNING)

        assert record is not None  # noqa: S101  (it was written, by us or by another)
        return bytes.fromhex(record.value["secret"])


def app_state_of(request: Request) -> AppState:
    """Return what the application of a request stands on."""
    app_state: AppState = request.app.state.app_state
    return app_state


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
