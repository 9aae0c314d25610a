"""With which key a config buys, and where: kept in a ledger, so that no other key goes there.

A fingerprint is plain JSON: the host, and a salted hash that nobody can make the key of.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from .._http import _key_lookup as _settings
from ..exceptions import TarashException

if TYPE_CHECKING:
    from .._data._exchange import Call, Config
    from .._data._types import JsonObject
    from .._http._credentials import Credentials
    from .._support._secrets import Keys
    from ..providers._contract import Adapter, TokenAdapter
    from ..providers._registry import Registry

FINGERPRINT = "bought_with"
"""Where a stored config has its fingerprint."""
SALT_BYTES = 16
DIGEST_BYTES = 8


def fingerprint_of(call: Call, registry: Registry) -> JsonObject:
    """Return the fingerprint of a call's config; without a hash where there is no key yet."""
    config = call.config
    if call.mocked or registry.handler(config.provider) is not None:
        return {"key": _fingerprint(config.api_key)} if config.api_key else {}

    try:
        adapter = registry.adapter(config.provider)
        account = _settings.account(adapter, config, None)
    except TarashException:
        return {}  # which the attempt itself will say

    return {"host": account.base_url, "key": _fingerprint(lasting_key(adapter, config, account))}


def lasting_key(adapter: Adapter, config: Config, account: Credentials) -> str:
    """Return what tells who buys: the key, and of tokens that end within the hour only that."""
    if "with_token" in adapter.abilities and cast("TokenAdapter", adapter).has_token(config):
        return _settings.NO_KEY

    return account.key.reveal()


def fits(fingerprint: Mapping[str, str], key: str) -> bool:
    """Tell whether a key is the one of a fingerprint; False where that holds no hash."""
    salt, hashed, _ = fingerprint.get("key", "").partition("$")
    return bool(hashed) and hmac.compare_digest(
        _fingerprint(key, bytes.fromhex(salt)), fingerprint["key"]
    )


def _fingerprint(key: str, salt: bytes | None = None) -> str:
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    digest = hashlib.blake2b(key.strip().encode(), digest_size=DIGEST_BYTES, salt=salt)
    return f"{salt.hex()}${digest.hexdigest()}"


def key_for(stored: Mapping[str, object], fingerprint: Mapping[str, str], keys: Keys) -> str | None:
    """Return the key that was given for a stored config: the one that it was to buy with.

    Where that is not among them, it is the one for its host, else for its provider.
    """
    provider = str(stored["provider"])
    for name in keys.names:
        whose = name if isinstance(name, str) else name[0]
        if whose == provider and fits(fingerprint, keys.get(name) or ""):
            return keys.get(name)

    places = {
        _bare(str(place)) for place in (stored.get("base_url"), fingerprint.get("host")) if place
    }
    for name in keys.names:
        if isinstance(name, tuple) and name[0] == provider and _bare(name[1]) in places:
            return keys.get(name)

    return keys.get(provider)


def _bare(url: str) -> str:
    """Return what two ways of writing one base URL share."""
    parts = urlsplit(url.strip())
    return f"{parts.scheme}://{parts.netloc}".lower()
