"""How a declared vendor reads the key of a request."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping

from tarash.tarash_gateway.testing._declarations._reading import Declaration, Table


class KeyReader:
    """What a wire knows of keys.

    Args:
        declaration: What it says.
        keys: Reads the keys that are allowed at the moment, of which those such as `id:secret`
            sign tokens.
    """

    def __init__(self, declaration: Declaration, keys: Callable[[], Collection[str]]) -> None:
        self._said = declaration
        self._keys = keys
        auth = declaration.account.get("auth", {})
        self._auth: Table = auth
        self.credential_header = str(auth.get("header", "Authorization"))
        self.credential_parameter = (
            str(auth.get("parameter", "key")) if auth.get("type") == "query" else ""
        )

    def credential(self, headers: Mapping[str, str]) -> str:
        """Return the key that a request carries in the declared way."""
        sent = headers.get(self.credential_header.lower(), "").strip()
        kind = self._auth.get("type", "bearer")
        if kind == "header":
            prefix = str(self._auth.get("prefix", ""))
            return sent.removeprefix(prefix).strip() if sent.startswith(prefix) else ""

        scheme, _, key = sent.partition(" ")
        if kind == "basic":
            return _unpacked(key) if scheme.lower() == "basic" else ""

        if scheme.lower() != "bearer":
            return ""

        return self._signed_by(key.strip()) if kind == "jwt" else key.strip()

    def _signed_by(self, token: str) -> str:
        """Return the pair of id and secret that signed a token; a plain key stands for itself."""
        head, _, rest = token.partition(".")
        claims, _, mark = rest.partition(".")
        issuer = _unpacked(claims) if mark else ""
        for pair in self._keys():
            name, _, secret = pair.partition(":")
            made = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
            if (
                f'"{name}"' in issuer
                and base64.urlsafe_b64encode(made).decode().rstrip("=") == mark
            ):
                return pair

        return token


def _unpacked(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
