"""Azure OpenAI: OpenAI's wire at a customer's own resource, with deployments in place of models.

Images and videos go to the v1 paths; images also to the older ones, which a dated `api_version`
asks for. Wire facts are in `_openai_wire`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from anyio import to_thread

from ..._http._key_lookup import NO_KEY
from ..._http._sdk import http_client, library_of
from ..._http._urls import segment
from ..._support._secrets import AuthHeaders, Key, bearer
from ...catalog import lookup
from ...exceptions import AuthenticationError, ValidationError
from .._openai_wire import OpenAIClient, OpenAIWire

if TYPE_CHECKING:
    from ..._data._exchange import Call, Config
    from ..._http._client import Transport
    from ..._http._credentials import Credentials
    from ...catalog import ModelSpec

TOKEN = "azure_ad_token"  # noqa: S105  (the setting's name)
TOKEN_PROVIDER = "azure_ad_token_provider"  # noqa: S105  (the same)
JWT = "eyJ"
"""What every Entra token begins with."""
DATED = re.compile(r"\d{4}-\d{2}-\d{2}")


class AzureOpenAIAdapter(OpenAIWire):
    """Azure OpenAI's images and videos, by the contract of adapters."""

    abilities = OpenAIWire.abilities | {"with_token"}
    name = "azure-openai"
    base_url = "https://YOUR-RESOURCE.openai.azure.com/openai"
    base_url_variable = "AZURE_OPENAI_ENDPOINT"
    trusted_hosts = ()

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key, unless `provider_config` has an Entra token or gives out tokens."""
        if callable(config.provider_config.get(TOKEN_PROVIDER)):
            return NO_KEY

        token: str | None = config.provider_config.get(TOKEN)
        return token or config.api_key or environment.get("AZURE_OPENAI_API_KEY")

    def has_token(self, config: Config) -> bool:
        """Tell whether a config has an Entra token, or what gives them out."""
        return any(config.provider_config.get(name) for name in (TOKEN, TOKEN_PROVIDER))

    def with_token(self, config: Config, token: str) -> Config | None:
        """Return a config with an Entra token; None where it has one, or this is a key."""
        if self.has_token(config) or not token.startswith(JWT):
            return None

        return config.model_copy(
            update={"provider_config": {**config.provider_config, TOKEN: token}}
        )

    def connect(self, account: Credentials, transport: Transport) -> OpenAIClient:
        """Make a client for the resource that `base_url` names.

        Raises:
            ValidationError: There is no `base_url`.
        """
        if not account.custom_base_url:
            raise ValidationError(
                "azure-openai needs to know the resource: set base_url= on the config to its "
                f"endpoint (https://NAME.openai.azure.com), or the variable "
                f"{self.base_url_variable}",
                account.provider,
                submission="not_sent",
            )

        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Omit

        async def authorize() -> tuple[Key, AuthHeaders]:
            token = await _token(account)
            if token is not None:
                return token, bearer(token)

            headers = {"api-key": account.key.reveal(), "Authorization": Omit()}
            return account.key, AuthHeaders(headers)

        return OpenAIClient(
            account,
            transport,
            AsyncOpenAI(
                api_key=account.key.reveal(),
                base_url=account.base_url,
                max_retries=0,
                http_client=http_client(library_of(DefaultAsyncHttpxClient), transport),
            ),
            authorize,
        )

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Return what the deployment takes: by its `base_model`, where the config names it."""
        base_model = call.config.provider_config.get("base_model")
        if base_model and spec.generic:
            known = lookup(self.name, str(base_model), call.kind)
            spec = replace(known, provider=spec.provider, model=spec.model)

        return super().resolve_spec(call, spec)

    def path(self, path: str, api_version: str | None, model: str) -> str:
        """Return the v1 path; for images and a dated `api_version`, that of the deployment."""
        dated = DATED.match(api_version or "")
        if dated and path.startswith("images/"):
            return f"deployments/{segment(model)}/{path}?api-version={api_version}"

        # The v1 paths know `preview` and `latest`, and no dates.
        query = f"?api-version={api_version}" if api_version and not dated else ""
        return f"v1/{path}{query}"


async def _token(account: Credentials) -> Key | None:
    """Return an Entra token, where the account works with them.

    Raises:
        AuthenticationError: There is none to be had.
    """
    provider = account.settings.get(TOKEN_PROVIDER)
    if not callable(provider):
        given = account.settings.get(TOKEN)
        return None if given is None else Key(given)

    # Identity libraries have blocking functions, which may ask the network for a new token.
    is_async = inspect.iscoroutinefunction(provider)
    token = provider() if is_async else await to_thread.run_sync(provider)
    if inspect.isawaitable(token):
        token = await token

    if not isinstance(token, str) or not token:
        raise AuthenticationError(
            f"{TOKEN_PROVIDER} gave no token; it must return one, or a coroutine that does",
            account.provider,
            submission="not_sent",
        )

    return Key(token)


adapter = AzureOpenAIAdapter()
