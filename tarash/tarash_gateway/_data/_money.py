"""Money: price lines, quotes before a purchase, costs after it. Decimal, each with its source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ._base import Data, Settings, Several

CostState = Literal["estimated", "reported", "settled"]
"""`estimated` from price lines; `reported` by the provider, which may still change; `settled` for
good."""

PriceUnit = Literal[
    "second",
    "minute",
    "frame",
    "video",
    "image",
    "megapixel",
    "token",
    "character",
    "credit",
    "run",
    "request",
    "gpu_second",
]
"""What a rate is for one of. `run` and `request` are one for each call."""


MOST = Decimal(10) ** 9
"""More is no amount of money that a call costs, in any currency, and no rate of it."""
MOST_COUNTED = Decimal(10) ** 18
"""More is no quantity, in any unit."""
LEAST_COUNTED = Decimal(10) ** -18
LETTERS_OF_A_CODE = 3
LEAST_WRITTEN = Decimal("0.000001")


def _as_written(amount: Any) -> Any:
    """Take a float as it is written: not as its binary neighbour."""
    return str(amount) if type(amount) is float else amount


def _code(currency: Any) -> Any:
    """Take `usd` for `USD`: what has three letters is a currency's code."""
    text = currency.strip() if isinstance(currency, str) else currency
    return text.upper() if isinstance(text, str) and len(text) == LETTERS_OF_A_CODE else text


def dollars(amount: Any) -> Decimal | None:
    """Return an amount that a user has given as a decimal; None for none.

    Raises:
        ValueError: It is no amount of money.
    """
    if amount is None:
        return None

    if isinstance(amount, str):
        amount = amount.strip().removeprefix("$")

    try:
        made = amount if isinstance(amount, Decimal) else Decimal(_as_written(amount))
    except (InvalidOperation, TypeError, ValueError):
        made = Decimal("NaN")

    is_odd = isinstance(amount, bool) or (isinstance(amount, str) and "_" in amount)
    if is_odd or not is_amount(made):
        raise ValueError(f"an amount of US dollars is 0 to {MOST:,}, such as '2.50'")

    return made or Decimal(0)  # there is a zero below zero, too


Dollars = Annotated[Decimal | int | str | None, BeforeValidator(dollars)]
"""As users may write it; it is a decimal from then on."""


class PriceLine(Settings):
    """What one thing costs at one provider, as data.

    The amount of a line is `rate / per * quantity`, in `currency`, times `credit_usd` where the
    currency is a provider's credit. A quote is the sum of the lines that hold: one for each
    `billable`, and every surcharge.

    Attributes:
        provider: The provider's name.
        model: The model's id; one that ends in `*` covers all that begin so. The longest counts.
        billable: What is paid for, such as `output`, `input_image`, `input_video` or `prompt`.
            Lines of one billable are alternatives; of different ones, parts of a sum.
        unit: What `rate` is for one of, or for `per` of.
        rate: A decimal; negative for a discount, which is a surcharge.
        per: How many units the rate is for, such as 1000000 tokens.
        currency: `USD`, another currency's code, `usd_cent`, or a provider's credit.
        credit_usd: US dollars for one unit of `currency`, where that is a provider's credit.
        when: What has to hold: request facts (`resolution`, `audio`, `quality`, `size`, `mode`,
            `seconds`, `input_video`, `region`, `tier`, `cached`) or parameters of the provider's
            own, each with a value, a list of values, or a comparison (`"<=4"`).
        min_charge: The least that a job costs, in `currency`.
        min: The least quantity that is charged.
        max: The greatest quantity that is charged.
        free: How many are free.
        step: Quantities are rounded up to a multiple of it.
        formula: How the quantity is counted, where it is not the unit's usual way.
        role: `settlement` for a line that only serves afterwards, and is no part of a quote.
        alternative_to: A line of another kind for the same thing: it is used where that one does
            not hold.
        valid_from: The first day on which it holds.
        valid_to: The last day on which it holds.
        source: Where this is from.
        date: When it was read there.
        confidence: `vendor`, `second_hand` or `inferred`.
        suspect: Why it should not be quoted from alone; such a line makes a quote say so.
    """

    provider: str = Field(min_length=1)
    model: str = Field(min_length=1)
    billable: str = "output"
    unit: PriceUnit
    rate: Decimal = Field(ge=-MOST, le=MOST, allow_inf_nan=False)
    per: Decimal = Field(default=Decimal(1), ge=LEAST_COUNTED, le=MOST_COUNTED, allow_inf_nan=False)
    currency: Annotated[str, BeforeValidator(_code)] = Field(default="USD", min_length=1)
    credit_usd: Decimal | None = Field(default=None, gt=0, le=MOST, allow_inf_nan=False)
    when: dict[str, Any] = Field(default_factory=dict)
    min_charge: Decimal | None = Field(default=None, ge=0, le=MOST, allow_inf_nan=False)
    min: Decimal | None = Field(default=None, ge=0, le=MOST_COUNTED, allow_inf_nan=False)
    max: Decimal | None = Field(default=None, ge=0, le=MOST_COUNTED, allow_inf_nan=False)
    free: Decimal | None = Field(default=None, ge=0, le=MOST_COUNTED, allow_inf_nan=False)
    step: Decimal | None = Field(
        default=None, ge=LEAST_COUNTED, le=MOST_COUNTED, allow_inf_nan=False
    )
    formula: str | None = None
    role: Literal["settlement"] | None = None
    alternative_to: str | None = None
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    source: str = ""
    date: dt.date | None = None
    confidence: Literal["vendor", "second_hand", "inferred"] = "vendor"
    suspect: str | bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _exact(cls, data: Any) -> Any:
        """Take numbers as they are written: a float's own digits, not its binary neighbours."""
        if not isinstance(data, Mapping):
            return data

        return {name: _as_written(value) for name, value in data.items()}

    @model_validator(mode="after")
    def _is_a_price(self) -> PriceLine:
        if self.rate < 0 and self.formula != "surcharge":
            raise ValueError("rate: only a surcharge (formula 'surcharge') may be below 0")

        return self


