"""What a declared vendor has beside jobs: how it reads a key, and what it says of prices."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tarash.tarash_gateway.testing._declarations._places import Place, place, read_at
from tarash.tarash_gateway.testing._declarations._reading import Declaration, Table
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import Handler, Reply
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext


class Account(BaseWire):
    """What a wire knows of keys and of prices.

    Args:
        declaration: What it says.
        context: The view of the simulator; of its keys, those such as `id:secret` sign tokens.
    """

    def __init__(self, declaration: Declaration, context: WireContext) -> None:
        super().__init__(context)
        self._said = declaration
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
        allowed = self._context.keys()
        issuer = _unpacked(claims) if mark else ""
        for pair in allowed:
            name, _, secret = pair.partition(":")
            made = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
            if (
                f'"{name}"' in issuer
                and base64.urlsafe_b64encode(made).decode().rstrip("=") == mark
            ):
                return pair

        return token

    def _price_places(self, base: str) -> "list[Place]":
        """Return the routes of questions that have a path of their own."""
        places = []
        for how in self._said.quotes:
            for path in (how["path"], how.get("path_if_missing")):
                if path is not None and "{path}" not in path:
                    plain = "/" + path.partition("?")[0].strip("/")
                    handler = self._pricing(how)
                    places += [Place("POST", root + plain, handler, "model") for root in (base, "")]

        return places

    def _or_price(self, submit: Handler) -> Handler:
        """Return what answers at a submit's path, where a question has a query of its own."""
        asked = [
            (how, dict(parse_qsl(how["path"].partition("?")[2])))
            for how in self._said.quotes
            if "{path}" in how["path"]
        ]

        async def answer(request: RecordedRequest) -> Reply:
            for how, query in asked:
                if query and query.items() <= dict(request.query).items():
                    return await self._pricing(how)(request)

            return await submit(request)

        return answer

    def _pricing(self, how: Table) -> Handler:
        async def answer(request: RecordedRequest) -> Reply:
            try:
                sent: Any = request.json()
            except ValueError:
                sent = {}

            named = [request.path_values.get("model"), *_texts(sent)]
            published = self._context.state.prices
            row = next((row for row in published if row.get("model") in named), None)
            if row is not None:
                return Reply.json({key: value for key, value in row.items() if key != "model"})

            body: dict[str, Any] = {}
            place(body, how["amount"], 1)
            exact = how.get("exact")
            if exact is not None and read_at(body, exact["at"]) is None:
                place(body, exact["at"], next(iter(exact.get("values", ())), "exact"))

            return Reply.json(body)

        return answer


def _unpacked(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _texts(body: Any) -> list[str]:
    return (
        [value for value in body.values() if isinstance(value, str)]
        if isinstance(body, dict)
        else []
    )
