"""What one attempt may cost, would cost, and has cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from .._data._money import Cost

if TYPE_CHECKING:
    from .._data._budgets import Budget
    from .._data._media_info import Measures
    from .._data._money import Quote
    from .._data._types import Billing


def later_word(before: Billing | None, now: Billing | None) -> Billing | None:
    """Return whether a job is billed, by what was known and what is said of it now.

    What is known to be free stays that, unless its provider says that it bills it.
    """
    return now if now == "certain" or (before != "none" and now is not None) else before


@dataclass(slots=True)
class Money:
    """The money of one attempt: what is known of it so far."""

    limit: Decimal | None = None
    """Dollars that it may cost; None for any."""
    budgets: tuple[Budget, ...] = ()
    """What all calls together may spend."""
    quote: Quote | None = None
    """What it would cost, as was known before it was sent."""
    measures: Measures | None = None
    """How large its media are, as far as a price depends on that."""
    reported: Cost | None = None
    """What the provider says that it has cost."""
    forgotten: str = ""
    """The intent of an attempt whose job the ledger has forgotten; what it reserved is there."""

    def cost_of(self, billing: Billing) -> Cost | None:
        """Return what it has cost, or may cost; None where nobody knows.

        Args:
            billing: Whether it costs money at all.
        """
        if self.reported is not None:
            return self.reported

        if billing == "none":
            return Cost(amount=Decimal(0), state="settled")

        quote = self.quote
        if quote is None or quote.high is None or quote.currency is None:
            return None

        return Cost(amount=quote.high, currency=quote.currency, lines=quote.lines)