class QuoteLine(Data):
    """One part of a quote or of a cost.

    Attributes:
        billable: What is paid for.
        unit: What is counted.
        low: The least that this part costs, in the quote's currency.
        high: The most; equal to `low` where it is certain.
        quantity_low: The least quantity.
        quantity_high: The greatest.
        rate: For one unit, in the currency of the price line; None where several may hold.
        basis: How the quantity was found, in a few words.
        source: Where the price is from.
        date: When it was read there.
        confidence: `vendor`, `second_hand` or `inferred`.
    """

    billable: str
    unit: str
    low: Decimal
    high: Decimal
    quantity_low: Decimal
    quantity_high: Decimal
    rate: Decimal | None = None
    basis: str = ""
    source: str = ""
    date: dt.date | None = None
    confidence: str = "vendor"


_NEGLIGIBLE = Decimal("0.01")
"""Less than this is no figure to go by, where the greater part can't be priced."""


class Quote(Data):
    """What a call will cost, by the prices that are known; an estimate, and never 0 for unknown.

    Attributes:
        low: The least it costs; None where nothing is known.
        high: The most it costs; None where a part can't be priced.
        currency: Of `low` and `high`; None where nothing is known.
        unknown: What can't be priced, and why, each in a sentence; empty where all is.
        lines: The parts.
        typical: What a call of the model usually costs, where the provider was asked and says no
            more than that, or where it is paid for by the second of computing and such jobs were
            seen here; no limit goes by it.
        notes: What else there is to say, such as why a provider that was asked gave no price.
    """

    low: Decimal | None = None
    high: Decimal | None = None
    currency: str | None = None
    unknown: Several[str] = ()
    lines: Several[QuoteLine] = ()
    typical: Decimal | None = None
    notes: Several[str] = ()

    def __str__(self) -> str:
        if self.low is None or self.currency is None:
            usual = None if self.typical is None else written(self.typical, self.currency or "USD")
            return "unknown" if usual is None else f"unknown, {usual} on average"

        low = written(self.low, self.currency)
        if self.high is None:
            # A few tokens of the prompt say nothing of what the result will cost.
            return "unknown" if self.low < _NEGLIGIBLE else f"at least {low}"

        return low if self.high == self.low else f"{low} to {written(self.high, self.currency)}"


