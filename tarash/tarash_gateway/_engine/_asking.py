"""Has a provider asked what a request would cost; whatever comes of that, there is a quote."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import anyio

from .._data._money import Quote, QuoteLine, is_amount, written
from ..exceptions import TarashException
from ._accounts import account_of
from ._attempt import Attempt

if TYPE_CHECKING:
    from .._data._exchange import Call, Payload
    from .._data._money import Asked
    from ..providers._contract import Adapter, PricingAdapter
    from ._fitting import EngineContext

ASK_SECONDS = 15.0
"""How long a provider may take to answer."""


async def asked_price(
    adapter: Adapter, call: Call, payload: Payload, quote: Quote, resources: EngineContext
) -> Quote:
    """Return the provider's quote in place of ours; ours, with a note, where it gives none.

    Args:
        adapter: How to talk to the provider.
        call: The call, adapted to its model.
        payload: What would be sent.
        quote: Ours.
        resources: What attempts share.
    """
    if call.mocked:
        return quote

    provider = call.config.provider
    asked = None
    note = f"{provider} was asked, and has no price of {call.config.model}"
    try:
        asked = await _asked(adapter, call, payload, resources)
    except NotImplementedError:
        note = f"{provider} has no way to ask for a price before the purchase"
    except TimeoutError:
        note = f"{provider} was asked for its price, and did not answer in time"
    except TarashException as error:
        note = f"{provider} could not be asked for its price: {_why(error)}"
    except Exception as error:  # noqa: BLE001  (there is a quote without it)
        # Its words may hold a secret.
        note = f"{provider} gave a price that can't be read ({type(error).__name__})"

    if asked is None:
        return _noted(quote, note)

    return _typical(quote, asked, call) if asked.is_typical else _quoted(asked, call)


async def _asked(
    adapter: Adapter, call: Call, payload: Payload, resources: EngineContext
) -> Asked | None:
    if "ask_price" not in adapter.abilities:
        raise NotImplementedError

    account = account_of(adapter, Attempt(call), resources.registry)
    with anyio.fail_after(ASK_SECONDS):
        async with resources.clients.lease(adapter, account) as client:
            asked = await cast("PricingAdapter", adapter).ask_price(client, payload, call)

    amounts = [] if asked is None else [asked.amount, asked.most]
    if not all(amount is None or is_amount(amount) for amount in amounts):
        raise ValueError("no call costs that")

    return asked


def _why(error: TarashException) -> str:
    """Return what went wrong, with no advice but that on a key: the quote goes on without it."""
    variables = [hint.value for hint in error.hints if hint.action == "set_key" and hint.value]
    return "; ".join(
        [error.summary, *(f"set the environment variable {variable}" for variable in variables)]
    )


def _quoted(asked: Asked, call: Call) -> Quote:
    """Return the quote that a provider has given for this very request."""
    provider = call.config.provider
    line = QuoteLine(
        billable="request",
        unit="request",
        low=asked.amount,
        high=asked.amount if asked.most is None else max(asked.most, asked.amount),
        quantity_low=Decimal(1),
        quantity_high=Decimal(1),
        basis="request, as the provider prices it",
        source=f"{provider}, when it was asked",
        date=datetime.now(UTC).date(),
    )
    unknown = () if asked.most is not None else (f"{provider} does not say what it costs at most",)
    return Quote(
        low=asked.amount,
        high=None if asked.most is None else line.high,
        currency=asked.currency,
        unknown=unknown,
        lines=(line,),
    )


def _typical(quote: Quote, asked: Asked, call: Call) -> Quote:
    """Return our quote, with what calls of the model usually cost beside it."""
    usual = written(asked.amount, asked.currency)
    noted = _noted(
        quote,
        f"{call.config.provider} says that a call of {call.config.model} costs {usual} on average; "
        "this one may cost more or less",
    )
    if quote.currency not in (None, asked.currency):
        return noted

    return noted.model_copy(update={"typical": asked.amount, "currency": asked.currency})


def _noted(quote: Quote, note: str) -> Quote:
    return quote.model_copy(update={"notes": (*quote.notes, note)})
