"""How a declared provider is asked what its models take, and what it lists of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._data._types import JsonObject
from ..._http._client import checked, join
from ..._support._paths import value_at as one
from ..._support._paths import values_at as every
from ...catalog import OUTPUTS, Get, reduce_schema
from ...catalog._records import dated
from ._account import with_version
from ._pricing import DeclaredPricing
from ._rows import schema_in

if TYPE_CHECKING:
    from ..._http._credentials import Credentials
    from ._model import ProviderDeclaration
    from ._stages import Schemas

NOT_FOUND = 404
OFF = "off"


class DeclaredLearning(DeclaredPricing):
    """The list of the provider's schemas: of one model on first use, of all on a refresh."""

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

        for item in every(body, f"{how.items}[]"):
            name = one(item, how.id)
            schema = schema_in(item, how) if how.in_rows else one(item, how.input_schema)
            if isinstance(name, str) and isinstance(schema, Mapping) and model in (None, name):
                record = record_of(schema, str(how.makes or one(item, how.category) or name))
                records |= {} if record is None else {name: record}

        return records


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