def is_within(quote: Quote, limit: Decimal | None, *, allow_unpriced: bool) -> bool:
    """Tell whether a call may be sent that costs so much.

    Args:
        quote: What it would cost.
        limit: The dollars that it may cost; None for any.
        allow_unpriced: Whether it may be sent where nobody knows what it costs at most.
    """
    if limit is None:
        return True

    if quote.high is not None and quote.currency == "USD":
        return quote.high <= limit

    return allow_unpriced and (quote.low or Decimal(0)) <= limit


class Cost(Data):
    """What an attempt cost.

    Attributes:
        amount: In `currency`.
        currency: `USD`, or the code of another.
        state: `estimated` by price lines, `reported` by the provider, or `settled` for good.
        quantity: The provider's own figure, such as 120 credits, where it gave one.
        unit: What that figure counts.
        lines: The parts, where they are known.
    """

    amount: Decimal = Field(allow_inf_nan=False)
    currency: str = "USD"
    state: CostState = "estimated"
    quantity: Decimal | None = None
    unit: str | None = None
    lines: Several[QuoteLine] = ()


class SpendRow(Data):
    """What was spent by one group of submits.

    Attributes:
        group: What the submits have in common, by name.
        amount: What they have cost, as far as is known.
        possible: What others of them may cost: they go on, or failed and may be billed.
        currency: Of both.
        submits: How many there were.
        unknown: How many of them have no known price.
    """

    group: dict[str, str]
    amount: Decimal
    possible: Decimal
    currency: str
    submits: int
    unknown: int = 0


class CostChange(Data):
    """What a provider says later of a job's cost, in place of what was known before.

    Attributes:
        job_id: The job's.
        provider: Who made it.
        model: Its model.
        before: What was written down before; None where nothing was known.
        after: What it has cost.
        currency: Of `after`.
        state: How sure that is; as in `Cost`.
    """

    job_id: str
    provider: str
    model: str
    before: Decimal | None
    after: Decimal
    currency: str
    state: CostState


def written(amount: Decimal, currency: str) -> str:
    """Return an amount as people write it: `$1.20`, `0.0035 CNY`."""
    if 0 < amount < LEAST_WRITTEN:
        return f"less than {written(LEAST_WRITTEN, currency)}"

    plain = amount.normalize()
    exponent = plain.as_tuple().exponent
    places = max(2, -exponent if isinstance(exponent, int) else 2)
    text = f"{plain:.{min(places, 6)}f}"
    return f"${text}" if currency == "USD" else f"{text} {currency}"


@dataclass(frozen=True, slots=True)
class Reported:
    """What a provider says of a job's cost.

    Attributes:
        amount: Money, where it says that.
        currency: Of the amount.
        final: Whether the amount stays as it is.
        quantity: Its own figure, in its own unit.
        unit: What the figure counts.
        parts: Quantities by what is billed, such as tokens of `prompt` and `output`, where price
            lines turn them into money.
    """

    amount: Decimal | None = None
    currency: str = "USD"
    final: bool = True
    quantity: Decimal | None = None
    unit: str | None = None
    parts: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a provider says that a request would cost, asked without buying it.

    Attributes:
        amount: In `currency`.
        currency: `USD`, or the code of another.
        most: The most that it will cost: `amount` where that is exact; None where nobody says.
        is_typical: Whether the amount is that of other calls of the model, not of this request.
    """

    amount: Decimal
    currency: str = "USD"
    most: Decimal | None = None
    is_typical: bool = False


def is_amount(value: Decimal) -> bool:
    """Tell whether a call may cost so much: not NaN, not below 0, and not without measure."""
    return value.is_finite() and 0 <= value <= MOST


def _counted(number: Decimal) -> Decimal | None:
    return number if number.is_finite() and 0 <= number <= MOST_COUNTED else None


def figure(value: Any) -> Decimal | None:
    """Return a number of an answer as a decimal, also one that is written as text."""
    if not isinstance(value, str):
        return exact(value)

    try:
        return _counted(Decimal(value.strip()))
    except InvalidOperation:
        return None


def exact(value: Any) -> Decimal | None:
    """Return a number of an answer as a decimal; None for text, NaN, and what is absurd."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None

    return _counted(Decimal(str(value)))
