"""What a call will cost: the sum of the price lines that hold. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from ..._data._money import MOST, Quote, QuoteLine
from ._conditions import holds
from ._price_inputs import height_of
from ._quantities import Quantity, quantity_of

if TYPE_CHECKING:
    from ..._data._money import PriceLine
    from ._price_inputs import PriceInputs

CENTS = Decimal(100)
GIVE_ONE = "give one with register_prices(), or in a file that TARASH_PRICES names"
SURCHARGE = "surcharge"
BY_UNIT = frozenset({None, SURCHARGE, "ceil_step", "min_quantity"})
"""Formulas by which what is counted is the unit."""
OF_PROMPTS = frozenset({"token", "character"})


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


@dataclass(frozen=True, slots=True)
class _Part:
    """What one billable costs, as far as that is known."""

    priced: tuple[QuoteLine, str] | None
    unknown: Sequence[str] = ()


class Tariff:
    """What calls cost that differ in their prompts alone: the sum of the lines that hold."""

    def __init__(self, lines: Sequence[PriceLine], facts: PriceInputs, model: str) -> None:
        """Count what does not depend on the prompt.

        Args:
            lines: The price lines of the model.
            facts: What is known of the calls.
            model: The model's id, for what can't be priced.
        """
        self._facts = facts
        self._used: list[PriceLine] = []
        self._parts: list[_Part | Callable[[PriceInputs], _Part]] = []
        """In the order of a quote; a function for what depends on the prompt."""
        self._quote: Quote | None = None
        """Of every prompt, where none matters."""
        self._quotes: WeakValueDictionary[tuple[int, int], Quote] = WeakValueDictionary()
        """By the prompt, no longer than a job has one: thousands wait with a few of them."""
        usable = [one for one in lines if one.role is None]
        if usable:
            self._take(usable)
        else:
            self._quote = Quote(unknown=(f"no price of {model} is known; {GIVE_ONE}",))

    def _take(self, usable: Sequence[PriceLine]) -> None:
        answers = [
            (line, answer) for line in usable if (answer := holds(line, self._facts)) is not False
        ]
        self._used = [line for line, _ in answers]
        base = [(line, sure) for line, sure in answers if line.formula != SURCHARGE]
        billables = dict.fromkeys(line.billable for line in usable if line.formula != SURCHARGE)
        for billable in sorted(billables, key=lambda name: name.startswith(("input", "prompt"))):
            fitting = [(line, sure) for line, sure in base if line.billable == billable]
            beyond = _beyond(billable, [line for line, _ in fitting], usable, self._facts)
            chosen = _chosen(_without_alternatives(fitting))
            self._add(chosen, partial(_part, billable, chosen, beyond))

        for line, sure in answers:
            if line.formula == SURCHARGE:
                self._add([line], partial(_surcharge, line, sure is True))

    def _add(self, lines: Sequence[PriceLine], part: Callable[[PriceInputs], _Part]) -> None:
        self._parts.append(part if any(map(is_by_prompt, lines)) else part(self._facts))

    def quote(self, prompt: tuple[int, int]) -> Quote:
        """Return what a call costs.

        Args:
            prompt: The length of its prompt, as `PriceInputs` has it.
        """
        known = self._quote or self._quotes.get(prompt)
        if known is not None:
            return known

        asked = replace(self._facts, prompt=prompt)
        parts = [one if isinstance(one, _Part) else one(asked) for one in self._parts]
        priced = [one.priced for one in parts if one.priced is not None]
        quote = _sum(priced, [why for one in parts for why in one.unknown], self._used)
        if all(isinstance(one, _Part) for one in self._parts):
            self._quote = quote

        return self._quotes.setdefault(prompt, quote)


def is_by_prompt(line: PriceLine) -> bool:
    """Tell whether what a line counts depends on the length of the prompt."""
    by_unit = line.formula in BY_UNIT and line.unit in OF_PROMPTS
    return by_unit or line.formula == "gpt_prompt"


def _part(
    billable: str, chosen: Sequence[PriceLine], beyond: str | None, facts: PriceInputs
) -> _Part:
    """Return what one billable costs: by the line that says most, or between all that may hold."""
    unknown: list[str] = []
    if not chosen:
        if not billable.startswith("input_"):
            unknown.append(f"no price of its {billable.replace('_', ' ')} holds for this request")

        return _Part(None, unknown)

    amounts, reasons = [], []
    for line in chosen:
        counted = quantity_of(line, facts)
        if isinstance(counted, str):
            reasons.append(f"{billable.replace('_', ' ')}: {counted}")
        else:
            amounts.append(_amount(line, counted))

    unknown.extend(dict.fromkeys(reasons))
    part = None if not amounts or reasons else _between(billable, amounts, unknown)
    unknown.extend(() if beyond is None else (beyond,))
    return _Part(part, unknown)


def _beyond(
    billable: str, fitting: Sequence[PriceLine], usable: Sequence[PriceLine], facts: PriceInputs
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


def _surcharge(line: PriceLine, is_sure: bool, facts: PriceInputs) -> _Part:
    """Return what a surcharge adds; one that may be added, or not, from nothing on."""
    counted = quantity_of(line, facts)
    if isinstance(counted, str):
        return _Part(None, [f"a surcharge: {counted}"])

    unknown: list[str] = []
    made = _between(line.billable, [_amount(line, counted)], unknown)
    if made is not None and not is_sure:
        part, currency = made
        bounds = {"low": min(part.low, Decimal(0)), "high": max(part.high, Decimal(0))}
        made = part.model_copy(update=bounds), currency

    return _Part(made, unknown)


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
