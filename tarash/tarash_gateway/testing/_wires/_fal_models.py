"""fal's models API: the paged listing and one endpoint's schema, as fal's own hosts give them.

On the wire's own origin, and without a key, as the real ones work. Serves the catalogue that ships
with the package, and what a test published instead.
"""

from collections.abc import Mapping
from typing import Any

from tarash.tarash_gateway.catalog import document_of, shipped_records
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import Reply, Route
from tarash.tarash_gateway.testing._wires._context import WireContext
from tarash.tarash_gateway.testing._wires._fal_bodies import request_error

_PAGE = 100
_PRICE = ("endpoint_id", "unit_price", "unit", "currency")


class FalModels:
    """Lists models with their schemas."""

    def __init__(self, context: WireContext) -> None:
        self._context = context
        self.routes = [
            Route("GET", "/v1/models", self._list, step="model", public=True),
            Route(
                "GET", "/api/openapi/queue/openapi.json", self._document, step="model", public=True
            ),
            Route("GET", "/v1/models/pricing", self._prices, step="model"),
            Route("POST", "/v1/models/pricing/estimate", self._estimate, step="model"),
        ]

    def _models(self) -> Mapping[str, Mapping[str, Any]]:
        published = self._context.state.models
        if published is not None:
            return {str(model["endpoint_id"]): model for model in published}

        return {model: _listed(model, record) for model, record in shipped_records("fal")}

    async def _list(self, request: RecordedRequest) -> Reply:
        models = self._models()
        asked = request.query.get("endpoint_id")
        if asked is not None:
            listed = [models[name] for name in asked.split(",") if name in models]
            return Reply.json({"models": listed, "next_cursor": None, "has_more": False})

        cursor = request.query.get("cursor", "page-0").removeprefix("page-")
        if not cursor.isdigit():
            return request_error(400, "Invalid cursor")

        start = int(cursor) * _PAGE
        page = list(models.values())[start : start + _PAGE]
        more = start + _PAGE < len(models)
        following = f"page-{int(cursor) + 1}" if more else None
        return Reply.json({"models": page, "next_cursor": following, "has_more": more})

    async def _prices(self, request: RecordedRequest) -> Reply:
        asked = request.query.get("endpoint_id", "").split(",")
        rows = [
            {name: row[name] for name in _PRICE if name in row}
            for row in self._context.state.prices
            if asked == [""] or row["endpoint_id"] in asked
        ]
        return Reply.json({"prices": rows, "next_cursor": None, "has_more": False})

    async def _estimate(self, request: RecordedRequest) -> Reply:
        question = request.json()
        kind, total = question.get("estimate_type"), 0.0
        rows = {row["endpoint_id"]: row for row in self._context.state.prices}
        for endpoint, quantity in question.get("endpoints", {}).items():
            row = rows.get(endpoint)
            if row is None:
                return request_error(404, f"Endpoint {endpoint} not found")

            if kind == "unit_price":
                total += row["unit_price"] * quantity["unit_quantity"]
            else:
                total += row.get("average", 0) * quantity["call_quantity"]

        return Reply.json({"estimate_type": kind, "total_cost": total, "currency": "USD"})

    async def _document(self, request: RecordedRequest) -> Reply:
        model = self._models().get(request.query.get("endpoint_id", ""))
        if model is None:
            return request_error(404, "Endpoint not found")

        return Reply.json(model["openapi"])


def _listed(model: str, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a model as the listing shows it, with a document made of its record."""
    return {
        "endpoint_id": model,
        "metadata": {
            "display_name": record.get("name"),
            "category": record.get("category"),
            "status": "active",
            "date": record.get("date"),
            "updated_at": record.get("updated"),
        },
        "openapi": document_of(model, record["input"], record["outputs"]),
    }
