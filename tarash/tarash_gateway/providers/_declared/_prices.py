"""What a declared provider's models cost, as its file says it: price lines without the provider."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..._data._money import PriceLine, PriceUnit
from ...catalog.prices import reason_of
from ._parts import Section, Text

Amount = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")]
"""A decimal in text: money is no float."""
Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]
Divisor = Annotated[str, Field(pattern=r"^\d*[1-9]\d*(\.\d+)?$|^\d+\.\d*[1-9]\d*$")]
RENAMED: Mapping[str, str] = {"since": "valid_from", "until": "valid_to"}


class Price(Section):
    """What one thing costs. Lines that a user registers, or names in a file, go before it."""

    model: Text
    """The model's id; one that ends in `*` stands for all that begin so."""
    unit: PriceUnit
    """What the rate is for one of, or for `per` of."""
    rate: Amount
    """Negative for a discount."""
    billable: Text = "output"
    """Lines of one billable are alternatives; of different ones, parts of a sum."""
    per: Divisor | None = None
    currency: Text = "USD"
    """`USD`, another currency, `usd_cent`, or a credit of the provider's own."""
    credit_usd: Divisor | None = None
    """US dollars for one unit of the currency, where that is a credit."""
    when: dict[str, Any] = {}
    """What has to hold: facts of the request or parameters, each with a value, a list of values, or
    a comparison such as `"<=4"`."""
    min_charge: Quantity | None = None
    min: Quantity | None = None
    max: Quantity | None = None
    free: Quantity | None = None
    step: Divisor | None = None
    role: Literal["settlement"] | None = None
    alternative_to: Text | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    source: str | None = None
    date: dt.date | None = None

    @model_validator(mode="after")
    def _has_measure(self) -> Price:
        try:
            self.line("any")
        except ValueError as error:
            raise ValueError(reason_of(error)) from None

        return self

    def line(self, provider: str) -> PriceLine:
        """Return it as a line of a provider's."""
        fields = {RENAMED.get(name, name): one for name, one in self if one is not None}
        return PriceLine.model_validate({"provider": provider, **fields})
