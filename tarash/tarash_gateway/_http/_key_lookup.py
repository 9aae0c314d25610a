"""Where keys and base URLs come from: the config, then the environment. Reads none at import."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from .._data._hints import set_key, use_mock
from .._data._types import misuse_of_address
from .._support._secrets import Key, plain_key, why_more_than_a_key, why_no_header
from ..exceptions import AuthenticationError, ValidationError
from ._credentials import Credentials

if TYPE_CHECKING:
    from .._data._exchange import Config
    from ..providers._contract import (
        Adapter,
        AdapterDefaults,
        LocatingAdapter,
        ManyKeysAdapter,
    )


NO_KEY = "none"
"""Stands for the key where credentials of another kind serve."""


def base_url(adapter: Adapter, config: Config) -> str:
    """Return `base_url`, else the variable TARASH_<PROVIDER>_BASE_URL, else the provider's host.

    An adapter with a method `resolve_base_url` has the last word: its host may depend on the
    config.
    """
    return _resolved(adapter, config, _custom_base_url(adapter, config))


def _resolved(adapter: Adapter, config: Config, custom: str | None) -> str:
    if "resolve_base_url" in adapter.abilities:
        return cast("LocatingAdapter", adapter).resolve_base_url(config, custom)

    return custom or adapter.base_url


def _custom_base_url(adapter: Adapter, config: Config) -> str | None:
    # Where every customer has a host of their own, the vendor's SDK has a variable for it.
    variables = (base_url_variable(adapter.name), adapter.base_url_variable)
    from_variables = (_from_environment(name, config) for name in variables)
    given = config.base_url or next(filter(None, from_variables), None)
    return _completed(given, urlsplit(adapter.base_url).path.rstrip("/")) if given else None


def _from_environment(name: str, config: Config) -> str | None:
    value = os.environ.get(name, "").strip()
    wrong = misuse_of_address(value) if value else None
    if wrong is not None:
        raise ValidationError(
            f"The environment variable {name} {wrong}",
            config.provider,
            config.model,
            submission="not_sent",
        )

    return value or None


@lru_cache(maxsize=256)
def base_url_variable(provider: str) -> str:
    """Return the environment variable that replaces a provider's host."""
    return f"TARASH_{provider.upper().replace('-', '_')}_BASE_URL"


def _completed(base_url: str, path: str) -> str:
    """Return a user's base URL with the path that the provider's own has.

    Forgives a bare origin, and a version segment that is there twice.
    """
    base_url = base_url.rstrip("/")
    if not path:
        return base_url

    if not urlsplit(base_url).path:
        return f"{base_url}{path}"

    return re.sub(rf"({re.escape(path)})(?:/v\d+)+$", r"\1", base_url)


class Variables(Mapping[str, str]):
    """The environment, as keys are read from it, and which of its variables somebody asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.names.append(name)
        return plain_key(os.environ[name])

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def _source(adapter: Adapter, config: Config, key: Key) -> str:
    """Return where a key came from, in words."""
    asked = Variables()
    adapter.find_key(config, asked)
    candidates = [
        name for name in asked.names
        if plain_key(os.environ.get(name, "")) in ("", key.reveal())
    ]  # fmt: skip
    named = [name for name in candidates if os.environ.get(name)]
    if config.api_key is None and named:
        return f"the variable {named[0]}"

    given = config.api_key is not None and plain_key(config.api_key) == key.reveal()
    return "api_key= on the config" if given else "provider_config or the environment"


def why_no_key(adapter: Adapter, key: str) -> str | None:
    """Return why a plain key can't be sent to a provider, in words that don't tell it."""
    why = why_no_header(key)
    return why_more_than_a_key(key) if why is None and not has_own_scheme(adapter) else why


def has_own_scheme(adapter: Adapter) -> bool:
    """Tell whether a key may rightly begin with `Bearer` or the like: it is sent as it is."""
    return cast("AdapterDefaults", adapter).key_has_scheme


def account(adapter: Adapter, config: Config, environment_variable: str | None) -> Credentials:
    """Return who talks to whom for a config.

    Raises:
        AuthenticationError: There is no key; the message names the environment variable.
    """
    key = Key(plain_key(adapter.find_key(config, Variables()) or ""))
    problem = why_no_key(adapter, key.reveal())
    if problem is not None:
        raise AuthenticationError(
            f"The key for {config.provider}, from {_source(adapter, config, key)}, {problem}; "
            "copy it again, by itself",
            config.provider,
            config.model,
            submission="not_sent",
        )

    if not key:
        if "key_variable" in adapter.abilities:
            environment_variable = cast("ManyKeysAdapter", adapter).key_variable(config)

        raise AuthenticationError(
            f"No key for {config.provider}",
            config.provider,
            config.model,
            submission="not_sent",
            code="no_key",
            field="api_key",
            hints=[set_key(environment_variable), use_mock()],
        )

    custom = _custom_base_url(adapter, config)
    return Credentials(
        provider=config.provider,
        base_url=_resolved(adapter, config, custom),
        key=key,
        trusted_hosts=adapter.trusted_hosts,
        api_version=config.api_version,
        settings=config.provider_config,
        custom_base_url=custom is not None,
        max_media_bytes=config.max_media_bytes,
        allow_private_urls=config.allow_private_urls,
    )
