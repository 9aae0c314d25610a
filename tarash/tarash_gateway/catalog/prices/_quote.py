"""What a call will cost: the sum of the price lines that hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from ..._data._money import MOST, Quote, QuoteLine
from ._conditions import holds
from ._facts import height_of
from ._quantities import Quantity, quantity_of

if TYPE_CHECKING:
    from ..._data._money import PriceLine
    from ._facts import Facts

CENTS = Decimal(100)
GIVE_ONE = "give one with register_prices(), or in a file that TARASH_PRICES names"
SURCHARGE = "surcharge"


@cache
def free() -> Quote:
    """Return what the mock costs; made on first use, since pydantic builds a validator for it."""
    return Quote(low=Decimal(0), high=Decimal(0), currency="USD")


@dataclass(frozen=True, slots=True)
class _Amount:
    line: PriceLine
    quantity: Quantity
    low: Decimal
    high: Decimal
    currency: str


def quote_of(lines: Sequence[PriceLine], facts: Facts, model: str) -> Quote:
    """Return what a call costs by these lines.

    Args:
        lines: The price lines of its model.
        facts: What is known of it.
        model: The model's id, for what can't be priced.
    """
    usable = [line for line in lines if line.role is None]
    if not usable:
        return Quote(unknown=(f"no price of {model} is known; {GIVE_ONE}",))

    answers = [(line, answer) for line in usable if (answer := holds(line, facts)) is not False]
    surcharges = [(line, sure) for line, sure in answers if line.formula == SURCHARGE]
    base = [(line, sure) for line, sure in answers if line.formula != SURCHARGE]
    unknown: list[str] = []
    parts: list[tuple[QuoteLine, str]] = []
    billables = dict.fromkeys(line.billable for line in usable if line.formula != SURCHARGE)
    for billable in sorted(billables, key=lambda name: name.startswith(("input", "prompt"))):
        fitting = [(line, sure) for line, sure in base if line.billable == billable]
        part = _part(billable, fitting, facts, unknown)
        beyond = _beyond(billable, [line for line, _ in fitting], usable, facts)
        unknown.extend(() if beyond is None else (beyond,))
        if part is not None:
            parts.append(part)

    parts += _surcharges(surcharges, facts, unknown)
    return _sum(parts, unknown, [line for line, _ in answers])


def _part(
    billable: str,
    fitting: Sequence[tuple[PriceLine, bool | None]],
    facts: Facts,
    unknown: list[str],
) -> tuple[QuoteLine, str] | None:
    """Return what one billable costs: by the line that says most, or between all that may hold."""
    if not fitting:
        if not billable.startswith("input_"):
            unknown.append(f"no price of its {billable.replace('_', ' ')} holds for this request")

        return None

    chosen = _chosen(_without_alternatives(fitting))
    amounts, reasons = [], []
    for line in chosen:
        counted = quantity_of(line, facts)
        if isinstance(counted, str):
            reasons.append(f"{billable.replace('_', ' ')}: {counted}")
        else:
            amounts.append(_amount(line, counted))

    unknown.extend(dict.fromkeys(reasons))
    return None if not amounts or reasons else _between(billable, amounts, unknown)


def _beyond(
    billable: str, fitting: Sequence[PriceLine], usable: Sequence[PriceLine], facts: Facts
) -> str | None:
    """Return what is unknown of a resolution above all that have a price of their own.

    A line without a resolution is the price of the usual one then, and not of any.
    """
    if not fitting or any("resolution" in line.when or line.alternative_to for line in fitting):
        return None

    listed = [line.when.get("resolution") for line in usable if line.billable == billable]
    named = [
        resolution
        for value in listed
        for resolution in (value if isinstance(value, list) else [value])
    ]
    heights = [height for resolution in named if (height := height_of(resolution)) is not None]
    asked = [height_of(resolution) or 0 for resolution in facts.values.get("resolution") or ()]
    if not heights or not asked or max(asked) <= max(heights):
        return None

    return f"no price of its {billable.replace('_', ' ')} in {max(asked)} lines is known"


def _without_alternatives(
    fitting: Sequence[tuple[PriceLine, bool | None]],
) -> Sequence[tuple[PriceLine, bool | None]]:
    first = [pair for pair in fitting if pair[0].alternative_to is None]
    return first or fitting


def _chosen(fitting: Sequence[tuple[PriceLine, bool | None]]) -> list[PriceLine]:
    """Return the lines of which one holds: the certain one, and those that may hold before it."""
    certain = [line for line, sure in fitting if sure]
    most = max((len(line.when) for line in certain), default=-1)
    best = [line for line in certain if len(line.when) == most]
    return best + [line for line, sure in fitting if sure is None and len(line.when) > most]


def _amount(line: PriceLine, quantity: Quantity) -> _Amount:
    rate, currency = line.rate / line.per, line.currency
    factor = Decimal(1)
    if line.currency == "usd_cent":
        factor, currency = 1 / CENTS, "USD"
    elif line.credit_usd is not None:
        factor, currency = line.credit_usd, "USD"

    low, high = sorted((rate * quantity.low, rate * quantity.high))
    if line.min_charge is not None and quantity.is_there:
        low, high = max(low, line.min_charge), max(high, line.min_charge)

    return _Amount(line, quantity, low * factor, high * factor, currency)


def _between(
    billable: str, amounts: Sequence[_Amount], unknown: list[str]
) -> tuple[QuoteLine, str] | None:
    currencies = dict.fromkeys(amount.currency for amount in amounts)
    if len(currencies) > 1:
        unknown.append(f"its {billable} may be priced in {' or '.join(currencies)}")
        return None

    first = amounts[0]
    line = QuoteLine(
        billable=billable,
        unit=first.line.unit,
        low=min(amount.low for amount in amounts),
        high=max(amount.high for amount in amounts),
        quantity_low=min(amount.quantity.low for amount in amounts),
        quantity_high=max(amount.quantity.high for amount in amounts),
        rate=first.line.rate / first.line.per if len(amounts) == 1 else None,
        basis=first.quantity.basis,
        source=first.line.source,
        date=first.line.date,
        confidence=first.line.confidence,
    )
    return line, first.currency


def _surcharges(
    lines: Iterable[tuple[PriceLine, bool | None]], facts: Facts, unknown: list[str]
) -> list[tuple[QuoteLine, str]]:
    charges = []
    for line, sure in lines:
        counted = quantity_of(line, facts)
        if isinstance(counted, str):
            unknown.append(f"a surcharge: {counted}")
            continue

        amount = _amount(line, counted)
        made = _between(line.billable, [amount], unknown)
        if made is None:
            continue

        part, currency = made
        if not sure:  # it may be added, or not
            bounds = {"low": min(part.low, Decimal(0)), "high": max(part.high, Decimal(0))}
            part = part.model_copy(update=bounds)

        charges.append((part, currency))

    return charges


def _sum(
    parts: Sequence[tuple[QuoteLine, str]], unknown: list[str], used: Sequence[PriceLine]
) -> Quote:
    currencies = dict.fromkeys(currency for part, currency in parts if part.high or part.low)
    if not currencies:
        currencies = dict.fromkeys(currency for _, currency in parts)

    if len(currencies) > 1:
        unknown.append(
            f"its parts are priced in {' and '.join(currencies)}, which are not added up"
        )
        return Quote(unknown=tuple(dict.fromkeys(unknown)), lines=tuple(part for part, _ in parts))

    # What counts nothing of a request says nothing of what the rest of it will cost.
    if not parts or (unknown and not any(part.quantity_high for part, _ in parts)):
        return Quote(unknown=tuple(dict.fromkeys(unknown)))

    high = sum((part.high for part, _ in parts), Decimal(0))
    if not 0 <= high <= MOST:
        unknown.append(f"its price comes to {high:.1E} {next(iter(currencies))}, which is no price")
        return Quote(unknown=tuple(dict.fromkeys(unknown)))

    suspects = [f"a price may be wrong: {line.suspect}" for line in used if line.suspect]
    low = sum((part.low for part, _ in parts), Decimal(0))
    return Quote(
        low=max(low, Decimal(0)),
        high=None if unknown else max(high, Decimal(0)),
        currency=next(iter(currencies)),
        unknown=tuple(dict.fromkeys([*unknown, *suspects])),
        lines=tuple(part for part, _ in parts if part.quantity_high),
    )
