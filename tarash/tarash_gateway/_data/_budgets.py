"""What may be spent in a time: budgets, as users write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, cast, get_args

from ..exceptions import ValidationError
from ._money import dollars, written

Period = Literal["hour", "day", "month", "total"]
PERIODS = get_args(Period)
WRITTEN = re.compile(r"\$?\s*([\d.]+)\s*(?:/|\s+per\s+)\s*(\w+)(?:\s*/\s*([\w.-]+))?")
DECEMBER = 12


@dataclass(frozen=True, slots=True, init=False)
class Budget:
    """US dollars that may be spent in a time, by all calls that share a ledger.

    What a submit may cost is reserved before it is sent, and corrected by what it has cost. Periods
    begin at full hours, days and months in UTC.

    Attributes:
        amount: US dollars.
        per: `hour`, `day`, `month`, or `total` for one that never renews.
        label: The name of a label; each of its values has a budget of its own. Calls without the
            label share one.

    Raises:
        ValidationError: The amount or the period is none.

    Example:
        Gateway(budgets=[Budget("50", per="day"), Budget("5", per="month", label="user")])
    """

    amount: Decimal
    per: Period
    label: str | None

    def __init__(
        self, amount: Decimal | int | str, per: Period = "total", label: str | None = None
    ) -> None:
        """Say how much, for how long, and for whom."""
        try:
            known = dollars(amount)
        except ValueError as error:
            raise ValidationError(f"Budget: {error}") from error

        if known is None:
            raise ValidationError("Budget: say how many US dollars, such as '2.50'")

        if per not in PERIODS:
            raise ValidationError(
                f"Budget: {per!r} is no period; allowed: {', '.join(map(repr, PERIODS))}"
            )

        object.__setattr__(self, "amount", known)
        object.__setattr__(self, "per", per)
        object.__setattr__(self, "label", label)

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Return a budget that is written as `50/day`, or `5/month/user` for each label `user`.

        Raises:
            ValidationError: It is written in another way.
        """
        match = WRITTEN.fullmatch(text.strip())
        if match is None:
            raise ValidationError(
                f"{text!r} is no budget; write it as 50/day, or as 5/month/user for each value of "
                "the label 'user'"
            )

        return cls(match[1], cast("Period", match[2]), match[3])

    def __str__(self) -> str:
        whole = written(self.amount, "USD")
        words = f"{whole} in all" if self.per == "total" else f"{whole} per {self.per}"
        return words if self.label is None else f"{words} for each {self.label}"

    def period(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """Return when its current period began, and when it ends; None for never."""
        return period_at(self.per, now)


def period_at(per: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when the period began that a time is in, and when it ends; None for never."""
    at = now.astimezone(UTC)
    if per == "total":
        return None, None

    if per == "hour":
        begin = at.replace(minute=0, second=0, microsecond=0)
        return begin, begin + timedelta(hours=1)

    begin = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if per == "day":
        return begin, begin + timedelta(days=1)

    begin = begin.replace(day=1)
    last = begin.month == DECEMBER
    return begin, begin.replace(year=begin.year + last, month=1 if last else begin.month + 1)
