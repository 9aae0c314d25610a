"""OpenAI, and every server that speaks its wire: `base_url` leads there.

Wire facts are in `_openai_wire`; here is who talks to whom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..._data._webhooks import WebhookFacts
from ..._http._sdk import http_client, library_of
from ..._support._secrets import AuthHeaders, Key, bearer
from .._abilities import CallsBack
from .._finding import operation_of
from .._openai_wire import OpenAIClient, OpenAIWire

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config, Operation, Payload
    from ..._http._client import Transport
    from ..._http._credentials import Credentials

NAMESPACE = "openai/"
WEBHOOK = WebhookFacts(
    scheme="standard_hmac",
    job_id=("data.id",),
    status=("type",),
    variable="OPENAI_WEBHOOK_SECRET",
)


class OpenAIAdapter(CallsBack, OpenAIWire):
    """OpenAI's images and videos, by the contract of adapters."""

    name = "openai"
    base_url = "https://api.openai.com/v1"
    trusted_hosts = ("api.openai.com",)
    abilities = OpenAIWire.abilities | {"webhook"}
    callback = WEBHOOK

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key: `api_key`, else OPENAI_API_KEY."""
        return config.api_key or environment.get("OPENAI_API_KEY")

    def job_named(
        self, client: OpenAIClient, payload: Payload, call: Call, job_id: str
    ) -> Operation:
        """Return the job of a submit whose answer was lost, by its id."""
        del payload
        return operation_of(client, call, job_id)

    def connect(self, account: Credentials, transport: Transport) -> OpenAIClient:
        """Make a client; `organization` and `project` of `provider_config` go with each request."""
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        async def authorize() -> tuple[Key, AuthHeaders]:
            return account.key, bearer(account.key)

        return OpenAIClient(
            account,
            transport,
            AsyncOpenAI(
                api_key=account.key.reveal(),
                base_url=account.base_url,
                organization=account.settings.get("organization"),
                project=account.settings.get("project"),
                max_retries=0,
                http_client=http_client(library_of(DefaultAsyncHttpxClient), transport),
            ),
            authorize,
        )

    def model_id(self, model: str) -> str:
        """Return the id without the namespace that other catalogues put before it."""
        return model.removeprefix(NAMESPACE)


adapter = OpenAIAdapter()
