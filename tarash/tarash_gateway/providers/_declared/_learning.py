"""How a declared provider is asked what its models take, and what a submit would cost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..._data._money import Asked, figure
from ..._data._types import JsonObject
from ..._http._client import HttpResponse, checked, join, unreadable
from ..._support._paths import value_at, values_at
from ...catalog import OUTPUTS, Get, reduce_schema
from ...catalog._records import dated
from ...exceptions import HTTPError, ValidationError
from ._account import with_version
from ._asked import form_of
from ._choosing import schema_in
from ._names import holds, put
from ._parts import first_of
from ._result import DeclaredResult
from ._stages import Quote, place_of

if TYPE_CHECKING:
    from ..._data._exchange import Call, Payload
    from ..._http._credentials import Credentials
    from ._model import ProviderDeclaration
    from ._stages import Schemas


NOT_FOUND = 404
OFF = "off"


class DeclaredLearning(DeclaredResult):
    """What is asked beside jobs: for schemas of one model or of all, and for a price."""

    DOCUMENT_PART = "JSON"

    def __init__(self, declaration: ProviderDeclaration) -> None:
        super().__init__(declaration)
        self.AUTHORIZATION = ("Bearer", next(iter(declaration.account.variables), ""))
        self.switch = f"TARASH_{declaration.name.upper().replace('-', '_')}_SCHEMAS"

    def may_learn(self, account: Credentials) -> bool:
        """Tell whether the list is asked: the account's own host, unless that is turned off."""
        del account
        return os.environ.get(self.switch, "").strip().lower() != OFF

    async def _fetch_schema(self, client: Any, model: str) -> JsonObject | None:
        """Return what the lists say of one model; the first that has it."""
        for how in self.said.schemas:
            answer = await client.get(self.address_of(client, how.path, {}), any_status=True)
            if answer.status == NOT_FOUND:
                continue

            body = checked(answer, self.errors).object()
            if self.rules.is_refusal(body):
                raise self.rules.in_good_answer(answer)

            record = self.records_in(body, model, how).get(model)
            if record is not None:
                return dated(record)

        return None

    async def read_all(self, get: Get, base_url: str | None) -> Mapping[str, JsonObject]:
        """Return the records of all models that are listed, by id."""
        declared = self.said.account.base_url
        base = with_version(base_url, declared) if base_url else declared
        records: dict[str, JsonObject] = {}
        for how in self.said.schemas:
            records = {**self.records_in(await get(join(base, how.path), {}), how=how), **records}

        return records

    async def read_one(self, get: Get, base_url: str | None, model: str) -> JsonObject | None:
        """Return the record of one model; None where the list doesn't have it."""
        return (await self.read_all(get, base_url)).get(model)

    def read_document(self, model: str, document: Mapping[str, Any]) -> JsonObject | None:
        """Return the record in a model's JSON Schema; None where it describes no input."""
        return record_of(document, model)

    def records_in(
        self, body: Any, model: str | None = None, how: Schemas | None = None
    ) -> dict[str, JsonObject]:
        """Return the records in a list by id, of all models or of one. Pure."""
        how = how or next(iter(self.said.schemas), None)
        records: dict[str, JsonObject] = {}
        if how is None:
            return records

        for item in values_at(body, f"{how.items}[]"):
            name = value_at(item, how.id)
            schema = schema_in(item, how) if how.in_rows else value_at(item, how.input_schema)
            if isinstance(name, str) and isinstance(schema, Mapping) and model in (None, name):
                record = record_of(schema, str(how.makes or value_at(item, how.category) or name))
                records |= {} if record is None else {name: record}

        return records

    async def _ask_price(self, client: Any, payload: Payload, call: Call) -> Asked | None:
        """Return what the provider says that a submit of this payload would cost."""
        how = first_of(self.said.quote, call.kind, call.config.model)
        if how is None:
            return None

        answer = await self._asked_at(client, how.path, how, payload, call)
        if answer.status == NOT_FOUND and how.path_if_missing is not None:
            answer = await self._asked_at(client, how.path_if_missing, how, payload, call)

        body = checked(answer, self.errors).object()
        if self.rules.is_refusal(body):
            raise self.rules.in_good_answer(answer)

        amount, scale = figure(value_at(body, how.amount)), Decimal(how.scale)
        if amount is None:
            way = self._submit_of(call.kind, call.config.model, call.request)
            if not way.at_once and value_at(body, way.id) is not None:
                raise HTTPError(
                    f"{self.said.title} answered with a job in place of a price, which may be "
                    f"billed: {value_at(body, way.id)}",
                    raw_response=body,
                    status_code=answer.status,
                )

            raise unreadable(answer.status, body)

        most = figure(value_at(body, how.most))
        if how.exact is None or holds(how.exact, body):
            most = amount

        return Asked(amount * scale, how.currency, None if most is None else most * scale)

    async def _asked_at(
        self, client: Any, path: str, how: Quote, payload: Payload, call: Call
    ) -> HttpResponse:
        own, mark, query = payload.path.partition("?")
        if "{path}" in path and mark:  # which has a query of its own
            own, path = f"{own}?{query}", path.replace("?", "&", 1)

        values = {"model": call.config.model}
        url = self.address_of(client, path.replace("{path}", own), values)
        if place_of(url) == place_of(join(client.account.base_url, payload.path)):
            raise ValidationError(
                f"The price of {values['model']} would be asked for where jobs are bought, so it "
                "was not; the file of the provider has to name another quote.path",
                submission="not_sent",
            )

        way = self._submit_of(call.kind, call.config.model, call.request)
        if how.inside is None and not how.body and way.sends in ("form", "multipart"):
            answer: HttpResponse = await client.send_form(url, form_of(payload.body, way))
            return answer

        named = {name: values["model"] if value == "{model}" else value
                 for name, value in how.body.items()}  # fmt: skip
        body: Any = {**payload.body, **named}
        if how.inside is not None:
            body = named
            put(body, how.inside, payload.body)

        sent = [body] if way.sends == "array" and how.inside is None else body
        priced: HttpResponse = await client.post(url, json=sent, any_status=True)
        return priced


def record_of(schema: Mapping[str, Any], category: str) -> JsonObject | None:
    """Return the record of a model's JSON Schema; None where it describes no input.

    Args:
        schema: Of its input.
        category: What it makes, after `-to-`: its category, or its id.
    """
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return None

    ordered = dict(sorted(properties.items(), key=lambda pair: _order(pair[1])))
    made = category.rpartition("-to-")[2].partition("/")[0]
    return {
        "category": category,
        "input": reduce_schema({**schema, "properties": ordered}),
        "outputs": [made] if made in OUTPUTS else [],
    }


def _order(schema: Any) -> float:
    order = schema.get("x-order") if isinstance(schema, Mapping) else None
    return order if isinstance(order, int | float) else float("inf")
