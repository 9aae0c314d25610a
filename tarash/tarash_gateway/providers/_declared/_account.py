"""The account of a declared provider: key, region, settings, headers, and who may see the key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ..._data._exchange import (
    MediaConstraints,
    MediaSupport,
)
from ..._http._client import HttpClient
from ...exceptions import ValidationError as Refusal
from .._rest import RestAdapter
from ._client import headers_of
from ._model import ProviderDeclaration, Setting
from ._rules import DeclaredRules

if TYPE_CHECKING:
    from ..._data._exchange import Config
    from ..._http._client import Transport
    from ..._http._credentials import Credentials


class DeclaredAccount(RestAdapter):
    """Whose requests these are, where they go, and what each stage reads of the declaration."""

    def __init__(self, said: ProviderDeclaration) -> None:
        self.said = said
        self.name = said.name
        self.base_url = said.account.base_url
        self.key_variables = said.account.variables
        self.makes = said.makes
        self.check_path = said.account.check
        self.min_poll_interval = said.poll.pace if said.poll is not None else 1.0
        media = said.media
        self.accepts = MediaSupport(
            url=media.url,
            content=None if media.inline == "none" else "data_uri",
            largest_inline=media.largest_inline,
            images=MediaConstraints(media.image_types, media.largest_image),
        )
        self.errors = self.rules = DeclaredRules.of(said)
        self.unknown: set[str] = set()

    # ------------------------------------------------------------------------------------- account
    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """The hosts of all regions, and those that are declared."""
        account = self.said.account
        bases = (account.base_url, *account.regions.values())
        hosts = [urlsplit(base).hostname or "" for base in bases if "{" not in base]
        return tuple(dict.fromkeys([*filter(None, hosts), *account.trusted_hosts]))

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key; for a signed token also the pair of id and secret."""
        found = super().find_key(config, environment)
        auth = self.said.account.auth
        if found or auth.type != "jwt":
            return found

        pair = [
            self._setting(name, config.provider_config, environment)
            for name in (auth.id_setting, auth.secret_setting)
        ]
        return ":".join(map(str, pair)) if all(pair) else None

    def _setting(
        self, name: str, given: Mapping[str, Any], environment: Mapping[str, str]
    ) -> str | None:
        setting = self.said.account.settings.get(name, Setting())
        found = given.get(name) or environment.get(setting.variable or "") or setting.default
        return None if found is None else str(found)

    def _settings(self, given: Mapping[str, Any]) -> dict[str, str]:
        names = self.said.account.settings
        found = {name: self._setting(name, given, os.environ) for name in names}
        return {name: value for name, value in found.items() if value}

    def resolve_base_url(self, config: Config, custom: str | None) -> str:
        """Return the user's base URL, else that of the region.

        Raises:
            ValidationError: There is no such region.
        """
        account = self.said.account
        region = config.provider_config.get("region") or os.environ.get(
            account.region_variable or ""
        )
        if custom or not region:
            return custom or self.filled(account.base_url, self._settings(config.provider_config))

        if region not in account.regions:
            raise Refusal(
                f"{self.said.title} has no region {region!r}; it has: {', '.join(account.regions)}",
                submission="not_sent",
            )

        return self.filled(account.regions[region], self._settings(config.provider_config))

    @staticmethod
    def filled(text: str, values: Mapping[str, str], *, quoted: bool = False) -> str:
        """Return text with settings in the places of their names."""
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", quote(value, safe="") if quoted else value)

        return text

    def connect(self, account: Credentials, transport: Transport) -> HttpClient:
        """Make a client over the loop's connections."""
        said = self.said.account
        values = self._settings(account.settings)
        filled = {name: self.filled(text, values) for name, text in said.headers.items()}
        others = {name: text for name, text in filled.items() if "{" not in text}
        headers = headers_of(said.auth, account.key.reveal(), others)
        return HttpClient(account, transport, headers, self.errors)
