"""What fal says of costs: what a request was counted as, and what calls of a model usually cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._data._money import Asked, Reported, exact, figure
from ..._http._urls import join

if TYPE_CHECKING:
    from ..._data._exchange import Call, Payload
    from ..._http._client import HttpClient

API = "https://api.fal.ai"
ESTIMATE = "v1/models/pricing/estimate"


def reported_cost(_body: Any, metadata: Mapping[str, Any]) -> Reported | None:
    """Return the billable units of a result; what one costs is the endpoint's own price."""
    units = exact(metadata.get("billable_units"))
    return None if units is None else Reported(quantity=units, unit="fal_unit")


async def ask_price(client: HttpClient, payload: Payload, _call: Call) -> Asked | None:
    """Return what calls of the model cost on average: fal prices no single request.

    Not by units, though fal has that, too: how many of them a request takes depends on parameters
    that its price does not name.
    """
    root = client.account.base_url if client.account.custom_base_url else API
    calls = {payload.path: {"call_quantity": 1}}
    question = {"estimate_type": "historical_api_price", "endpoints": calls}
    answer = await client.post(join(root, ESTIMATE), json=question)
    return typical_cost(answer.object())


def typical_cost(answer: Mapping[str, Any]) -> Asked | None:
    """Return the average of calls; None where there were none, which is not free."""
    total, currency = figure(answer.get("total_cost")), answer.get("currency")
    if not total or not isinstance(currency, str):
        return None

    return Asked(amount=total, currency=currency.upper(), is_typical=True)
