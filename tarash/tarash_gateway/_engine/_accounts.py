"""Who asks a provider for a job: with the key that bought it, where it was bought, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from .._http import _key_lookup as _settings
from ..exceptions import AuthenticationError, TarashException, ValidationError
from ._key_fingerprints import fits, lasting_key

if TYPE_CHECKING:
    from .._data._exchange import Config
    from .._http._credentials import Credentials
    from ..providers._contract import Adapter, TokenAdapter
    from ..providers._registry import Registry
    from ._attempt import Attempt


def account_of(adapter: Adapter, attempt: Attempt, registry: Registry) -> Credentials:
    """Return who talks to whom in an attempt; the attempt's config has that key from now on.

    Raises:
        AuthenticationError: There is no key, or none that may be sent there.
    """
    call = attempt.call
    variable = registry.environment_variable(call.config.provider)
    if call.mark is None or call.mocked:
        return _settings.account(adapter, call.config, variable)

    begun = attempt.operation is not None or attempt.intent is not None
    for config in _candidates(adapter, call.config, call.mark if begun else {}):
        try:
            account = _settings.account(adapter, config, variable)
        except TarashException:
            continue  # which the last line says, where nothing else fits

        key = account.key.reveal()
        if fits(call.mark, lasting_key(adapter, config, account)) or fits(call.mark, key):
            known = config.model_copy(update={"api_key": key})
            attempt.call = replace(call, config=known)
            return account

    account = _settings.account(adapter, call.config, variable)
    if begun and call.mark.get("key"):
        raise _another_key(attempt, call.mark.get("host", account.base_url))

    row = registry.row(call.config.provider)
    is_open = row is not None and row.own_server and account.key.reveal() == _settings.NO_KEY
    if is_open or call.config.api_key or _is_known_here(adapter, call.config, account):
        return account

    raise AuthenticationError(
        f"The ledger names {_shown(account.base_url)} for {call.config.provider}, and the key from "
        "the environment is not sent there unless the environment names that host, too; give a key "
        f"for it: api_keys={{({call.config.provider!r}, {call.config.base_url!r}): …}}",
        submission=attempt.submission or "not_sent",
    )


def _candidates(adapter: Adapter, config: Config, mark: Mapping[str, str]) -> Iterator[Config]:
    """Yield the config with the key that was given, and with the environment's, where it bought."""
    host = mark.get("host")
    if host and _place(adapter, config) != host:
        config = config.model_copy(update={"base_url": host})

    if config.api_key and "with_token" in adapter.abilities:
        with_token = cast("TokenAdapter", adapter).with_token(config, config.api_key)
        if with_token is not None:
            yield with_token

    yield config
    if config.api_key:
        yield config.model_copy(update={"api_key": None})


def _place(adapter: Adapter, config: Config) -> str | None:
    """Return where a config leads now; None for nowhere: a server of the user's own."""
    try:
        return _settings.base_url(adapter, config)
    except ValidationError:
        return None


def _is_known_here(adapter: Adapter, config: Config, account: Credentials) -> bool:
    """Tell whether a host is the provider's own, or the one that this environment names."""
    own = _place(adapter, config.model_copy(update={"base_url": None}))
    return account.base_url in (own, adapter.base_url)


def _another_key(attempt: Attempt, host: str) -> AuthenticationError:
    provider = attempt.call.config.provider
    return AuthenticationError(
        f"The job {attempt.request_id} was bought at {_shown(host)} with another key than those at "
        f"hand, and they are not sent there; give the one that bought it: "
        f"api_keys={{({provider!r}, {_shown(host)!r}): …}}. If that key was replaced, wait for the "
        "job by its token, with a config that has the new one",
        submission=attempt.submission,
    )


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def has_secrets_of(account: Credentials, config: Config) -> bool:
    """Tell whether those of an account are all secrets that a config holds itself."""
    is_same = config.api_key is None or config.api_key == account.key.reveal()
    return is_same and config.provider_config is account.settings
