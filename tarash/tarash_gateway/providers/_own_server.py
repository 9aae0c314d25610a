"""Servers that users run themselves: `base_url` says where, and a key goes out where one is given.

Nothing of them is known but their wire: whose models they serve is their operator's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .._data._hints import Hint, use_mock
from .._http._client import HttpClient
from .._http._key_lookup import NO_KEY, base_url_variable
from .._support._secrets import AuthHeaders
from ..exceptions import ValidationError
from ._rest import RestAdapter

if TYPE_CHECKING:
    from .._data._exchange import Config
    from .._http._client import Transport
    from .._http._credentials import Credentials
    from ._contract import Ability


class OwnServer(RestAdapter):
    """A server without a host of its own; its adapter's `base_url` is an example, never asked."""

    abilities: frozenset[Ability] = frozenset({"resolve_base_url", "verify_credentials"})
    check_path = "models"
    versions: ClassVar[tuple[str, ...]] = ()
    """What users may write at the end of a base URL that has no path of its own."""

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """None: the key goes to the origin of `base_url` alone."""
        return ()

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key; a server that wants none gets none."""
        return super().find_key(config, environment) or NO_KEY

    def resolve_base_url(self, config: Config, custom: str | None) -> str:
        """Return where the server is.

        Raises:
            ValidationError: Nobody has said it.
        """
        if custom is None:
            variable = base_url_variable(self.name)
            text = f"set base_url= on the config, such as {self.base_url!r}, or {variable}"
            raise ValidationError(
                f"{self.name} has no host of its own: it is a server that you run",
                config.provider,
                config.model,
                submission="not_sent",
                code="no_base_url",
                field="base_url",
                hints=[Hint("set_base_url", text, "base_url", variable), use_mock()],
            )

        url = custom.rstrip("/")
        for version in self.versions:
            url = url.removesuffix(version)

        return url

    def connect(self, account: Credentials, transport: Transport) -> Any:
        """Make a client over the loop's connections."""
        return HttpClient(account, transport, self.credentials(account), self.errors)

    def credentials(self, account: Credentials) -> AuthHeaders:
        """Return the headers that carry the key; of a proxy, `provider_config["headers"]`, too."""
        key, others = account.key.reveal(), account.settings.get("headers") or {}
        own = {} if key == NO_KEY else {"Authorization": f"Bearer {key}"}
        return AuthHeaders({**{str(name): str(value) for name, value in others.items()}, **own})
