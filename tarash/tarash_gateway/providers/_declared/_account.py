"""The account of a declared provider: key, region, settings, headers, and who may see the key."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from ..._data._exchange import (
    MediaConstraints,
    MediaSupport,
)
from ..._http._client import HttpClient, checked, join, segment, segments
from ..._http._key_lookup import base_url
from ...exceptions import UnsupportedOperationError
from ...exceptions import ValidationError as Refusal
from .._rest import RestAdapter
from ._client import QueryClient, headers_of
from ._model import ProviderDeclaration, Setting
from ._rules import DeclaredRules

if TYPE_CHECKING:
    from ..._data._exchange import Config
    from ..._http._client import Transport
    from ..._http._credentials import Credentials


FORMS: Mapping[str, Any] = {
    "none": None, "data_uri": "data_uri", "base64": "data_uri", "part": "bytes",
}  # fmt: skip
HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NOT_FOUND = 404
VERSION = re.compile(r"(?:/v\d\w*)+$")


class DeclaredAccount(RestAdapter):
    """Whose requests these are, where they go, and what each stage reads of the declaration."""

    def __init__(self, declaration: ProviderDeclaration) -> None:
        self.said = declaration
        self.name = declaration.name
        self.base_url = declaration.account.base_url
        self.base_url_variable = declaration.account.base_url_variable
        self.key_variables = declaration.account.variables
        self.makes = declaration.makes
        self.check_path = declaration.account.check
        self.min_poll_interval = min((poll.pace for poll in declaration.poll), default=1.0)
        media = declaration.media
        self.accepts = MediaSupport(
            url=media.url,
            content=FORMS[media.inline],
            largest_inline=media.largest_inline,
            largest_together=media.largest_together,
            upload=declaration.upload is not None or "upload" in declaration.hooks,
            references=declaration.references,
            images=MediaConstraints(
                media.image_types,
                media.largest_image,
                shortest_side=media.shortest_side,
                longest_side=media.longest_side,
            ),
        )
        self.errors = self.rules = DeclaredRules.of(declaration)
        if any(product.variables for product in declaration.account.products):
            self.key_variable = self._key_variable

        if declaration.account.regions:
            self.region_of = self._region_of

        paths = [
            *(poll.path for poll in declaration.poll),
            *(cancel.path for cancel in declaration.cancel),
            *(result.fetch or "" for result in declaration.result),
        ]
        self.needs_path = any("{path}" in path for path in paths)

    # ------------------------------------------------------------------------------------- account
    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """The hosts of all regions, and those that are declared."""
        account = self.said.account
        hosts = [urlsplit(base).hostname or "" for base in account.bases if "{" not in base]
        return tuple(dict.fromkeys([*filter(None, hosts), *account.trusted_hosts]))

    @property
    def key_has_scheme(self) -> bool:
        """As of any adapter: by the declared header."""
        auth = self.said.account.auth
        is_bare = auth.type == "header" and not auth.prefix.strip()
        return is_bare and auth.header.lower() == "authorization"

    def find_key(self, config: Config, environment: Mapping[str, str]) -> str | None:
        """Return the key; for a signed token also the pair of id and secret."""
        product = self.said.account.product_of(config.model)
        if product is not None and product.variables:
            key = config.api_key or next(
                filter(None, map(environment.get, product.variables)), None
            )
        else:
            key = super().find_key(config, environment)

        auth = self.said.account.auth
        if key or auth.type != "jwt":
            return key

        pair = [
            self._setting(name, config.provider_config, environment)
            for name in (auth.id_setting, auth.secret_setting)
        ]
        return ":".join(map(str, pair)) if all(pair) else None

    def _key_variable(self, config: Config) -> str:
        """Return where the key of the model's product is read from."""
        product = self.said.account.product_of(config.model)
        variables = (*(() if product is None else product.variables), *self.key_variables)
        return next(iter(variables), "")

    def _setting(
        self, name: str, given: Mapping[str, Any], environment: Mapping[str, str]
    ) -> str | None:
        setting = self.said.account.settings.get(name, Setting())
        value = given.get(name) or environment.get(setting.variable or "") or setting.default
        return None if value is None else str(value)

    def settings(self, given: Mapping[str, Any]) -> dict[str, str]:
        names = self.said.account.settings
        settings = {name: self._setting(name, given, os.environ) for name in names}
        return {name: value for name, value in settings.items() if value}

    def _asked_region(self, config: Config) -> Any:
        variable = os.environ.get(self.said.account.region_variable or "")
        return config.provider_config.get("region") or variable

    def _region_of(self, config: Config) -> str | None:
        """Return the region whose host a call goes to; of other hosts the one that is asked for."""
        values = self.settings(config.provider_config)
        host = urlsplit(base_url(self, config)).hostname
        for region, bases in self.said.account.regions.items():
            for base in (bases,) if isinstance(bases, str) else bases:
                if urlsplit(self.filled(base, values)).hostname == host:
                    return region

        asked = self._asked_region(config)
        return str(asked) if asked else None

    def resolve_base_url(self, config: Config, custom: str | None) -> str:
        """Return the user's base URL, else that of the region.

        Raises:
            ValidationError: There is no such region, or a setting that is part of the address is
                missing, or is no name of a host.
        """
        account = self.said.account
        asked = self._asked_region(config)
        product = None if asked else account.product_of(config.model)
        base_url = account.base_url if product is None else product.base_url
        if custom and account.products:
            return at_product(custom, base_url, account.bases)

        if custom:
            return with_version(custom, base_url)

        if product is not None:
            return self._base((base_url,), config)

        region = asked or account.region
        if not region:
            return self._base((account.base_url,), config)

        if region not in account.regions:
            raise Refusal(
                f"{self.said.title} has no region {region!r}; it has: {', '.join(account.regions)}",
                submission="not_sent",
            )

        bases = account.regions[region]
        return self._base((bases,) if isinstance(bases, str) else bases, config)

    def _base(self, bases: tuple[str, ...], config: Config) -> str:
        """Return the first address whose settings are all given."""
        values = self.settings(config.provider_config)
        for name, value in values.items():
            if any(f"{{{name}}}" in base for base in bases) and not HOST_NAME.fullmatch(value):
                raise Refusal(
                    f"{self.said.title}: {name}={value!r} is no part of a host's name",
                    submission="not_sent",
                )

        filled = [self.filled(base, values) for base in bases]
        whole = next((url for url in filled if "{" not in url), None)
        if whole is None:
            missing = ", ".join(re.findall(r"\{(\w+)\}", filled[-1]))
            raise Refusal(
                f"{self.said.title} needs {missing} in provider_config for its address",
                submission="not_sent",
            )

        return whole

    @staticmethod
    def filled(text: str, values: Mapping[str, str]) -> str:
        """Return text with settings in the places of their names."""
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)

        return text

    @staticmethod
    def path_of(text: str, values: Mapping[str, str]) -> str:
        """Return a path, and its query, with values in the places of their names.

        Raises:
            ValidationError: One of them would lead elsewhere.
        """
        path, mark, query = text.partition("?")
        for name, value in values.items():
            place = f"{{{name}}}"
            if place in path:
                part = segments if name == "model" else segment
                path = path.replace(place, part(value) if value else value)

            query = query.replace(place, quote(value, safe=""))

        return f"{path}{mark}{query}"

    def connect(self, account: Credentials, transport: Transport) -> HttpClient:
        """Make a client over the loop's connections."""
        declared = self.said.account
        values = self.settings(account.settings)
        filled = {name: self.filled(text, values) for name, text in declared.headers.items()}
        others = {name: text for name, text in filled.items() if "{" not in text}
        headers = headers_of(declared.auth, account.key.reveal(), others)
        if declared.auth.type == "query":
            return QueryClient(declared.auth.parameter, account, transport, headers, self.errors)

        return HttpClient(account, transport, headers, self.errors)

    async def verify_credentials(self, client: Any) -> None:
        """Ask for something free that wants a key; an error inside a good answer is one."""
        product = self.said.account.product_at(client.account.base_url)
        check = (None if product is None else product.check) or self.check_path
        if check is None:
            raise UnsupportedOperationError(f"{self.said.title} has nothing free to ask for")

        values = {**self.settings(client.account.settings), "nobody": str(uuid4())}
        answer = await client.get(
            join(client.account.base_url, self.path_of(check, values)), any_status=True
        )
        if answer.status == NOT_FOUND and "{nobody}" in check:
            return

        if self.rules.is_refusal(checked(answer, self.errors).body):
            raise self.rules.in_good_answer(answer)


def at_product(custom: str, declared: str, others: Iterable[str]) -> str:
    """Return a user's base URL with a product's path, whichever product's path it was given with.

    Args:
        custom: As the user gave it.
        declared: The vendor's, of the product that is asked.
        others: The vendor's, of all products.
    """
    names = {name for other in others for name in urlsplit(other).path.split("/") if name}
    root, path = custom.rstrip("/"), urlsplit(custom).path
    while path.strip("/") and root.rpartition("/")[2] in names:
        root = root.rpartition("/")[0].rstrip("/")
        path = urlsplit(root).path

    return root + urlsplit(declared).path.rstrip("/")


def with_version(custom: str, declared: str) -> str:
    """Return a user's base URL with the version that the vendor's has, given once.

    A bare host gets the whole path; a version where the vendor's paths bring their own goes.
    """
    custom = custom.rstrip("/")
    wanted, given = urlsplit(declared).path.rstrip("/"), urlsplit(custom).path
    if not given:
        return custom + wanted

    if wanted and given.endswith(wanted * 2):
        return custom.removesuffix(wanted)

    return VERSION.sub("", custom) if not wanted else custom
