"""What an attempt has cost, from what its provider says, by the price lines where it needs them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from .._data._events import Polled
from .._data._money import Cost, Reported, is_amount
from ..catalog import schema_source
from ..catalog.prices import prices

if TYPE_CHECKING:
    from .._data._exchange import Snapshot
    from .._data._money import PriceLine, Quote
    from ..providers._contract import Adapter, ReportingAdapter
    from ._attempt import Attempt

DOLLARS = "USD"
COMPUTING = "gpu_second"
CREDIT = "unit"
"""What declared providers call a credit of their own."""


def take_cost(adapter: Adapter, attempt: Attempt, body: Any, metadata: Mapping[str, Any]) -> None:
    """Note what a provider says of an attempt's cost; an odd figure never costs the result."""
    if "reported_cost" not in adapter.abilities or attempt.call.mocked:
        return

    try:
        reported = cast("ReportingAdapter", adapter).reported_cost(body, metadata)
        cost = None if reported is None else _possible(_cost(attempt, reported))
    except Exception as error:  # noqa: BLE001  (the result matters more than its price)
        attempt.log(logging.WARNING, "odd_cost", error=_error_text(attempt, error))
        return

    attempt.money.reported = cost or attempt.money.reported


def take_seen(adapter: Adapter, attempt: Attempt, seen: Snapshot) -> None:
    """Note what one poll says of the cost of a job that has ended."""
    finished = seen.finished
    attempt.take(Polled(status=seen.status, final=True, billing=seen.billing))
    body = seen.raw if finished is None else finished.raw
    take_cost(adapter, attempt, body, {} if finished is None else finished.metadata)


def _possible(cost: Cost | None) -> Cost | None:
    """Return a cost that a job can have.

    Raises:
        ValueError: None can.
    """
    if cost is not None and not is_amount(cost.amount):
        raise ValueError(f"{cost.amount:.3E} {cost.currency} is no cost of a job")

    return cost


def _error_text(attempt: Attempt, error: Exception) -> str:
    """Return an error in words; it may hold what the provider has written, and that a key."""
    return f"{type(error).__name__}: {attempt.secrets.text(str(error))}"


def _cost(attempt: Attempt, reported: Reported) -> Cost | None:
    own = {"quantity": reported.quantity, "unit": reported.unit}
    state = "settled" if reported.final else "reported"
    if reported.amount is not None:
        return Cost.model_validate(
            {"amount": reported.amount, "currency": reported.currency, "state": state, **own}
        )

    lines, quote = _lines(attempt), attempt.money.quote
    amount = _by_parts(lines, reported.parts)
    for find in (_by_unit, _by_computing, _by_credit):
        amount = find(lines, reported) if amount is None else amount

    amount = _by_quote(quote, reported) if amount is None else amount
    if amount is not None:
        return Cost.model_validate({"amount": amount, "state": state, **own})

    if quote is None or quote.high is None or quote.currency is None:
        return None

    # The figure is the provider's own; what it is worth is not known here.
    return Cost.model_validate({"amount": quote.high, "currency": quote.currency, **own})


def _lines(attempt: Attempt) -> tuple[PriceLine, ...]:
    config = attempt.call.config
    with schema_source(config.base_url):
        return prices.lines(config.provider, config.model, kind=attempt.call.kind)


def _by_parts(lines: Sequence[PriceLine], parts: Mapping[str, Decimal]) -> Decimal | None:
    """Return what counted parts cost; None where one of them has no price."""
    if not parts:
        return None

    rates = {
        line.billable: line.rate / line.per
        for line in lines
        if line.unit == "token" and line.currency == DOLLARS and not line.when
    }
    if any(count and name not in rates for name, count in parts.items()):
        return None

    return sum((count * rates.get(name, Decimal(0)) for name, count in parts.items()), Decimal(0))


def _by_unit(lines: Sequence[PriceLine], reported: Reported) -> Decimal | None:
    """Return what counted units cost, where the price of one is known for settling."""
    for line in lines:
        if line.role != "settlement" or line.unit == "token":
            continue

        if line.currency == DOLLARS and reported.quantity is not None:
            return line.rate / line.per * reported.quantity

    return None


def _by_computing(lines: Sequence[PriceLine], reported: Reported) -> Decimal | None:
    """Return what seconds of a machine cost, where the model has a price for one."""
    if reported.unit != COMPUTING or reported.quantity is None:
        return None

    priced = [one for one in lines if one.unit == COMPUTING and not one.when]
    if len(priced) != 1 or priced[0].currency != DOLLARS:
        return None

    return priced[0].rate / priced[0].per * reported.quantity


def _by_credit(lines: Sequence[PriceLine], reported: Reported) -> Decimal | None:
    """Return what a provider's own credits are worth, where price lines in them say that."""
    for line in lines:
        is_meant = line.credit_usd is not None and reported.unit in (line.currency, CREDIT)
        if is_meant and line.credit_usd is not None and reported.quantity is not None:
            return line.credit_usd * reported.quantity

    return None


def _by_quote(quote: Quote | None, reported: Reported) -> Decimal | None:
    """Return what a count costs at the rate of the quote, where that counted the same thing."""
    if quote is None or quote.currency != DOLLARS or reported.quantity is None:
        return None

    unit = (reported.unit or "").removesuffix("s")
    counted = [line for line in quote.lines if line.unit == unit and line.quantity_high]
    if len(counted) != 1 or counted[0].rate is None:
        return None

    others = sum((line.high for line in quote.lines if line is not counted[0]), Decimal(0))
    return counted[0].high / counted[0].quantity_high * reported.quantity + others
