"""What was quoted and may be bought: once, for as long as the quote stands."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decimal import Decimal

    from .._data._types import Kind
    from ..ledger._records import StateLedger

SPACE = "mcp.quotes"
STANDS = timedelta(minutes=15)
"""How long a quote may be confirmed."""
KNOWN = timedelta(days=7)
"""How long a confirmed one leads to its job: models repeat calls whose answer they have lost."""


class Quotes:
    """The quotes that were handed out."""

    def __init__(self, ledger: StateLedger) -> None:
        self._ledger = ledger

    async def keep(  # noqa: PLR0913, PLR0917  (what a quote is made of)
        self,
        kind: Kind,
        model: str,
        fallbacks: tuple[str, ...],
        request: dict[str, Any],
        most: Decimal | None,
        caller_id: str,
    ) -> str:
        """Keep what was quoted; return the id that confirms it.

        Args:
            kind: What is to be made.
            model: Who makes it, as it was named.
            fallbacks: Who follows after a retryable failure.
            request: What is to be made, as JSON.
            most: US dollars that it may cost; None where nobody knows and that was allowed.
            caller_id: Who may confirm it.
        """
        quote_id = f"quote_{secrets.token_hex(12)}"
        value = {
            "kind": kind,
            "model": model,
            "fallbacks": list(fallbacks),
            "request": request,
            "most": None if most is None else str(most),
            "by": caller_id,
        }
        until = datetime.now(UTC) + STANDS
        await self._ledger.write_state(SPACE, quote_id, value, expected=0, until=until)
        return quote_id

    async def find(self, quote_id: str) -> dict[str, Any] | None:
        """Return what was quoted under an id; None where that is not known, or stands no more."""
        record = await self._ledger.read_state(SPACE, quote_id)
        return None if record is None else dict(record.value)

    async def bought(self, quote_id: str, value: dict[str, Any]) -> None:
        """Remember a quote that was confirmed for longer."""
        until = datetime.now(UTC) + KNOWN
        await self._ledger.write_state(SPACE, quote_id, value, until=until)
