"""How a declared provider is asked what a submit would cost. Starts nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..._data._money import Asked, figure
from ..._http._client import HttpResponse, checked, join, unreadable
from ..._support._paths import value_at as one
from ...exceptions import HTTPError, ValidationError
from ._forms import form_of
from ._names import holds, put
from ._parts import first_of
from ._result import DeclaredResult
from ._stages import Quote, place_of

if TYPE_CHECKING:
    from ..._data._exchange import Call, Payload

NOT_FOUND = 404


class DeclaredPricing(DeclaredResult):
    """The question for a price, beside the stages of a job."""

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

        amount, scale = figure(one(body, how.amount)), Decimal(how.scale)
        if amount is None:
            way = self._submit_of(call.kind, call.config.model, call.request)
            if not way.at_once and one(body, way.id) is not None:
                raise HTTPError(
                    f"{self.said.title} answered with a job in place of a price, which may be "
                    f"billed: {one(body, way.id)}",
                    raw_response=body,
                    status_code=answer.status,
                )

            raise unreadable(answer.status, body)

        most = figure(one(body, how.most))
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
