"""What a declared vendor answers when it is asked for a price: no job comes of that."""

from typing import Any
from urllib.parse import parse_qsl

from tarash.tarash_gateway.testing._declarations._account import KeyReader
from tarash.tarash_gateway.testing._declarations._paths import place, read_at
from tarash.tarash_gateway.testing._declarations._places import Place
from tarash.tarash_gateway.testing._declarations._reading import Table
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import Handler, Reply
from tarash.tarash_gateway.testing._wires._context import WireContext


class Pricing(KeyReader):
    """The part of a declared vendor that names prices."""

    _context: WireContext

    def _price_places(self, base: str) -> "list[Place]":
        """Return the routes of questions that have a path of their own."""
        places = []
        for how in self._said.quotes:
            for path in (how["path"], how.get("path_if_missing")):
                if path is not None and "{path}" not in path:
                    plain = "/" + path.partition("?")[0].strip("/")
                    handler = self._pricing(how)
                    places += [Place("POST", one + plain, handler, "model") for one in (base, "")]

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
            row = next((one for one in published if one.get("model") in named), None)
            if row is not None:
                return Reply.json({key: value for key, value in row.items() if key != "model"})

            body: dict[str, Any] = {}
            place(body, how["amount"], 1)
            exact = how.get("exact")
            if exact is not None and read_at(body, exact["at"]) is None:
                place(body, exact["at"], next(iter(exact.get("values", ())), "exact"))

            return Reply.json(body)

        return answer


def _texts(body: Any) -> list[str]:
    return [one for one in body.values() if isinstance(one, str)] if isinstance(body, dict) else []
