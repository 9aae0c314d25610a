"""The headers of a declared provider: a key as it is, or a token signed for each request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..._support._secrets import AuthHeaders
from ._model import Auth


def headers_of(auth: Auth, key: str, others: Mapping[str, str]) -> AuthHeaders:
    """Return the headers that carry a key; for `jwt` the key is `id:secret`, else sent as it is."""
    if auth.type == "jwt" and ":" in key:
        return _Signed(auth, key, others)

    if auth.type == "header":
        return AuthHeaders({**others, auth.header: f"{auth.prefix}{key}"})

    if auth.type == "basic":
        packed = base64.b64encode(key.encode()).decode()
        return AuthHeaders({**others, auth.header: f"Basic {packed}"})

    return AuthHeaders({**others, auth.header: f"Bearer {key}"})


class _Signed(AuthHeaders):
    """A fresh token with each request."""

    __slots__ = ("_make",)

    def __init__(self, auth: Auth, key: str, others: Mapping[str, str]) -> None:
        super().__init__({**others, auth.header: ""})
        self._make: Callable[[], dict[str, str]] = lambda: {
            **others,
            auth.header: f"Bearer {signed(auth, key, time.time())}",
        }

    def onto(self, headers: Mapping[str, str] | None) -> dict[str, Any]:
        return {**(headers or {}), **self._make()}


def signed(auth: Auth, key: str, now: float) -> str:
    """Return a JWT (HS256) for a key `id:secret`."""
    name, _, secret = key.partition(":")
    claims = {"iss": name, "exp": int(now + auth.lifetime), "nbf": int(now - auth.skew)}
    parts = [_packed(json.dumps(one).encode()) for one in ({"alg": "HS256", "typ": "JWT"}, claims)]
    text = ".".join(parts)
    mark = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{_packed(mark)}"


def _packed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
