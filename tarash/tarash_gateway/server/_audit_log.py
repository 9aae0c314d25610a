"""Where the admin's acts are written down: in the log, and in the ledger for a year."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ledger._records import StateLedger

log = logging.getLogger("tarash.tarash_gateway.server.audit")
SPACE = "server.audit"
KEPT = timedelta(days=365)
NEWEST_FIRST = 10**16


async def write_act(
    states: StateLedger, act: str, what: str, *, address: str | None, request_id: str | None = None
) -> None:
    """Write down what the admin does.

    Args:
        states: The ledger.
        act: A word for it, such as `key.created`.
        what: To what, such as the id of a key; never a secret.
        address: From where.
        request_id: By which request.
    """
    now = datetime.now(UTC)
    entry = {
        "at": now.isoformat(),
        "act": act,
        "what": what,
        "address": address,
        "request_id": request_id,
    }
    log.info("%s %s by the admin from %s", act, what, address)
    # Names are read in their order: the newest has the smallest.
    name = f"{NEWEST_FIRST - time.time_ns() // 1000:016d}-{uuid.uuid4().hex[:8]}"
    await states.write_state(SPACE, name, entry, until=now + KEPT)
