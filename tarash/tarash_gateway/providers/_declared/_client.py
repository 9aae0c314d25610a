"""The headers of a declared provider: a key as it is, or a token signed for each request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..._http._client import HttpClient
from ..._support._secrets import AuthHeaders, Key, Secrets
from ...exceptions import ValidationError
from ._model import Auth, ProviderDeclaration


def headers_of(auth: Auth, key: str, others: Mapping[str, str]) -> AuthHeaders:
    """Return the headers that carry a key; for `jwt` the key is `id:secret`, else sent as it is."""
    if auth.type == "jwt" and ":" in key:
        return _Signed(auth, key, others)

    if auth.type == "header":
        return AuthHeaders({**others, auth.header: f"{auth.prefix}{key}"})

    if auth.type == "basic":
        packed = base64.b64encode(key.encode()).decode()
        return _Hidden({**others, auth.header: f"Basic {packed}"}, Key(packed))

    if auth.type == "query":
        return _Hidden(others, Key(quote(key, safe="")))

    return AuthHeaders({**others, auth.header: f"Bearer {key}"})


class QueryClient(HttpClient):
    """A client whose key stands in the query of each address that may see it."""

    def __init__(self, parameter: str, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._parameter = parameter

    def sent_to(self, url: str) -> str:
        """Return the address with the key in it."""
        if not self.trusts(url):
            return url

        mark = "&" if "?" in url else "?"
        return f"{url}{mark}{self._parameter}={quote(self.account.key.reveal(), safe='')}"


def check_plain(declaration: ProviderDeclaration, key: Key) -> None:
    """Refuse an id and a secret where only a plain key is taken.

    Raises:
        ValidationError: They are what was given; nothing was sent.
    """
    if declaration.account.auth.type == "jwt" and ":" in key.reveal():
        variable = next(iter(declaration.account.variables), "api_key")
        raise ValidationError(
            f"{declaration.title} takes no id and secret for this model: make a plain API key, and "
            f"give it as api_key or in {variable}",
            submission="not_sent",
        )


class _Signed(AuthHeaders):
    """A token that is signed anew before it ends."""

    __slots__ = ("_tokens",)

    def __init__(self, auth: Auth, key: str, others: Mapping[str, str]) -> None:
        super().__init__({**others, auth.header: ""})
        made: list[tuple[float, Key]] = []

        def tokens() -> list[Key]:
            now = time.time()
            if not made or abs(now - made[-1][0]) >= auth.lifetime / 2:
                made.append((now, Key(signed(auth, key, now))))
                del made[:-2]  # an answer to the one before may still come

            return [token for _, token in made]

        self._tokens = tokens
        self.reveal = lambda: {**others, auth.header: f"Bearer {tokens()[-1].reveal()}"}

    @property
    def secrets(self) -> Secrets:
        return Secrets(self._tokens())


class _Hidden(AuthHeaders):
    """The headers beside a key that goes out in another form, which is as secret."""

    __slots__ = ("_form",)

    def __init__(self, headers: Mapping[str, str], form: Key) -> None:
        super().__init__({**headers})
        self._form = form

    @property
    def secrets(self) -> Secrets:
        return Secrets([self._form])


def signed(auth: Auth, key: str, now: float) -> str:
    """Return a JWT (HS256) for a key `id:secret`."""
    name, _, secret = key.partition(":")
    claims = {"iss": name, "exp": int(now + auth.lifetime), "nbf": int(now - auth.skew)}
    parts = [
        _packed(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    ]
    text = ".".join(parts)
    mark = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{_packed(mark)}"


def _packed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
